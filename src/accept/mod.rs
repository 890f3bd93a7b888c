//! How a call arrives: over HTTP, or on stdin.

mod batch;
pub mod body;
pub mod http;
mod initialize;
mod origin;
pub mod stdio;

pub use origin::Origins;

use std::{sync::Arc, time::Duration};

use crate::{
    exchange::Exchange,
    mcp::Frame,
    pipeline::{Answer, Arrival, Pipeline},
    session::Session,
};

/// How often a quiet stream shows that it lives. Clients give up after a minute.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// A request on its way through the pipeline.
type Pending = std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Starts a request. The exchange carries what precedes its answer.
fn begin(
    pipeline: &Arc<Pipeline>,
    session: &Arc<Session>,
    frame: Frame,
) -> (Pending, Arc<Exchange>) {
    let exchange = Arc::new(Exchange::new(session.client.clone()));
    let arrival = Arrival {
        session: session.clone(),
        frame,
        exchange: exchange.clone(),
    };
    let pipeline = pipeline.clone();
    (
        Box::pin(async move { pipeline.answer(arrival).await }),
        exchange,
    )
}
