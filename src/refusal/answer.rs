//! How a refusal looks: JSON-RPC code, HTTP status, data.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Refusal, Stage, whole_seconds};
use crate::{
    call::Target,
    mcp::{Malformed, Revision, message},
};

impl Refusal {
    /// The JSON-RPC error code. -32000 and -32001 are what the SDKs themselves say when a
    /// connection closes and when a request takes too long.
    pub fn code(&self) -> i32 {
        match self {
            Self::Malformed(Malformed::Syntax(_)) => -32700,
            Self::Malformed(Malformed::Shape(_) | Malformed::Size) | Self::Initialized => -32600,
            Self::UnknownMethod(_) => -32601,
            Self::Mismatch(_) => -32020,
            Self::Revision(_) => -32022,
            // 2026-07-28, Error Codes: what was -32002 is -32602.
            Self::Stateless(refusal)
                if matches!(**refusal, Self::NoRoute(_) | Self::Forbidden(..)) =>
            {
                -32602
            }
            Self::Stateless(refusal) => refusal.code(),
            Self::Params(_) | Self::Condition(..) => -32602,
            Self::NoRoute(target) | Self::Forbidden(target, _) if target.resource().is_some() => {
                -32002
            }
            Self::NoRoute(Target::Other(_)) | Self::Forbidden(Target::Other(_), _) => -32601,
            Self::NoRoute(_) | Self::Forbidden(..) => -32602,
            Self::TimedOut { .. } => -32001,
            Self::TooLarge(_)
            | Self::Overfull
            | Self::Foreign { .. }
            | Self::SessionMissing
            | Self::SessionUnknown
            | Self::StreamOver
            | Self::NoPath
            | Self::SessionsFull
            | Self::SessionsOfCaller
            | Self::Version(_)
            | Self::Unauthenticated
            | Self::SignIns(_)
            | Self::Address
            | Self::Scraper
            | Self::NoAdmin
            | Self::NoRole(_)
            | Self::Limited { .. }
            | Self::Unrecorded
            | Self::Unavailable { .. }
            | Self::BreakerOpen { .. }
            | Self::Crowded { .. }
            | Self::Unspeakable { .. }
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
                _ if matches!(**refusal, Self::NoRole(_)) => StatusCode::OK,
                Stage::Limit | Stage::Observe => StatusCode::OK,
                Stage::Accept
                | Stage::Authenticate
                | Stage::Authorise
                | Stage::Route
                | Stage::Forward => StatusCode::BAD_REQUEST,
            },
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Foreign { .. } | Self::Address | Self::Scraper | Self::NoAdmin => {
                StatusCode::FORBIDDEN
            }
            Self::SignIns(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::SessionUnknown | Self::NoPath => StatusCode::NOT_FOUND,
            Self::Overfull | Self::SessionsFull | Self::SessionsOfCaller => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Initialized
            | Self::UnknownMethod(_)
            | Self::Params(_)
            | Self::NoRoute(_)
            | Self::NoRole(_)
            | Self::Forbidden(..)
            | Self::Condition(..)
            | Self::Limited { .. }
            | Self::Unrecorded
            | Self::Unavailable { .. }
            | Self::BreakerOpen { .. }
            | Self::Crowded { .. }
            | Self::Unspeakable { .. }
            | Self::Stopped { .. }
            | Self::Garbled { .. }
            | Self::Unanswered
            | Self::TimedOut { .. } => StatusCode::OK,
        }
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
            Self::NoRoute(target) | Self::Forbidden(target, _) => {
                target.resource().map(|uri| json!({ "uri": uri }))
            }
            Self::Limited { limit, retry_after } => {
                Some(json!({ "limit": limit, "retry_after": whole_seconds(*retry_after) }))
            }
            Self::Revision(requested) | Self::Version(requested) => {
                Some(json!({ "supported": supported(), "requested": requested }))
            }
            Self::Stateless(refusal) => refusal.data(),
            Self::Unavailable { server, .. }
            | Self::Unspeakable { server, .. }
            | Self::Garbled { server, .. } => Some(json!({ "server": server })),
            Self::BreakerOpen {
                server,
                retry_after,
                ..
            }
            | Self::Crowded {
                server,
                retry_after,
                ..
            } => Some(json!({ "server": server, "retry_after": whole_seconds(*retry_after) })),
            Self::Stopped { server, stderr, .. } => {
                Some(json!({ "server": server, "stderr": stderr }))
            }
            Self::TimedOut { server, limit, .. } => {
                Some(json!({ "server": server, "timeout_seconds": limit.as_secs_f64() }))
            }
            Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::Overfull
            | Self::Foreign { .. }
            | Self::SessionMissing
            | Self::SessionUnknown
            | Self::StreamOver
            | Self::NoPath
            | Self::SessionsFull
            | Self::SessionsOfCaller
            | Self::Initialized
            | Self::Unauthenticated
            | Self::Unanswered
            | Self::UnknownMethod(_)
            | Self::Mismatch(_)
            | Self::Params(_)
            | Self::SignIns(_)
            | Self::Address
            | Self::Scraper
            | Self::NoAdmin
            | Self::NoRole(_)
            | Self::Condition(..)
            | Self::Unrecorded => None,
        }
    }
}

/// The revisions spoken here, the newest first.
pub(super) fn supported() -> Vec<&'static str> {
    let newest_first = Revision::ALL.iter().rev();
    newest_first.map(|revision| revision.as_str()).collect()
}
