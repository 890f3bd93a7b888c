//! What systemd is told (`Type=notify-reload`), if it is there: everything here does nothing where
//! nobody has set `NOTIFY_SOCKET`.

use std::{io, pin::pin, time::Duration};

use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::workers::Pulse;

/// The gateway serves; for the first time, or again after a reload.
pub fn ready() {
    say(Ok([NotifyState::Ready]));
}

/// It reads its files again. [`ready`] has to follow, however that goes.
pub fn reloading() {
    say(reload());
}

/// systemd tells by the time which request to reload this answers.
fn reload() -> io::Result<[NotifyState<'static>; 2]> {
    Ok([NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
}

/// It ends.
pub fn stopping() {
    say(Ok([NotifyState::Stopping]));
}

/// Whether anybody is told anything.
pub(super) fn is_there() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// What `systemctl status` shows from now on.
pub(super) fn status(line: &str) {
    say(Ok([NotifyState::Status(line)]));
}

/// Shows that all cores work, twice in each `WatchdogSec`, for as long as this is polled.
pub(super) async fn watchdog(pulse: Pulse) {
    if let Some(time) = watchdog_enabled().filter(|time| !time.is_zero()) {
        feed(time, || pulse.beat(), || say(Ok([NotifyState::Watchdog]))).await;
    }
}

/// Each core has to answer within half of the time, else systemd takes the other half for silence.
async fn feed<B: Future>(time: Duration, beat: impl Fn() -> B, fed: impl Fn()) {
    let mut looks = interval(time / 2);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let mut beat = pin!(beat());
        if timeout(time / 4, &mut beat).await.is_err() {
            let longer = time / 4;
            tracing::warn!("a core is busy with one thing for longer than {longer:?}");
            beat.await;
        }
        fed();
    }
}

fn say<const N: usize>(states: io::Result<[NotifyState<'_>; N]>) {
    if let Err(error) = states.and_then(|states| notify(&states)) {
        tracing::warn!("systemd could not be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn systemd_hears_nothing_while_a_core_does_not_answer() {
        let time = Duration::from_secs(30);
        let (answers, fed) = (Semaphore::new(3), Cell::new(0));
        let beat = async || answers.acquire().await.unwrap().forget();
        let feeding = feed(time, beat, || fed.set(fed.get() + 1));
        let mut feeding = pin!(feeding);

        assert!(timeout(time * 10, &mut feeding).await.is_err());
        assert_eq!(fed.get(), 3);
        answers.add_permits(2);
        // The one that was waited for, and the one that is due by now.
        assert!(timeout(time / 4, &mut feeding).await.is_err());
        assert_eq!(fed.get(), 5);
    }

    #[test]
    fn a_reload_is_told_with_its_time() {
        let [reloading, time] = reload().unwrap().map(|state| state.to_string());
        assert_eq!(reloading, "RELOADING=1");
        let time = time.strip_prefix("MONOTONIC_USEC=").unwrap();
        assert!(time.parse::<u64>().unwrap() > 0);
    }
}
