//! Metrics for Prometheus. Every handle is resolved when the gateway starts, or when a reload brings
//! a server; a call touches atomics only. Labels come from closed sets: the config, the stages, the
//! outcomes.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, Label, with_local_recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use tokio::time::Instant;

use super::{
    Counted, Outcome,
    audit::AuditCounters,
    health::{Health, QUEUE_WAIT},
    reloads::Reloads,
};
use crate::{
    call::ServerName,
    forward::State,
    map::{Map, Table},
    refusal::Stage,
};

/// From 100 µs to two minutes: a local call and a long-running tool.
const BUCKETS: [f64; 13] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0,
];

/// What is counted by those.
const HISTOGRAMS: [&str; 2] = ["mcp_request_duration_seconds", QUEUE_WAIT];

/// What became of audit records.
const AUDITED: [&str; 3] = [
    "mcp_audit_written_total",
    "mcp_audit_dropped_total",
    "mcp_audit_failed_total",
];

/// The numbers of one gateway.
pub struct Metrics {
    handle: PrometheusHandle,
    recorder: Arc<PrometheusRecorder>,
    /// Of the servers that were there from the start.
    calls: Map<ServerName, Calls>,
    /// Of those that have come since.
    joined: Table<ServerName, Calls>,
    own: Calls,
    refusals: HashMap<Stage, Counter>,
    /// What is counted for tools, roles, limits and bad credentials.
    pub counted: Counted,
    /// Reloads of the configuration.
    pub reloads: Reloads,
    audited: [Counter; 3],
    in_flight: Gauge,
    servers: Table<ServerName, Health>,
    sessions: Gauge,
    connections: Gauge,
    buffered_bytes: Gauge,
    started: Instant,
    /// The exporter's counters cannot be read back; `/health` shows these.
    requests: AtomicU64,
    underway: AtomicU64,
    open: AtomicU64,
    /// Bytes of large requests in memory.
    pub buffered: Arc<AtomicUsize>,
}

struct Calls {
    seconds: Histogram,
    outcomes: [Counter; Outcome::ALL.len()],
}

impl Metrics {
    /// Registers everything that can be counted about these servers.
    pub fn new<'a>(servers: impl Iterator<Item = &'a ServerName>) -> Self {
        let servers: Vec<&ServerName> = servers.collect();
        let builder = HISTOGRAMS
            .into_iter()
            .try_fold(PrometheusBuilder::new(), |builder, name| {
                builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &BUCKETS)
            });
        let recorder = builder
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let recorder = Arc::new(recorder);
        metrics::with_local_recorder(&*recorder, || Self::register(&recorder, &servers))
    }

    fn register(recorder: &Arc<PrometheusRecorder>, servers: &[&ServerName]) -> Self {
        metrics::describe_counter!("mcp_requests_total", "Requests answered.");
        metrics::describe_histogram!("mcp_request_duration_seconds", "From request to answer.");
        metrics::describe_counter!("mcp_refusals_total", "Requests the gateway itself refused.");
        metrics::describe_gauge!("mcp_requests_in_flight", "Requests under way.");
        metrics::describe_gauge!("mcp_sessions", "Client sessions open.");
        metrics::describe_gauge!("mcp_connections", "Client connections open.");
        metrics::describe_gauge!("mcp_buffered_bytes", "Bytes of large requests in memory.");
        Health::describe();
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
            recorder: recorder.clone(),
            joined: Table::default(),
            reloads: Reloads::new(),
            calls: servers
                .iter()
                .map(|name| ((*name).clone(), Calls::of(name.as_str())))
                .collect(),
            own: Calls::of("mcpgate"),
            refusals: refusals.into_iter().collect(),
            counted: Counted::new(recorder.clone()),
            audited: AUDITED.map(|name| metrics::counter!(name)),
            in_flight: metrics::gauge!("mcp_requests_in_flight"),
            servers: servers
                .iter()
                .map(|name| ((*name).clone(), Health::of(name)))
                .collect(),
            sessions: metrics::gauge!("mcp_sessions"),
            connections: metrics::gauge!("mcp_connections"),
            buffered_bytes: metrics::gauge!("mcp_buffered_bytes"),
            started: Instant::now(),
            requests: AtomicU64::new(0),
            underway: AtomicU64::new(0),
            open: AtomicU64::new(0),
            buffered: Arc::default(),
        }
    }

    /// A request has come in.
    pub(super) fn begun(&self) {
        self.underway.fetch_add(1, Ordering::Relaxed);
    }

    /// A request is over.
    pub(super) fn over(&self) {
        self.underway.fetch_sub(1, Ordering::Relaxed);
    }

    /// One request has been answered, by that server or by the gateway itself.
    pub fn answered(&self, server: Option<&ServerName>, outcome: Outcome, elapsed: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let Some(name) = server else {
            return self.own.ended(outcome, elapsed);
        };
        match self.calls.get(name) {
            Some(calls) => calls.ended(outcome, elapsed),
            None => match self.joined.get(name) {
                Some(calls) => calls.ended(outcome, elapsed),
                None => self.own.ended(outcome, elapsed),
            },
        }
    }

    /// These servers are there now. What was counted for others stays, as counters do.
    pub fn serve<'a>(&self, servers: impl Iterator<Item = &'a ServerName>) {
        with_local_recorder(&*self.recorder, || {
            let mut here = HashSet::new();
            for name in servers {
                here.insert(name);
                self.servers
                    .entry(name.clone())
                    .or_insert_with(|| Health::of(name));
                if !self.calls.contains_key(name) {
                    let joined = self.joined.entry(name.clone());
                    joined.or_insert_with(|| Calls::of(name.as_str()));
                }
            }
            self.servers.retain(|name, _| here.contains(name));
        });
    }

    /// One request has been refused.
    pub fn refused(&self, stage: Stage) {
        if let Some(counter) = self.refusals.get(&stage) {
            counter.increment(1);
        }
    }

    /// A call has waited for a place at that server.
    pub fn waited(&self, server: &ServerName, time: Duration) {
        if let Some(health) = self.servers.get(server) {
            health.waited(time);
        }
    }

    /// A connection has opened.
    pub fn connected(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.connections.increment(1.0);
    }

    /// A connection has closed.
    pub fn disconnected(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.connections.decrement(1.0);
    }

    /// Connections open.
    pub fn connections(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Requests under way.
    pub fn underway(&self) -> u64 {
        self.underway.load(Ordering::Relaxed)
    }

    /// Requests answered since the start.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Notes what is only worth knowing when somebody asks.
    pub fn observe(&self, sessions: usize, states: &[(ServerName, State)]) {
        self.sessions.set(sessions as f64);
        self.in_flight.set(self.underway() as f64);
        let buffered = self.buffered.load(Ordering::Relaxed);
        self.buffered_bytes.set(buffered as f64);
        for (name, state) in states {
            let Some(health) = self.servers.get(name) else {
                continue;
            };
            health.note(state);
        }
    }

    /// Notes how the audit log is doing.
    pub fn audited(&self, counters: &AuditCounters) {
        let counts = [counters.written(), counters.dropped(), counters.failed()];
        for (counter, count) in self.audited.iter().zip(counts) {
            counter.absolute(count);
        }
    }

    /// The page that Prometheus reads.
    pub fn render(&self) -> String {
        let page = self.handle.render();
        // The exporter cannot forget: how a server is doing that is gone is not told here.
        let lines = page.split_inclusive('\n');
        lines.filter(|line| !self.is_of_one_gone(line)).collect()
    }

    fn is_of_one_gone(&self, line: &str) -> bool {
        let labels = line.strip_prefix("mcp_server_");
        let name = labels.and_then(|labels| labels.split_once("{server=\""));
        let name = name.and_then(|(_, rest)| rest.split_once('"'));
        let name = name.and_then(|(name, _)| ServerName::try_from(name.to_owned()).ok());
        name.is_some_and(|name| !self.servers.contains_key(&name))
    }

    /// Folds what was recorded; memory grows until somebody does, and nobody may be scraping.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

impl Calls {
    fn ended(&self, outcome: Outcome, elapsed: Duration) {
        self.seconds.record(elapsed.as_secs_f64());
        if let Some(counter) = self.outcomes.get(outcome as usize) {
            counter.increment(1);
        }
    }

    fn of(server: &str) -> Self {
        let label = || Label::new("server", server.to_owned());
        let counter = |outcome: Outcome| {
            let labels = vec![label(), Label::new("outcome", outcome.name())];
            metrics::counter!("mcp_requests_total", labels)
        };
        Self {
            seconds: metrics::histogram!("mcp_request_duration_seconds", vec![label()]),
            outcomes: Outcome::ALL.map(counter),
        }
    }
}
