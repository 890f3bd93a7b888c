//! How the gateway is doing, for machines that ask, and what operators do with it.

mod control;
mod health;
mod logs;
mod socket;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

pub use control::{Control, Reload, Reloading};
pub use health::{health, probe};
pub use socket::{Socket, SocketError, turn};

use crate::{
    accept::{body::Body, response::status},
    call::ServerName,
    forward::State,
    pipeline::Pipeline,
};

/// Answers `/metrics`.
pub fn metrics(pipeline: &Pipeline) -> Response<Body> {
    let plan = pipeline.plan();
    let ups: Vec<(ServerName, State)> = plan
        .servers
        .iter()
        .map(|(name, server)| (name.clone(), server.state()))
        .collect();
    pipeline.metrics.observe(pipeline.sessions.count(), &ups);
    if let Some(audit) = &pipeline.audit {
        pipeline.metrics.audited(audit.counters());
    }
    let mut response = Response::new(Body::Whole(Bytes::from(pipeline.metrics.render())));
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
