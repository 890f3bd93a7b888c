//! What became of spans.

use metrics::Counter;

use crate::observe::metrics::{SPANS, SPANS_DROPPED};

/// What became of spans.
#[derive(Clone)]
pub struct SpanCounters {
    pub(super) sent: Counter,
    pub(super) dropped: Counter,
}

impl SpanCounters {
    /// Registers them, with the recorder that is in force.
    pub(in crate::observe) fn new() -> Self {
        Self {
            sent: SPANS.counter(&[]),
            dropped: SPANS_DROPPED.counter(&[]),
        }
    }
}
