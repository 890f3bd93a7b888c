//! How a refusal looks to those who speak plain HTTP: a status, and a body of its own.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::{Refusal, Stage, whole_seconds};

impl Refusal {
    /// The HTTP status where no JSON-RPC error tells the reason.
    pub fn plain_status(&self) -> StatusCode {
        match self {
            Self::Malformed(_)
            | Self::SessionMissing
            | Self::StreamOver
            | Self::Initialized
            | Self::UnknownMethod(_)
            | Self::Mismatch(_)
            | Self::Revision(_)
            | Self::Version(_)
            | Self::Params(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Foreign { .. }
            | Self::Address
            | Self::Scraper
            | Self::NoAdmin
            | Self::NoRole(_)
            | Self::Forbidden(..)
            | Self::Condition(..) => StatusCode::FORBIDDEN,
            Self::SessionUnknown | Self::NoPath | Self::NoRoute(_) => StatusCode::NOT_FOUND,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SignIns(_) | Self::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Overfull
            | Self::SessionsFull
            | Self::SessionsOfCaller
            | Self::Unrecorded
            | Self::Crowded { .. }
            | Self::BreakerOpen { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unavailable { .. }
            | Self::Stopped { .. }
            | Self::Garbled { .. }
            | Self::Unanswered
            | Self::Unspeakable { .. } => StatusCode::BAD_GATEWAY,
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Stateless(refusal) => refusal.plain_status(),
        }
    }

    /// The HTTP status inside an exchange, for those who want one that tells of a refusal
    /// (`[gateway] refuse_with_status`).
    pub fn telling_status(&self) -> StatusCode {
        match self.stage() {
            Stage::Authenticate | Stage::Limit | Stage::Observe => self.plain_status(),
            // The same for what is not allowed and what is not there: probing teaches nothing. And
            // no 404, which says that the session is over.
            Stage::Authorise | Stage::Route => StatusCode::FORBIDDEN,
            Stage::Accept | Stage::Forward => self.status(),
        }
    }

    /// How long to wait before trying again, in whole seconds, where that helps.
    pub fn retry_after(&self) -> Option<u64> {
        if let Self::Overfull = self {
            return Some(1);
        }
        if let Self::Stateless(refusal) = self {
            return refusal.retry_after();
        }
        if let Self::SignIns(time)
        | Self::Limited {
            retry_after: time, ..
        }
        | Self::Crowded {
            retry_after: time, ..
        }
        | Self::BreakerOpen {
            retry_after: time, ..
        } = self
        {
            return Some(whole_seconds(*time));
        }
        None
    }

    /// The body where no JSON-RPC error tells the reason; `words` where there are better ones
    /// than our own.
    pub fn plain_body(&self, words: Option<&str>) -> Bytes {
        let own = || self.to_string();
        let body = match (self.retry_after(), self) {
            (Some(wait), Self::BreakerOpen { .. } | Self::Crowded { .. } | Self::Overfull) => {
                json!({ "error": own(), "retry_after": wait })
            }
            (Some(wait), _) => json!({ "error": "Rate limit exceeded", "retry_after": wait }),
            (None, Self::SessionsFull) => json!({ "error": "Server at capacity" }),
            (None, _) => json!({ "error": words.map_or_else(own, str::to_owned) }),
        };
        body.to_string().into()
    }
}
