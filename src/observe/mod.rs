//! What is kept of a call: numbers, and a line in the log.

mod metrics;
mod record;

pub use metrics::Metrics;
pub use record::{Outcome, Record, one_line};
