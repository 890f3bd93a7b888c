//! Metrics for Prometheus. Every handle is resolved when the gateway starts; a call touches
//! atomics only. Labels come from closed sets: the config, the stages, the outcomes.

use std::{collections::HashMap, time::Duration};

use metrics::{Counter, Gauge, Histogram, Label};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::Outcome;
use crate::{call::ServerName, refusal::Stage};

/// From 100 µs to two minutes: a local call and a long-running tool.
const BUCKETS: [f64; 13] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0,
];

/// The numbers of one gateway.
pub struct Metrics {
    handle: PrometheusHandle,
    calls: HashMap<ServerName, Calls>,
    own: Calls,
    refusals: HashMap<Stage, Counter>,
    /// Requests under way.
    pub in_flight: Gauge,
    /// Sessions open.
    pub sessions: Gauge,
    /// Connections open.
    pub connections: Gauge,
}

struct Calls {
    seconds: Histogram,
    outcomes: HashMap<Outcome, Counter>,
}

impl Metrics {
    /// Registers everything that can be counted about these servers.
    pub fn new<'a>(servers: impl Iterator<Item = &'a ServerName>) -> Self {
        let name = Matcher::Full("mcp_request_duration_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(name, &BUCKETS);
        let recorder = builder
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        metrics::with_local_recorder(&recorder, || Self::register(&recorder, servers))
    }

    fn register<'a>(
        recorder: &PrometheusRecorder,
        servers: impl Iterator<Item = &'a ServerName>,
    ) -> Self {
        metrics::describe_counter!("mcp_requests_total", "Requests answered.");
        metrics::describe_histogram!("mcp_request_duration_seconds", "From request to answer.");
        metrics::describe_counter!("mcp_refusals_total", "Requests the gateway itself refused.");
        metrics::describe_gauge!("mcp_requests_in_flight", "Requests under way.");
        metrics::describe_gauge!("mcp_sessions", "Client sessions open.");
        metrics::describe_gauge!("mcp_connections", "Client connections open.");
        let build = metrics::gauge!("mcp_build_info", "version" => env!("CARGO_PKG_VERSION"));
        build.set(1.0);
        let refusals = Stage::ALL.map(|stage| {
            (
                stage,
                metrics::counter!("mcp_refusals_total", "stage" => stage.name()),
            )
        });
        Self {
            handle: recorder.handle(),
            calls: servers
                .map(|name| (name.clone(), Calls::of(name.as_str())))
                .collect(),
            own: Calls::of("mcpgate"),
            refusals: refusals.into_iter().collect(),
            in_flight: metrics::gauge!("mcp_requests_in_flight"),
            sessions: metrics::gauge!("mcp_sessions"),
            connections: metrics::gauge!("mcp_connections"),
        }
    }

    /// One request has been answered, by that server or by the gateway itself.
    pub fn answered(&self, server: Option<&ServerName>, outcome: Outcome, elapsed: Duration) {
        let calls = server
            .and_then(|name| self.calls.get(name))
            .unwrap_or(&self.own);
        calls.seconds.record(elapsed.as_secs_f64());
        if let Some(counter) = calls.outcomes.get(&outcome) {
            counter.increment(1);
        }
    }

    /// One request has been refused.
    pub fn refused(&self, stage: Stage) {
        if let Some(counter) = self.refusals.get(&stage) {
            counter.increment(1);
        }
    }

    /// The page that Prometheus reads.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds what was recorded; memory grows until somebody does, and nobody may be scraping.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

impl Calls {
    fn of(server: &str) -> Self {
        let label = || Label::new("server", server.to_owned());
        let counter = |outcome: Outcome| {
            let labels = vec![label(), Label::new("outcome", outcome.name())];
            (outcome, metrics::counter!("mcp_requests_total", labels))
        };
        Self {
            seconds: metrics::histogram!("mcp_request_duration_seconds", vec![label()]),
            outcomes: Outcome::ALL.map(counter).into_iter().collect(),
        }
    }
}
