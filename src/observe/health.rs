//! What is counted of each server that is there: it goes with the server.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::metrics::{FAILURES, Histogram, Page, QUEUE_WAIT, nanoseconds};
use crate::refusal::{Reason, Stage};

/// One server's numbers.
pub(super) struct Health {
    failures: [AtomicU64; Reason::ALL.len()],
    pub(super) queue_wait: Histogram,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            failures: std::array::from_fn(|_| AtomicU64::new(0)),
            queue_wait: QUEUE_WAIT.histogram(),
        }
    }
}

impl Health {
    /// A request was refused because of it.
    pub(super) fn failed(&self, reason: Reason) {
        if let Some(count) = self.failures.get(reason as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A call has waited for a place.
    pub(super) fn waited(&self, time: Duration) {
        self.queue_wait.record(nanoseconds(time));
    }

    /// Shows why requests were refused because of it.
    pub(super) fn write_failures(&self, page: &mut Page, server: &str) {
        for (reason, count) in Reason::ALL.iter().zip(&self.failures) {
            if is_of_server(*reason) {
                let count = count.load(Relaxed) as f64;
                page.sample(&FAILURES, &[server, reason.name()], count);
            }
        }
    }
}

/// Whether such a refusal says something of the server.
pub(super) fn is_of_server(reason: Reason) -> bool {
    reason.stage() == Stage::Forward || reason == Reason::Crowded
}
