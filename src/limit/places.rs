//! How many counts are kept at once: memory has a bound, whoever calls.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts that one limit keeps apart; whoever comes then shares one with the others.
pub(super) const MOST: usize = 100_000;

/// A number of places, to be taken before something is kept.
#[derive(Debug)]
pub(super) struct Places {
    taken: AtomicUsize,
    most: usize,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            most,
        }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&self) -> bool {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Gives one back that was taken.
    pub(super) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn is_full(&self) -> bool {
        self.taken() >= self.most
    }
}
