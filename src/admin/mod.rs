//! How the gateway is doing, for machines that ask, and what operators do with it.

mod control;
mod health;
mod logs;
mod socket;
mod stats;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

pub use control::{Control, Reload, Reloading};
pub use health::{health, probe};
pub use socket::{Socket, SocketError, turn};
pub use stats::stats;

use crate::{
    accept::{body::Body, response::status},
    observe::metrics::{Doing, Look},
    pipeline::Pipeline,
};

/// Answers `/metrics`.
pub fn metrics(pipeline: &Pipeline) -> Response<Body> {
    let plan = pipeline.plan();
    let doing = plan.servers.iter().map(|(name, server)| Doing {
        name,
        state: server.state(),
        max_in_flight: server.config().max_in_flight(),
        offers: pipeline.offered(name).unwrap_or_default(),
    });
    let look = Look {
        sessions: pipeline.sessions.census(),
        servers: doing.collect(),
        audit: pipeline.audit.as_ref().map(|audit| audit.counters()),
    };
    let page = pipeline.metrics.render(&look);
    let mut response = Response::new(Body::Whole(Bytes::from(page)));
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// Refuses a method to somebody who can only read.
pub fn not_allowed() -> Response<Body> {
    let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
    let allow = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}
