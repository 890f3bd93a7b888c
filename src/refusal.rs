//! Every way the gateway says no.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    call::Target,
    mcp::{Malformed, Revision, message},
};

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
    /// Nothing is left of the stream that `Last-Event-ID` names.
    #[error("the stream of that Last-Event-ID is over: send the request again")]
    StreamOver,
    /// `[gateway] max_sessions` are open.
    #[error("the gateway has no room for another session ([gateway] max_sessions)")]
    SessionsFull,
    /// A second `initialize` on a session.
    #[error("the session is initialized already")]
    Initialized,
    /// Bad or missing credentials.
    #[error("no valid API key: send it as `Authorization: Bearer …` or `X-API-Key`")]
    Unauthenticated,
    /// A method that nobody here answers.
    #[error("unknown method `{0}`")]
    UnknownMethod(String),
    /// A revision that is not spoken here.
    #[error("unsupported protocol version `{0}`")]
    Revision(String),
    /// A header on a session that names no revision.
    #[error(
        "the header MCP-Protocol-Version says `{0}`, which is no revision; supported: {list}",
        list = supported().join(", ")
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

/// Where on its way a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Before it was a call.
    Accept,
    /// Who is calling.
    Authenticate,
    /// Which server.
    Route,
    /// On the way to the server, or back.
    Forward,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accept, Self::Authenticate, Self::Route, Self::Forward];

    /// Metric label and log field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Authenticate => "authenticate",
            Self::Route => "route",
            Self::Forward => "forward",
        }
    }
}

impl Refusal {
    /// The stage that refused.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::Foreign { .. }
            | Self::SessionMissing
            | Self::SessionUnknown
            | Self::StreamOver
            | Self::SessionsFull
            | Self::Initialized
            | Self::UnknownMethod(_)
            | Self::Revision(_)
            | Self::Version(_)
            | Self::Mismatch(_)
            | Self::Params(_) => Stage::Accept,
            Self::Stateless(refusal) => refusal.stage(),
            Self::Unauthenticated => Stage::Authenticate,
            Self::NoRoute(_) => Stage::Route,
            Self::Unavailable { .. }
            | Self::Stopped { .. }
            | Self::Garbled { .. }
            | Self::Unanswered
            | Self::TimedOut { .. } => Stage::Forward,
        }
    }

    /// The JSON-RPC error code. -32000 and -32001 are what the SDKs themselves say when a
    /// connection closes and when a request takes too long.
    pub fn code(&self) -> i32 {
        match self {
            Self::Malformed(Malformed::Syntax(_)) => -32700,
            Self::Malformed(Malformed::Shape(_)) | Self::Initialized => -32600,
            Self::UnknownMethod(_) => -32601,
            Self::Mismatch(_) => -32020,
            Self::Revision(_) => -32022,
            // 2026-07-28, Error Codes: what was -32002 is -32602.
            Self::Stateless(refusal) if matches!(**refusal, Self::NoRoute(_)) => -32602,
            Self::Stateless(refusal) => refusal.code(),
            Self::Params(_) => -32602,
            Self::NoRoute(Target::Resource(_) | Target::Subscription(..)) => -32002,
            Self::NoRoute(Target::Other(_)) => -32601,
            Self::NoRoute(_) => -32602,
            Self::TimedOut { .. } => -32001,
            Self::TooLarge(_)
            | Self::Foreign { .. }
            | Self::SessionMissing
            | Self::SessionUnknown
            | Self::StreamOver
            | Self::SessionsFull
            | Self::Version(_)
            | Self::Unauthenticated
            | Self::Unavailable { .. }
            | Self::Stopped { .. } => -32000,
            Self::Garbled { .. } | Self::Unanswered => -32603,
        }
    }

    /// The HTTP status. A refused request inside an exchange is an answer like any other (200):
    /// clients tear the whole connection down on anything else.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_)
            | Self::SessionMissing
            | Self::StreamOver
            | Self::Mismatch(_)
            | Self::Revision(_)
            | Self::Version(_) => StatusCode::BAD_REQUEST,
            Self::Stateless(refusal) => match refusal.stage() {
                Stage::Accept if refusal.code() == -32601 => StatusCode::NOT_FOUND,
                Stage::Accept | Stage::Authenticate | Stage::Route | Stage::Forward => {
                    StatusCode::BAD_REQUEST
                }
            },
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Foreign { .. } => StatusCode::FORBIDDEN,
            Self::SessionUnknown => StatusCode::NOT_FOUND,
            Self::SessionsFull => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Initialized
            | Self::UnknownMethod(_)
            | Self::Params(_)
            | Self::NoRoute(_)
            | Self::Unavailable { .. }
            | Self::Stopped { .. }
            | Self::Garbled { .. }
            | Self::Unanswered
            | Self::TimedOut { .. } => StatusCode::OK,
        }
    }

    /// The same to a client without a session.
    pub fn stateless(self) -> Self {
        Self::Stateless(Box::new(self))
    }

    /// The JSON-RPC error response to the request with that id.
    pub fn message(&self, id: Option<&[u8]>) -> Bytes {
        let message = self.to_string();
        message::error(
            id,
            &message::Error {
                code: self.code(),
                message: &message,
                data: self.data(),
            },
        )
    }

    /// What a program may want to know.
    fn data(&self) -> Option<Value> {
        match self {
            Self::NoRoute(Target::Resource(uri) | Target::Subscription(uri, _)) => {
                Some(json!({ "uri": uri }))
            }
            Self::Revision(requested) | Self::Version(requested) => {
                Some(json!({ "supported": supported(), "requested": requested }))
            }
            Self::Stateless(refusal) => refusal.data(),
            Self::Unavailable { server, .. } | Self::Garbled { server, .. } => {
                Some(json!({ "server": server }))
            }
            Self::Stopped { server, stderr, .. } => {
                Some(json!({ "server": server, "stderr": stderr }))
            }
            Self::TimedOut { server, limit, .. } => {
                Some(json!({ "server": server, "timeout_seconds": limit.as_secs_f64() }))
            }
            Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::Foreign { .. }
            | Self::SessionMissing
            | Self::SessionUnknown
            | Self::StreamOver
            | Self::SessionsFull
            | Self::Initialized
            | Self::Unauthenticated
            | Self::Unanswered
            | Self::UnknownMethod(_)
            | Self::Mismatch(_)
            | Self::Params(_)
            | Self::NoRoute(_) => None,
        }
    }
}

/// The revisions spoken here, the newest first.
fn supported() -> Vec<&'static str> {
    let newest_first = Revision::ALL.iter().rev();
    newest_first.map(|revision| revision.as_str()).collect()
}
