//! What is kept of a call: numbers, and a line in the log.

pub mod audit;
mod counted;
mod health;
pub mod metrics;
mod outcome;
mod quantile;
mod quiet;
mod recent;
mod record;
mod reloads;
mod tally;
mod tls;
pub mod trace;

pub use counted::Counted;
pub use metrics::{Metrics, MetricsConfig};
pub use outcome::Outcome;
pub use quantile::quantile;
pub use quiet::Quiet;
pub use recent::{Finished, Recent};
pub use record::{Record, one_line};
pub use reloads::{Reload, Reloads};
pub use tally::{Outcomes, Requests, Tally};
pub use tls::{Served, TlsNumbers};
