//! What the audit log and its writer know of each other, and what they count.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tokio_util::sync::CancellationToken;

/// What the audit log counts.
#[derive(Debug, Default)]
pub struct AuditCounters {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl AuditCounters {
    /// Records written.
    pub fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Records for which the queue had no room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Records that could not be written.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub(super) fn add_written(&self, records: u64) {
        self.written.fetch_add(records, Relaxed);
    }

    pub(super) fn add_dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn add_failed(&self, records: u64) {
        self.failed.fetch_add(records, Relaxed);
    }
}

/// What both sides of the queue see. Nothing is ordered by these flags, so all is relaxed.
#[derive(Default)]
pub(super) struct State {
    pub(super) counters: AuditCounters,
    /// The writer is gone.
    pub(super) over: CancellationToken,
    failing: AtomicBool,
    reopen: AtomicBool,
}

impl State {
    /// Whether the last attempt to write failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    /// Notes that, and says what it was before.
    pub(super) fn set_failing(&self, failing: bool) -> bool {
        // Read first: a line of cache that is only read stays with all readers.
        self.is_failing() != failing && self.failing.swap(failing, Relaxed)
    }

    pub(super) fn ask_to_reopen(&self) {
        self.reopen.store(true, Relaxed);
    }

    pub(super) fn take_reopen(&self) -> bool {
        self.reopen.load(Relaxed) && self.reopen.swap(false, Relaxed)
    }
}
