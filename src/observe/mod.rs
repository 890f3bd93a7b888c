//! What is kept of a call: numbers, and a line in the log.

pub mod audit;
mod counted;
mod health;
pub mod metrics;
mod record;
mod reloads;
mod tls;
pub mod trace;

pub use counted::Counted;
pub use metrics::{Metrics, MetricsConfig};
pub use record::{Outcome, Record, one_line};
pub use reloads::{Reload, Reloads};
pub use tls::{Served, TlsNumbers};
