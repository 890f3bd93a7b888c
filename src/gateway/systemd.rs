//! What systemd is told (`Type=notify-reload`), if it is there: everything here does nothing where
//! nobody has set `NOTIFY_SOCKET`.

use std::io;

use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::time::{MissedTickBehavior, interval};

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

/// Shows that it lives, twice in each `WatchdogSec`, for as long as this is polled.
pub async fn watchdog() {
    let Some(time) = watchdog_enabled().filter(|time| !time.is_zero()) else {
        return;
    };
    let mut ticks = interval(time / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        say(Ok([NotifyState::Watchdog]));
    }
}

fn say<const N: usize>(states: io::Result<[NotifyState<'_>; N]>) {
    if let Err(error) = states.and_then(|states| notify(&states)) {
        tracing::warn!("systemd could not be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_is_told_with_its_time() {
        let [reloading, time] = reload().unwrap().map(|state| state.to_string());
        assert_eq!(reloading, "RELOADING=1");
        let time = time.strip_prefix("MONOTONIC_USEC=").unwrap();
        assert!(time.parse::<u64>().unwrap() > 0);
    }
}
