//! What is counted for each server of the requests that are over.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::{
    histogram::Histogram,
    table::{DURATION, SIZE_IN, SIZE_OUT},
};
use crate::observe::Outcome;

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// With what.
    pub outcome: Outcome,
    /// After how long.
    pub elapsed: Duration,
    /// Its size, in bytes.
    pub bytes_in: u64,
    /// That of its answer, as far as it was given to the client.
    pub bytes_out: u64,
}

/// The requests of one server.
pub(super) struct Calls {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    pub(super) duration: Histogram,
    pub(super) size_in: Histogram,
    pub(super) size_out: Histogram,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            outcomes: Default::default(),
            duration: DURATION.histogram(),
            size_in: SIZE_IN.histogram(),
            size_out: SIZE_OUT.histogram(),
        }
    }
}

impl Calls {
    pub(super) fn ended(&self, ended: &Ended) {
        if let Some(count) = self.outcomes.get(ended.outcome as usize) {
            count.fetch_add(1, Relaxed);
        }
        self.duration.record(nanoseconds(ended.elapsed));
        self.size_in.record(ended.bytes_in);
        self.size_out.record(ended.bytes_out);
    }

    pub(super) fn outcomes(&self) -> [u64; Outcome::ALL.len()] {
        self.outcomes.each_ref().map(|count| count.load(Relaxed))
    }

    /// How many there were, and the seconds they took together.
    pub(super) fn time(&self) -> (u64, f64) {
        (self.duration.count(), self.duration.sum())
    }
}

/// A time as histograms count it. There is none that is too long.
pub(in crate::observe) fn nanoseconds(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(u64::from(time.subsec_nanos()))
}
