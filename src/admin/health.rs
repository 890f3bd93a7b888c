//! `/livez`, `/readyz` and `/health`.
//!
//! Whatever runs the gateway asks the first whether to restart it, and the second whether to send
//! anybody here. Neither asks who asks, says more than yes or no, or costs more than a look.

use http::{Method, Response, StatusCode};
use serde::Serialize;

use super::not_allowed;
use crate::{
    accept::{body::Body, response::json},
    forward::State,
    mcp::{List, message},
    observe::{Reload, Served},
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
    ready: bool,
    uptime_seconds: u64,
    tools_count: usize,
    active_connections: u64,
    active_sessions: usize,
    total_requests: u64,
    timestamp: jiff::Timestamp,
    servers: indexmap::IndexMap<&'a str, State>,
    /// The certificate, if HTTPS is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Served>,
    /// The last reload, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reload: Option<Reload>,
}

/// Answers `/health`. It is 200 as long as the gateway itself works: one server that is down
/// must not have the whole gateway restarted. Only who is `known` learns which.
pub fn health(pipeline: &Pipeline, known: bool) -> Response<Body> {
    let plan = pipeline.plan();
    let status = match plan.servers.iter().all(|(_, server)| server.is_fine()) {
        true => "ok",
        false if pipeline.start.is_over() => "degraded",
        false => "starting",
    };
    let states = plan
        .servers
        .iter()
        .map(|(name, server)| (name.as_str(), server.state()));
    let details = known.then(|| Details {
        version: env!("CARGO_PKG_VERSION"),
        ready: is_ready(pipeline),
        uptime_seconds: pipeline.metrics.uptime().as_secs(),
        tools_count: plan.views.whole().count(List::Tools),
        active_connections: pipeline.metrics.connections(),
        active_sessions: pipeline.sessions.count(),
        total_requests: pipeline.metrics.requests(),
        timestamp: jiff::Timestamp::now(),
        servers: states.collect(),
        certificate: pipeline.metrics.counted.tls.served(),
        reload: pipeline.metrics.reloads.last(),
    });
    let health = Health { status, details };
    json(StatusCode::OK, message::json(&health).into())
}

/// Answers `/livez` and `/readyz`.
pub fn probe(pipeline: &Pipeline, path: &str, verb: &Method) -> Response<Body> {
    if !matches!(*verb, Method::GET | Method::HEAD) {
        return not_allowed();
    }
    let (status, words) = match path {
        "/livez" => (StatusCode::OK, r#"{"status":"alive"}"#),
        _ if is_ready(pipeline) => (StatusCode::OK, r#"{"status":"ready"}"#),
        _ => (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"not ready"}"#),
    };
    json(status, words.as_bytes().into())
}

/// Whether calls can be served as the config wants it: the first lists are there, no server is
/// missing that is required, and the end has not begun.
fn is_ready(pipeline: &Pipeline) -> bool {
    let plan = pipeline.plan();
    let mut required = plan.servers.iter().map(|(_, server)| server);
    let all_up = required.all(|server| !server.config().required || server.is_fine());
    all_up && pipeline.start.is_over() && !pipeline.stopping.is_cancelled()
}
