//! Metrics for Prometheus. What happens is counted: every handle is resolved when the gateway
//! starts, or when a reload brings a server, and a call touches atomics only. What is, such as how
//! servers are doing, is read when somebody looks (`look.rs`). Labels come from closed sets: the
//! config, the stages, the outcomes.

mod calls;
mod config;
mod histogram;
mod look;
mod page;
mod process;
mod table;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use metrics::{Counter, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::time::Instant;

pub use calls::Ended;
pub use config::MetricsConfig;
pub use look::{Doing, Look};
pub use table::{Kind, Metric, SECTIONS, reference};

pub(super) use calls::nanoseconds;
pub(super) use histogram::Histogram;
pub(super) use page::Page;
pub(super) use table::{
    CERTIFICATE, DENIALS, FAILURES, HANDSHAKES, LIMITED, QUEUE_WAIT, RELOADED, RELOADED_AT,
    RELOADS, SIGN_INS, SPANS, SPANS_DROPPED, TOOL_DURATION, TOOLS,
};

use super::{
    Counted, Outcome, Quiet, health::Health, recent::Recent, reloads::Reloads, tally::Tally,
    trace::SpanCounters,
};
use crate::{
    call::ServerName,
    map::{Map, Table},
    refusal::Reason,
};
use calls::Calls;

/// What a request is counted under that no server answered.
const OWN: &str = "mcpgate";
/// The keys of `[gateway]` that turn connections away.
const DOORS: [&str; 2] = ["max_connections", "max_connections_per_address"];

/// The numbers of one gateway.
pub struct Metrics {
    handle: PrometheusHandle,
    /// Of the servers that were there from the start.
    calls: Map<ServerName, Calls>,
    /// Of those that have come since.
    joined: Table<ServerName, Calls>,
    own: Calls,
    refusals: [Counter; Reason::ALL.len()],
    /// Which refusals the log shows.
    pub log: Quiet,
    /// What is counted for tools, roles, limits and bad credentials.
    pub counted: Counted,
    /// Reloads of the configuration.
    pub reloads: Reloads,
    /// Spans.
    pub spans: SpanCounters,
    /// The last requests.
    pub recent: Recent,
    servers: Table<ServerName, Health>,
    connected: Counter,
    turned_away: [Counter; DOORS.len()],
    started: Instant,
    since: SystemTime,
    underway: AtomicU64,
    open: AtomicU64,
    /// Connections that there is room for.
    most_open: AtomicUsize,
    /// Bytes of large requests in memory.
    pub buffered: Arc<AtomicUsize>,
    most_buffered: AtomicUsize,
}

impl Metrics {
    /// Registers everything that can be counted about these servers.
    pub fn new<'a>(config: &MetricsConfig, servers: impl Iterator<Item = &'a ServerName>) -> Self {
        let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
        let servers: Vec<&ServerName> = servers.collect();
        with_local_recorder(&*recorder, || Self::register(config, &recorder, &servers))
    }

    fn register(
        config: &MetricsConfig,
        recorder: &Arc<PrometheusRecorder>,
        servers: &[&ServerName],
    ) -> Self {
        table::BUILD.gauge(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let refusal =
            |reason: Reason| table::REFUSALS.counter(&[reason.stage().name(), reason.name()]);
        let calls = servers
            .iter()
            .map(|name| ((*name).clone(), Calls::default()));
        let health = servers
            .iter()
            .map(|name| ((*name).clone(), Health::default()));
        Self {
            handle: recorder.handle(),
            calls: calls.collect(),
            joined: Table::default(),
            own: Calls::default(),
            refusals: Reason::ALL.map(refusal),
            log: Quiet::new(),
            counted: Counted::new(recorder.clone(), config.max_tools),
            reloads: Reloads::new(),
            spans: SpanCounters::new(),
            recent: Recent::default(),
            servers: health.collect(),
            connected: table::CONNECTED.counter(&[]),
            turned_away: DOORS.map(|setting| table::TURNED_AWAY.counter(&[setting])),
            started: Instant::now(),
            since: SystemTime::now(),
            underway: AtomicU64::new(0),
            open: AtomicU64::new(0),
            most_open: AtomicUsize::new(0),
            buffered: Arc::default(),
            most_buffered: AtomicUsize::new(0),
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
    pub fn answered(&self, server: Option<&ServerName>, ended: &Ended) {
        let Some(name) = server else {
            return self.own.ended(ended);
        };
        match self.calls.get(name) {
            Some(calls) => calls.ended(ended),
            None => match self.joined.get(name) {
                Some(calls) => calls.ended(ended),
                None => self.own.ended(ended),
            },
        }
    }

    /// These servers are there now. What was counted for others stays, as counters do.
    pub fn serve<'a>(&self, servers: impl Iterator<Item = &'a ServerName>) {
        let mut here = HashSet::new();
        for name in servers {
            here.insert(name);
            self.servers.entry(name.clone()).or_default();
            if !self.calls.contains_key(name) {
                self.joined.entry(name.clone()).or_default();
            }
        }
        self.servers.retain(|name, _| here.contains(name));
    }

    /// One request has been refused.
    pub fn refused(&self, reason: Reason) {
        if let Some(counter) = self.refusals.get(reason as usize) {
            counter.increment(1);
        }
    }

    /// One was because of that server.
    pub(super) fn failed(&self, server: &ServerName, reason: Reason) {
        if let Some(health) = self.servers.get(server) {
            health.failed(reason);
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
        self.connected.increment(1);
    }

    /// A connection has closed.
    pub fn disconnected(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection has found no room, because of that key of `[gateway]`.
    pub fn turned_away(&self, setting: &str) {
        let door = DOORS.iter().position(|door| *door == setting);
        if let Some(counter) = door.and_then(|door| self.turned_away.get(door)) {
            counter.increment(1);
        }
    }

    /// There is room for so many connections, and so many bytes of large requests.
    pub fn bounded(&self, connections: usize, buffered: usize) {
        self.most_open.store(connections, Ordering::Relaxed);
        self.most_buffered.store(buffered, Ordering::Relaxed);
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
        self.outcomes().iter().sum()
    }

    /// The same by how they ended, as [`Outcome::ALL`] has it.
    pub fn outcomes(&self) -> [u64; Outcome::ALL.len()] {
        let mut all = self.own.outcomes();
        let mut add = |calls: &Calls| {
            for (sum, count) in all.iter_mut().zip(calls.outcomes()) {
                *sum += count;
            }
        };
        self.calls.values().for_each(&mut add);
        self.joined.iter().for_each(|calls| add(&calls));
        all
    }

    /// The mean time of all requests since the start; nothing before the first.
    pub fn average(&self) -> Option<Duration> {
        let (mut count, mut sum) = self.own.time();
        let mut add = |calls: &Calls| {
            let (one, time) = calls.time();
            count += one;
            sum += time;
        };
        self.calls.values().for_each(&mut add);
        self.joined.iter().for_each(|calls| add(&calls));
        let mean = (count > 0).then(|| sum / count as f64)?;
        Duration::try_from_secs_f64(mean).ok()
    }

    /// What has been counted so far.
    pub fn tally(&self) -> Tally {
        Tally::read(&self.render(&Look::default()))
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Folds what was recorded; memory grows until somebody does, and nobody may be scraping.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}
