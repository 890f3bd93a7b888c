//! Calls to a server that has failed too often fail at once, until it is found to be back.
//!
//! Closed, it costs a call two loads. After so many failures in a row it is open: calls are refused
//! for a pause, which grows each time. Then it is half open: the next call has the server asked
//! whether it is there, one at a time. If it is, calls go on; but until one of them succeeds, the
//! next failure opens it again.

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use tokio::{sync::Notify, time::Instant};

use super::backoff::chance;

/// `breaker = { … }` in a `[servers.<name>]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// After how many failures in a row calls are refused; 0: never.
    pub failures: u32,
    /// For how long at first.
    #[serde(with = "humantime_serde")]
    pub pause: Duration,
    /// For how long at most.
    #[serde(with = "humantime_serde")]
    pub longest_pause: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// Nothing has failed since the last success.
const WELL: u8 = 0;
/// Something has.
const FAILING: u8 = 1;
/// Calls are refused.
const OPEN: u8 = 2;

/// One server's.
pub(super) struct Breaker {
    config: BreakerConfig,
    level: AtomicU8,
    /// Only looked at where something has failed.
    count: Mutex<Count>,
    /// Calls are refused from now on.
    opened: Notify,
}

struct Count {
    /// Failures since the last success.
    failures: u32,
    /// The next pause, without its jitter.
    pause: Duration,
    /// Until when nobody asks.
    until: Instant,
    /// Somebody asks.
    asking: bool,
    /// The server has said that it is there: the next failure counts as the last.
    trial: bool,
}

/// Why a call is refused: so many failures in a row, and how long until the next attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) failures: u32,
    pub(super) wait: Duration,
}

impl Breaker {
    pub(super) fn new(config: &BreakerConfig) -> Self {
        let count = Count {
            failures: 0,
            pause: config.pause,
            until: Instant::now(),
            asking: false,
            trial: false,
        };
        Self {
            config: config.clone(),
            level: AtomicU8::new(WELL),
            count: Mutex::new(count),
            opened: Notify::new(),
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether calls are refused.
    pub(super) fn is_open(&self) -> bool {
        self.level.load(Ordering::Relaxed) == OPEN
    }

    /// Waits until calls are refused that were not.
    pub(super) async fn opened(&self) {
        self.opened.notified().await;
    }

    /// Why calls are refused, if they are.
    pub(super) fn open(&self) -> Option<Open> {
        self.is_open().then(|| self.count().refused())
    }

    /// The server has answered.
    pub(super) fn succeeded(&self) {
        if self.level.load(Ordering::Relaxed) == WELL {
            return;
        }
        let mut count = self.count();
        count.failures = 0;
        count.pause = self.config.pause;
        count.trial = false;
        self.level.store(WELL, Ordering::Relaxed);
    }

    /// The server could not be reached, went away, or took too long.
    pub(super) fn failed(&self) {
        let mut count = self.count();
        count.failures = count.failures.saturating_add(1);
        // Calls that were under way when it opened fail one by one: that is no news.
        if self.is_open() {
            return;
        }
        let last = count.trial || count.failures >= self.config.failures;
        self.level.store(FAILING, Ordering::Relaxed);
        if last {
            self.refuse(&mut count);
        }
    }

    /// Refuses calls, for longer than the last time.
    fn refuse(&self, count: &mut Count) {
        count.trial = false;
        count.until = Instant::now() + jittered(count.pause);
        count.pause = (count.pause * 2).min(self.config.longest_pause);
        self.level.store(OPEN, Ordering::Relaxed);
        self.opened.notify_one();
    }

    /// Lets one caller ask whether the server is back. Nothing where it need not be asked any more.
    ///
    /// # Errors
    /// When it is too early for that, or somebody else does.
    pub(super) fn ask(&self) -> Result<Option<Asking<'_>>, Open> {
        let mut count = self.count();
        if !self.is_open() {
            return Ok(None);
        }
        if count.asking || Instant::now() < count.until {
            return Err(count.refused());
        }
        count.asking = true;
        Ok(Some(Asking(self)))
    }
}

impl Count {
    fn refused(&self) -> Open {
        Open {
            failures: self.failures,
            wait: self.until.saturating_duration_since(Instant::now()),
        }
    }
}

/// One caller asks whether the server is back. Dropped without an answer, the next one may.
pub(super) struct Asking<'a>(&'a Breaker);

impl Asking<'_> {
    /// It is: calls go on.
    pub(super) fn answered(self) {
        let mut count = self.0.count();
        // Unless a call that was still under way has shown as much already.
        if self.0.is_open() {
            count.trial = true;
            self.0.level.store(FAILING, Ordering::Relaxed);
        }
        drop(count); // it is needed again when `self` is dropped
    }

    /// It is not.
    pub(super) fn unanswered(self) -> Open {
        let mut count = self.0.count();
        count.failures = count.failures.saturating_add(1);
        self.0.refuse(&mut count);
        let refused = count.refused();
        drop(count); // it is needed again when `self` is dropped
        refused
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.count().asking = false;
    }
}

/// Up to a quarter longer, so that gateways that lost a server together do not come back together.
fn jittered(pause: Duration) -> Duration {
    pause + (pause / 4).mul_f64(chance())
}
