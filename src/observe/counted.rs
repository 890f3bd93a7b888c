//! What is counted apart for tools, roles, limits and bad credentials. The counters are registered
//! when there is something to count: which tools there are comes with the servers' lists.

use std::{hash::Hash, sync::Arc};

use metrics::{Counter, Label, with_local_recorder};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::Outcome;
use crate::{
    call::{RoleName, ServerName},
    map::Table,
};

/// Names that are counted apart; the rest is counted as `other`, so that memory is bounded.
const APART: usize = 10_000;

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
    tools: Table<ToolCall, [Counter; Outcome::ALL.len()]>,
    denials: Table<(Arc<str>, Option<RoleName>), Counter>,
    limited: Table<Arc<str>, Counter>,
    failures: Table<(&'static str, &'static str), Counter>,
}

impl Counted {
    pub(super) fn new(recorder: Arc<PrometheusRecorder>) -> Self {
        metrics::describe_counter!("mcp_tool_calls_total", "Calls of tools.");
        metrics::describe_counter!(
            "mcp_permission_denials_total",
            "Calls of tools that the caller's role may not use."
        );
        metrics::describe_counter!("mcp_rate_limited_total", "Calls that a limit refused.");
        metrics::describe_counter!("mcp_auth_failures_total", "Requests of nobody known.");
        Self {
            recorder,
            tools: Table::default(),
            denials: Table::default(),
            limited: Table::default(),
            failures: Table::default(),
        }
    }

    /// A tool has been called.
    pub fn tool_called(&self, call: &ToolCall, outcome: Outcome) {
        let register = |call: &ToolCall| {
            Outcome::ALL.map(|outcome| {
                let labels = vec![
                    Label::new("tool_name", call.tool.to_string()),
                    Label::new("server", call.server.to_string()),
                    role(call.role.as_ref()),
                    Label::new("outcome", outcome.name()),
                ];
                self.counter("mcp_tool_calls_total", labels)
            })
        };
        let other = |call: &ToolCall| ToolCall {
            tool: "other".into(),
            ..call.clone()
        };
        count(&self.tools, call, other, register, |counters| {
            counters.get(outcome as usize)
        });
    }

    /// A tool that is there was refused to a role.
    pub fn denied(&self, tool: &str, in_role: Option<&RoleName>) {
        let register = |(tool, in_role): &(Arc<str>, Option<RoleName>)| {
            let labels = vec![
                Label::new("tool_name", tool.to_string()),
                role(in_role.as_ref()),
            ];
            self.counter("mcp_permission_denials_total", labels)
        };
        let key = (Arc::from(tool), in_role.cloned());
        let other = |key: &(Arc<str>, Option<RoleName>)| (Arc::from("other"), key.1.clone());
        count(&self.denials, &key, other, register, |counter| {
            Some(counter)
        });
    }

    /// A limit has refused a call.
    pub fn limited(&self, limit: &Arc<str>) {
        let register = |limit: &Arc<str>| {
            let labels = vec![Label::new("limit", limit.to_string())];
            self.counter("mcp_rate_limited_total", labels)
        };
        count(&self.limited, limit, Arc::clone, register, |counter| {
            Some(counter)
        });
    }

    /// A request has shown nothing, or nothing good.
    pub fn unknown(&self, scheme: &'static str, reason: &'static str) {
        let register = |(scheme, reason): &(&'static str, &'static str)| {
            let labels = vec![Label::new("scheme", *scheme), Label::new("reason", *reason)];
            self.counter("mcp_auth_failures_total", labels)
        };
        let key = (scheme, reason);
        count(
            &self.failures,
            &key,
            |key| *key,
            register,
            |counter| Some(counter),
        );
    }

    fn counter(&self, name: &'static str, labels: Vec<Label>) -> Counter {
        with_local_recorder(&*self.recorder, || metrics::counter!(name, labels))
    }
}

fn role(role: Option<&RoleName>) -> Label {
    let role = role.map_or("none", RoleName::as_str);
    Label::new("role", role.to_owned())
}

/// Counts one more of something; under another name where too many are counted apart.
fn count<K: Hash + Eq + Clone, V>(
    all: &Table<K, V>,
    key: &K,
    other: impl Fn(&K) -> K,
    register: impl Fn(&K) -> V,
    pick: impl Fn(&V) -> Option<&Counter>,
) {
    let increment = |counters: &V| {
        if let Some(counter) = pick(counters) {
            counter.increment(1);
        }
    };
    if let Some(known) = all.get(key) {
        return increment(&known);
    }
    let key = match all.len() < APART {
        true => key.clone(),
        false => other(key),
    };
    let fresh = register(&key);
    increment(&all.entry(key).or_insert(fresh));
}
