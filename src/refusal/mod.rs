//! Every way the gateway says no.

mod answer;
mod plain;
mod reason;

use std::{sync::Arc, time::Duration};

pub use reason::{Reason, Stage};

use crate::{call::Target, mcp::Malformed};

/// Every way the gateway itself says no.
///
/// A server's own error is not here: it is an answer, and passes through untouched.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not a message.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// Larger than `[gateway] max_message`.
    #[error("the message is larger than {0} bytes ([gateway] max_message)")]
    TooLarge(usize),
    /// `[gateway] max_buffered` bytes of large messages are in memory.
    #[error("no memory for another large message; try again in 1 s ([gateway] max_buffered)")]
    Overfull,
    /// `Host` or `Origin` is not one that is served.
    #[error("{header} `{value}` is not served here; [gateway] {setting} can allow it")]
    Foreign {
        /// The header that was refused.
        header: &'static str,
        /// What it said.
        value: String,
        /// The key that could allow it.
        setting: &'static str,
    },
    /// No session header where one is needed.
    #[error("the header Mcp-Session-Id is missing: send `initialize` first")]
    SessionMissing,
    /// No such session, or somebody else's.
    #[error("no such session: send `initialize` again")]
    SessionUnknown,
    /// A path that leads nowhere, or not for this caller.
    #[error("nothing is served under this path")]
    NoPath,
    /// Nothing is left of the stream that `Last-Event-ID` names.
    #[error("the stream of that Last-Event-ID is over: send the request again")]
    StreamOver,
    /// `[gateway] max_sessions` are open.
    #[error("the gateway has no room for another session ([gateway] max_sessions)")]
    SessionsFull,
    /// The caller has `[gateway] max_sessions_per_caller`, and none of them is idle.
    #[error(
        "you have as many sessions as one caller may, and all are in use ([gateway] max_sessions_per_caller)"
    )]
    SessionsOfCaller,
    /// A second `initialize` on a session.
    #[error("the session is initialized already")]
    Initialized,
    /// Bad or missing credentials.
    #[error("no valid credentials: send a key as `Authorization: Bearer …` or `X-API-Key`")]
    Unauthenticated,
    /// Too many bad credentials from that address; how long it has to wait.
    #[error("too many failed sign-ins from this address ([gateway] failed_sign_ins)")]
    SignIns(Duration),
    /// An address that `[gateway] allowed_ips` does not list.
    #[error("this address is not served ([gateway] allowed_ips)")]
    Address,
    /// Somebody who may not read the numbers.
    #[error(
        "/metrics is for those who show a key, and for the addresses in [gateway] metrics_from"
    )]
    Scraper,
    /// Somebody who may not look at the gateway itself.
    #[error(
        "/stats is for roles with `admin = true` ([roles.*]); where nobody is asked who they are, \
         for this machine and the addresses in [gateway] metrics_from"
    )]
    NoAdmin,
    /// The caller has no role, or may not use it from where it is.
    #[error("{0}")]
    NoRole(Arc<str>),
    /// No rule allows it. Same words and code as [`Refusal::NoRoute`], so that probing teaches
    /// nothing; the rule that denies it, if one does, is for the audit log.
    #[error("unknown {0}")]
    Forbidden(Target, Option<Arc<str>>),
    /// The caller may do it, but not with these arguments; the rule that says so.
    #[error("{0} is not allowed with these arguments")]
    Condition(Target, Arc<str>),
    /// A limit is reached.
    #[error("too many calls: limit `{limit}` leaves room in {} s", whole_seconds(*retry_after))]
    Limited {
        /// Which one.
        limit: Arc<str>,
        /// When to try again.
        retry_after: Duration,
    },
    /// The call cannot be recorded.
    #[error("calls cannot be recorded at the moment ([audit] required)")]
    Unrecorded,
    /// A method that nobody here answers.
    #[error("unknown method `{0}`")]
    UnknownMethod(String),
    /// A revision that is not spoken here.
    #[error("unsupported protocol version `{0}`")]
    Revision(String),
    /// A header on a session that names no revision.
    #[error(
        "the header MCP-Protocol-Version says `{0}`, which is no revision; supported: {list}",
        list = answer::supported().join(", ")
    )]
    Version(String),
    /// Headers that do not say what the body does (2026-07-28, Server Validation).
    #[error("header mismatch: {0}")]
    Mismatch(String),
    /// What is refused to a client without a session, for whom the HTTP status counts.
    #[error("{0}")]
    Stateless(Box<Refusal>),
    /// Parameters that the method does not take.
    #[error("invalid params: {0}")]
    Params(&'static str),
    /// No server offers it, or the caller may not know that one does.
    #[error("unknown {0}")]
    NoRoute(Target),
    /// The server is not there.
    #[error("server `{server}` is not available: {reason}")]
    Unavailable {
        /// Which one.
        server: String,
        /// What is known of it.
        reason: String,
    },
    /// The server has failed too often, and nobody waits for it for a while.
    #[error(
        "server `{server}` has failed {failures} times in a row; next attempt in {} s \
         ([servers.{server}] breaker)",
        whole_seconds(*retry_after)
    )]
    BreakerOpen {
        /// Which one.
        server: String,
        /// How often, since it was last well.
        failures: u32,
        /// When to try again.
        retry_after: Duration,
    },
    /// The server has as many calls as it takes, and too many wait, or this one has for too long.
    #[error(
        "server `{server}` has too many calls at the moment; try again in {} s \
         ([servers.{server}] {setting})",
        whole_seconds(*retry_after)
    )]
    Crowded {
        /// Which one.
        server: String,
        /// The key that decided.
        setting: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// What is known of the caller cannot be said to the server as the config wants it.
    #[error("server `{server}` cannot be told who calls: {setting} cannot hold it")]
    Unspeakable {
        /// Which one.
        server: String,
        /// The header or variable.
        setting: String,
    },
    /// The server went away while it served the call.
    #[error("server `{server}` stopped during the call: {reason}")]
    Stopped {
        /// Which one.
        server: String,
        /// Exit status, or what the connection said.
        reason: String,
        /// The last lines it wrote to stderr.
        stderr: Vec<String>,
    },
    /// The server's answer is not one.
    #[error("server `{server}` did not answer as MCP has it: {reason}")]
    Garbled {
        /// Which one.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server has asked, and the client does not answer such questions.
    #[error("the server asks the client what it does not answer, or too often")]
    Unanswered,
    /// The server took too long.
    #[error("server `{server}` did not answer within {limit:?} ([servers.{server}] {setting})")]
    TimedOut {
        /// Which one.
        server: String,
        /// How long it had.
        limit: Duration,
        /// The key that says so.
        setting: &'static str,
    },
}

impl Refusal {
    /// The rule that decided, if one did: for the log, never for the client.
    pub fn rule(&self) -> Option<&Arc<str>> {
        if let Self::Forbidden(_, rule) = self {
            return rule.as_ref();
        }
        if let Self::Condition(_, rule) = self {
            return Some(rule);
        }
        None
    }

    /// The same to a client without a session.
    pub fn stateless(self) -> Self {
        Self::Stateless(Box::new(self))
    }
}

/// A time as `Retry-After` has it: whole seconds, rounded up, at least one, for nobody is told to
/// try again at once.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    let part = u64::from(time.subsec_nanos() > 0);
    time.as_secs().saturating_add(part).max(1)
}
