//! When the gateway itself is restarted: only then may a call to a calm server be lost.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::time::Instant;

/// How many restarts have begun and ended.
#[derive(Default)]
pub(crate) struct Turmoil {
    /// Odd while the gateway is restarted.
    epoch: AtomicU64,
    kills: Mutex<Vec<Instant>>,
}

/// The restarts before a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    epoch: u64,
    kills: usize,
}

impl Turmoil {
    /// A restart begins, by SIGKILL or as it should be.
    pub(crate) fn begins(&self, kill: bool) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        if kill {
            let mut kills = self.kills.lock().unwrap_or_else(PoisonError::into_inner);
            kills.push(Instant::now());
        }
    }

    /// The new process serves.
    pub(crate) fn ends(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Changes whenever a restart begins or ends.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Now.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            epoch: self.epoch(),
            kills: self.kills().len(),
        }
    }

    /// When it was killed.
    pub(crate) fn kills(&self) -> Vec<Instant> {
        let kills = self.kills.lock().unwrap_or_else(PoisonError::into_inner);
        kills.clone()
    }
}

impl Moment {
    /// Whether nothing was restarted from this moment to that.
    pub(crate) fn is_calm(self, until: Self) -> bool {
        self == until && self.epoch.is_multiple_of(2)
    }

    /// Whether the gateway was killed between them.
    pub(crate) fn is_killed(self, until: Self) -> bool {
        // A kill may have begun before, and be under way.
        self.kills != until.kills || (!self.epoch.is_multiple_of(2) && self.kills > 0)
    }
}
