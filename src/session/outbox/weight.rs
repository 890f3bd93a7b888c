//! The memory that all rings take together.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are in all rings, and how many may be. What several have in common counts for
/// each of them.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: AtomicUsize,
    pub(super) most: usize,
}

static HELD: Held = Held {
    bytes: AtomicUsize::new(0),
    most: 512 * 1024 * 1024,
};

impl Default for &'static Held {
    fn default() -> Self {
        &HELD
    }
}

/// What one ring takes of it.
#[derive(Debug, Default)]
pub(super) struct Weight {
    pub(super) bytes: usize,
    pub(super) of: &'static Held,
}

impl Weight {
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.of.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sub(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.of.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether all rings together take more than they may.
    pub(super) fn is_too_much(&self) -> bool {
        self.of.bytes.load(Ordering::Relaxed) > self.of.most
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.sub(self.bytes);
    }
}
