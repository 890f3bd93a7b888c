//! How a server is doing.

/// How a server is doing, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct State {
    /// `connecting`, `up`, `down`, `disabled`, or `idle`: stopped until somebody needs it.
    pub state: &'static str,
    /// Since when.
    pub since: jiff::Timestamp,
    /// `stdio`, `http` or `sse`.
    pub transport: &'static str,
    /// The revision that was agreed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its own name and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it is not up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it was last not up, also when it is again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How often it had to be connected again.
    pub restarts: u32,
    /// Whether the gateway is ready only while it is up.
    pub required: bool,
    /// Whether an operator took it down.
    pub disabled: bool,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<jiff::Timestamp>,
    /// How many requests were sent to it a second time.
    pub retries: u64,
    /// Whether calls fail at once, because too many before them have failed.
    pub refuses_calls: bool,
    /// Calls at it now.
    pub in_flight: u64,
    /// Calls that wait for a place there.
    pub waiting: u64,
    /// How many calls found no place there.
    pub crowded_out: u64,
    /// Each of its replicas, if it is not one alone: addresses (`url`), or copies (`pool`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaState>,
}

/// How one replica of a server is doing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ReplicaState {
    /// Its address, up to the end of the path; or which copy it is.
    pub at: String,
    /// As for a server.
    pub state: &'static str,
    /// Since when.
    pub since: jiff::Timestamp,
    /// Why it is not up, or refuses calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it was last not up, also when it is again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How often it had to be connected again.
    pub restarts: u32,
    /// Calls that wait for its answer, or the rest of one.
    pub in_flight: usize,
    /// Whether no calls are sent there, because too many have failed.
    pub refuses_calls: bool,
}

impl State {
    /// Whether calls to it are served, though it may have to be launched first.
    pub fn serves(&self) -> bool {
        matches!(self.state, "up" | "idle")
    }

    /// Whether it does what is wanted of it: one that an operator took down is no trouble.
    pub fn is_fine(&self) -> bool {
        self.serves() || self.disabled
    }
}
