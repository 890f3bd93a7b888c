//! How the gateway is doing, for machines that ask.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::{
    accept::{body::Body, response::json},
    call::ServerName,
    forward::State,
    mcp::{List, message},
    observe::Reload,
    pipeline::Pipeline,
};

/// The page at `/health`.
#[derive(Debug, Serialize)]
struct Health<'a> {
    /// `starting`, `ok`, or `degraded`: some server is not up.
    status: &'static str,
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

/// What is nobody's business who cannot say who they are.
#[derive(Debug, Serialize)]
struct Details<'a> {
    version: &'static str,
    uptime_seconds: u64,
    tools_count: usize,
    active_connections: u64,
    active_sessions: usize,
    total_requests: u64,
    timestamp: jiff::Timestamp,
    servers: indexmap::IndexMap<&'a str, State>,
    /// The last reload, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reload: Option<Reload>,
}

/// Answers `/health`. It is 200 as long as the gateway itself works: one server that is down
/// must not have the whole gateway restarted. Only who is `known` learns which.
pub fn health(pipeline: &Pipeline, known: bool) -> Response<Body> {
    let plan = pipeline.plan();
    let states = plan
        .servers
        .iter()
        .map(|(name, server)| (name.as_str(), server.state()));
    let servers: indexmap::IndexMap<&str, State> = states.collect();
    let status = match servers.values().all(|state| state.state == "up") {
        true => "ok",
        false if pipeline.start.is_over() => "degraded",
        false => "starting",
    };
    let details = known.then(|| Details {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: pipeline.metrics.uptime().as_secs(),
        tools_count: plan.views.whole().count(List::Tools),
        active_connections: pipeline.metrics.connections(),
        active_sessions: pipeline.sessions.count(),
        total_requests: pipeline.metrics.requests(),
        timestamp: jiff::Timestamp::now(),
        servers,
        reload: pipeline.metrics.reloads.last(),
    });
    let health = Health { status, details };
    json(StatusCode::OK, message::json(&health).into())
}

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
