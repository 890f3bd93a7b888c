//! What is counted apart for tools, roles, limits and bad credentials. The counters are registered
//! when there is something to count: which tools there are comes with the servers' lists.

use std::{hash::Hash, sync::Arc, time::Duration};

use metrics::{Counter, with_local_recorder};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::{
    Outcome, TlsNumbers,
    metrics::{
        DENIALS, Histogram, LIMITED, Metric, Page, SIGN_INS, TOOL_DURATION, TOOLS, nanoseconds,
    },
};
use crate::{
    call::{RoleName, ServerName},
    map::Table,
};

/// A tool, and in which role it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolCall {
    /// Whose it is.
    pub server: ServerName,
    /// Its name there.
    pub tool: Arc<str>,
    /// In which role; nothing where no policy says what one may do.
    pub role: Option<RoleName>,
}

/// Counters with labels that are not known from the start. They come from closed sets: what
/// servers offer, what the config names.
pub struct Counted {
    recorder: Arc<PrometheusRecorder>,
    /// Names that are counted apart; the rest is counted as `other`, so that memory is bounded.
    most: usize,
    tools: Table<ToolCall, Tool>,
    /// By server and tool: roles share one.
    durations: Table<(ServerName, Arc<str>), Arc<Histogram>>,
    denials: Table<(Arc<str>, Option<RoleName>), Counter>,
    limited: Table<Arc<str>, Counter>,
    failures: Table<(&'static str, &'static str), Counter>,
    /// Handshakes, and the certificate.
    pub tls: TlsNumbers,
}

/// What is counted of a tool in one role.
struct Tool {
    outcomes: [Counter; Outcome::ALL.len()],
    duration: Arc<Histogram>,
}

impl Counted {
    pub(super) fn new(recorder: Arc<PrometheusRecorder>, most: usize) -> Self {
        Self {
            tls: TlsNumbers::new(recorder.clone()),
            recorder,
            most,
            tools: Table::default(),
            durations: Table::default(),
            denials: Table::default(),
            limited: Table::default(),
            failures: Table::default(),
        }
    }

    /// A tool has been called.
    pub fn tool_called(&self, call: &ToolCall, outcome: Outcome, elapsed: Duration) {
        let other = |call: &ToolCall| ToolCall {
            tool: "other".into(),
            ..call.clone()
        };
        let register = |call: &ToolCall| self.tool(call);
        self.with(&self.tools, call, other, register, |tool| {
            if let Some(counter) = tool.outcomes.get(outcome as usize) {
                counter.increment(1);
            }
            tool.duration.record(nanoseconds(elapsed));
        });
    }

    fn tool(&self, call: &ToolCall) -> Tool {
        let (tool, server) = (&*call.tool, call.server.as_str());
        let role = role(call.role.as_ref());
        let key = (call.server.clone(), call.tool.clone());
        let duration = self.durations.entry(key);
        Tool {
            outcomes: Outcome::ALL
                .map(|outcome| self.counter(&TOOLS, &[tool, server, role, outcome.name()])),
            duration: duration
                .or_insert_with(|| Arc::new(TOOL_DURATION.histogram()))
                .clone(),
        }
    }

    /// A tool that is there was refused to a role.
    pub fn denied(&self, tool: &str, in_role: Option<&RoleName>) {
        let register = |(tool, in_role): &(Arc<str>, Option<RoleName>)| {
            self.counter(&DENIALS, &[tool, role(in_role.as_ref())])
        };
        let key = (Arc::from(tool), in_role.cloned());
        let other = |key: &(Arc<str>, Option<RoleName>)| (Arc::from("other"), key.1.clone());
        self.with(&self.denials, &key, other, register, one_more);
    }

    /// A limit has refused a call.
    pub fn limited(&self, limit: &Arc<str>) {
        let register = |limit: &Arc<str>| self.counter(&LIMITED, &[limit]);
        self.with(&self.limited, limit, |_| "other".into(), register, one_more);
    }

    /// A request has shown nothing, or nothing good.
    pub fn unknown(&self, scheme: &'static str, reason: &'static str) {
        let register = |(scheme, reason): &(&'static str, &'static str)| {
            self.counter(&SIGN_INS, &[scheme, reason])
        };
        self.with(
            &self.failures,
            &(scheme, reason),
            |key| *key,
            register,
            one_more,
        );
    }

    /// Shows how long calls of tools took.
    pub(super) fn write(&self, page: &mut Page) {
        if self.durations.is_empty() {
            return;
        }
        page.head(&TOOL_DURATION);
        for duration in &self.durations {
            let (server, tool) = duration.key();
            page.histogram(&TOOL_DURATION, &[tool, server.as_str()], &duration);
        }
    }

    fn counter(&self, metric: &Metric, values: &[&str]) -> Counter {
        with_local_recorder(&*self.recorder, || metric.counter(values))
    }

    /// Finds what counts something; under another name where too many are counted apart.
    fn with<K: Hash + Eq + Clone, V>(
        &self,
        all: &Table<K, V>,
        key: &K,
        other: impl Fn(&K) -> K,
        register: impl Fn(&K) -> V,
        count: impl Fn(&V),
    ) {
        if let Some(known) = all.get(key) {
            return count(&known);
        }
        let key = match all.len() < self.most {
            true => key.clone(),
            false => other(key),
        };
        let fresh = register(&key);
        count(&all.entry(key).or_insert(fresh));
    }
}

fn one_more(counter: &Counter) {
    counter.increment(1);
}

fn role(role: Option<&RoleName>) -> &str {
    role.map_or("none", RoleName::as_str)
}
