//! How a call arrives: over HTTP, or on stdin.

mod answering;
mod batch;
pub mod body;
mod conversation;
pub mod http;
mod initialize;
mod origin;
pub(crate) mod response;
mod sse;
mod stateless;
pub mod stdio;

pub use origin::Origins;

use std::{sync::Arc, time::Duration};

use crate::{
    call::Level,
    exchange::Exchange,
    mcp::{Frame, Part},
    pipeline::{Arrival, Mirrored, Pending, Pipeline},
    session::Session,
};

/// How often a quiet stream shows that it lives. Clients give up after a minute.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Starts a request. The exchange carries what precedes its answer.
fn begin(pipeline: &Arc<Pipeline>, session: &Arc<Session>, frame: Frame) -> Begun {
    begin_with(pipeline, session, frame, Mirrored::new())
}

/// A request on its way, and what carries what precedes its answer.
type Begun = (Pending, Arc<Exchange>);

/// Starts a request that has headers which mirror its arguments.
fn begin_with(
    pipeline: &Arc<Pipeline>,
    session: &Arc<Session>,
    frame: Frame,
    mirrored: Mirrored,
) -> Begun {
    let level = frame.text(Part::Level).and_then(|name| Level::named(&name));
    let exchange = Arc::new(Exchange::new(session.client.clone(), level));
    pipeline.begin(Arrival {
        session: session.clone(),
        frame,
        exchange,
        mirrored,
    })
}
