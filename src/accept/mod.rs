//! How a call arrives: over HTTP, or on stdin.

mod address;
mod answering;
mod batch;
pub mod body;
mod collect;
mod conversation;
mod cors;
mod encoding;
pub mod http;
mod initialize;
mod meeting;
pub mod metadata;
mod origin;
pub mod plain;
pub(crate) mod response;
mod sse;
mod stateless;
pub mod stdio;

pub use collect::is_large;
pub use cors::Cors;
pub use origin::Origins;

use std::{sync::Arc, time::Duration};

use crate::{
    call::{Level, Visit},
    exchange::Exchange,
    mcp::{Frame, Part},
    pipeline::{Arrival, Pending, Pipeline},
    session::Session,
};

/// How often a quiet stream shows that it lives. Clients give up after a minute.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// A request on its way, and what carries what precedes its answer.
type Begun = (Pending, Arc<Exchange>);

/// Starts a request. The exchange carries what precedes its answer.
fn begin(pipeline: &Arc<Pipeline>, session: &Arc<Session>, frame: Frame, visit: Visit) -> Begun {
    let level = frame.text(Part::Level).and_then(|name| Level::named(&name));
    let exchange = Arc::new(Exchange::new(session.client.clone(), level));
    pipeline.begin(Arrival {
        session: session.clone(),
        frame,
        exchange,
        visit,
    })
}
