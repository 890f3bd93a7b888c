//! What a gateway says of itself (`/stats`).

use indexmap::IndexMap;
use serde::Deserialize;

use crate::{cli::CliError, observe::Outcomes};

/// What a gateway says of itself. What an older one does not say is nothing here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    pub(super) version: String,
    pub(super) pid: u32,
    pub(super) uptime_seconds: f64,
    pub(super) total_requests: u64,
    pub(super) failed_requests: u64,
    pub(super) avg_response_time: Option<f64>,
    pub(super) requests_in_flight: u64,
    pub(super) active_connections: u64,
    pub(super) active_sessions: usize,
    pub(super) recent_requests: Vec<Recent>,
    pub(super) servers: IndexMap<String, Server>,
    pub(super) gateway: Timed,
    pub(super) tools: Vec<Tool>,
    pub(super) roles: IndexMap<String, Outcomes>,
    pub(super) callers: Vec<Caller>,
    pub(super) sessions: Vec<Sessions>,
    pub(super) refusals: Refusals,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Server {
    pub(super) state: String,
    pub(super) tools: Option<u64>,
    pub(super) in_flight: u64,
    pub(super) waiting: u64,
    pub(super) restarts: u64,
    pub(super) error: Option<String>,
    pub(super) requests: Timed,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timed {
    #[serde(flatten)]
    pub(super) outcomes: Outcomes,
    pub(super) buckets: Vec<(Option<f64>, u64)>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tool {
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) role: String,
    #[serde(flatten)]
    pub(super) requests: Timed,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Caller {
    pub(super) caller: String,
    pub(super) sessions: u64,
    pub(super) recent_requests: u64,
    pub(super) recent_failed: u64,
    pub(super) last_request: Option<jiff::Timestamp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Recent {
    pub(super) time: Option<jiff::Timestamp>,
    pub(super) caller: String,
    pub(super) method: String,
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) outcome: String,
    pub(super) duration: f64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusals {
    pub(super) reasons: Vec<Reason>,
    pub(super) limits: IndexMap<String, u64>,
    pub(super) denied: Vec<Denied>,
    pub(super) sign_ins: Vec<SignIns>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reason {
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) count: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sessions {
    pub(super) transport: String,
    pub(super) revision: String,
    pub(super) count: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Denied {
    pub(super) tool: String,
    pub(super) role: String,
    pub(super) count: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SignIns {
    pub(super) scheme: String,
    pub(super) reason: String,
    pub(super) count: u64,
}

/// Reads a page.
///
/// # Errors
/// When it is none.
pub(super) fn read(text: &str) -> Result<Page, CliError> {
    let page: Option<Page> = serde_json::from_str(text).ok();
    page.filter(|page| !page.version.is_empty())
        .ok_or_else(|| CliError::Answer("what answers there is no mcpgate of this kind".to_owned()))
}
