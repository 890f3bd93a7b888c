//! `/stats`: what has been counted since the start, how each server is doing, and the last
//! requests, for who looks after the gateway. Times are in seconds. Arguments are nowhere.

mod rows;

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    accept::{body::Body, response::json},
    mcp::message,
    observe::{Outcomes, Reload},
    pipeline::Pipeline,
};
use rows::{
    Caller, RecentRequest, Refusals, Server, Sessions, Timed, Tool, callers, recent_request,
    refusals, roles, sessions, tools,
};

/// The page at `/stats`.
#[derive(Serialize)]
struct Stats<'a> {
    version: &'static str,
    pid: u32,
    timestamp: Timestamp,
    uptime_seconds: f64,
    total_requests: u64,
    /// Those that ended with a result.
    successful_requests: u64,
    /// All others.
    failed_requests: u64,
    /// From 0 to 1; nothing before the first request.
    success_rate: Option<f64>,
    /// Nothing before the first request.
    avg_response_time: Option<f64>,
    requests_in_flight: u64,
    active_connections: u64,
    active_sessions: usize,
    /// The latest first.
    recent_requests: Vec<RecentRequest>,
    servers: IndexMap<&'a str, Server>,
    /// What the gateway answers itself, such as lists.
    gateway: Timed,
    tools: Vec<Tool>,
    roles: BTreeMap<String, Outcomes>,
    callers: Vec<Caller>,
    sessions: Vec<Sessions>,
    refusals: Refusals,
    #[serde(skip_serializing_if = "Option::is_none")]
    reload: Option<Reload>,
}

/// Answers `/stats`.
pub fn stats(pipeline: &Pipeline) -> Response<Body> {
    let (plan, mut tally) = (pipeline.plan(), pipeline.metrics.tally());
    let (mut all, mut seconds) = (Outcomes::default(), 0.0);
    for requests in tally.servers.values() {
        all.join(requests.outcomes);
        seconds += requests.seconds;
    }
    let (total, asked) = (all.total(), all.total() > 0);
    let gateway = tally.servers.remove("mcpgate").map(Timed::from);
    let servers = plan.servers.iter().map(|(name, server)| {
        let requests = tally.servers.remove(name.as_str()).map(Timed::from);
        let server = Server {
            state: server.state(),
            tools: pipeline.offered(name).map(|[tools, ..]| tools),
            requests: requests.unwrap_or_default(),
        };
        (name.as_str(), server)
    });
    let servers = servers.collect();
    let recent = pipeline.metrics.recent.list().into_iter();
    let recent: Vec<RecentRequest> = recent
        .map(|(time, one)| recent_request(time, one))
        .collect();
    let callers = callers(pipeline, &recent);
    let page = Stats {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        timestamp: Timestamp::now(),
        uptime_seconds: rounded(pipeline.metrics.uptime().as_secs_f64()),
        total_requests: total,
        successful_requests: all.ok,
        failed_requests: total - all.ok,
        success_rate: asked.then(|| all.ok as f64 / total as f64),
        avg_response_time: asked.then(|| seconds / total as f64),
        requests_in_flight: pipeline.metrics.underway(),
        active_connections: pipeline.metrics.connections(),
        active_sessions: pipeline.sessions.count(),
        recent_requests: recent,
        servers,
        gateway: gateway.unwrap_or_default(),
        roles: roles(&tally),
        callers,
        sessions: sessions(pipeline),
        reload: pipeline.metrics.reloads.last(),
        tools: tools(&mut tally),
        refusals: refusals(tally),
    };
    json(StatusCode::OK, message::json(&page).into())
}

/// To milliseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
