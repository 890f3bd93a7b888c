//! A server's HTTP response, read as the answer to one request.

use std::io;

use bytes::Bytes;
use http::{HeaderMap, Method as Verb, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::time::timeout;

use super::{
    http1::{Incoming, Response},
    listing::garbled,
    passing::Passing,
    reading::Reading,
    wire::{Wire, chain},
};
use crate::{
    call::{Reply, ServerName},
    exchange::Exchange,
    mcp::{Frame, Kind, Part, object},
    refusal::Refusal,
};

/// An answer up to this size is looked at before it is passed on; a larger one streams through.
pub(super) const LOOK: usize = 64 * 1024;

/// Why there is no answer.
pub(super) enum Trouble {
    /// The server does not know the session (any more).
    SessionLost,
    /// An HTTP status, and no message with it.
    Status(StatusCode),
    /// 503, and when to come again: the request has not been begun.
    Busy,
    /// Everything else.
    Refused(Refusal),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Trouble {
    pub(super) fn into_refusal(self, server: &ServerName) -> Refusal {
        match self {
            Self::SessionLost => garbled(server, "it forgets the session it has just opened"),
            Self::Status(status) => garbled(server, format!("HTTP {status}")),
            Self::Busy => Self::Status(StatusCode::SERVICE_UNAVAILABLE).into_refusal(server),
            Self::Refused(refusal) => refusal,
        }
    }

    /// Whether the server, or a proxy before it, says that there is nobody to serve the request. If
    /// it does not say when to come again, somebody may have begun: a proxy says the same when a
    /// connection breaks in the middle (RFC 9110, 15.6.3 to 15.6.5).
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Status(status) => matches!(
                *status,
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            Self::SessionLost | Self::Refused(_) => false,
        }
    }

    /// The same where another replica can make up for it.
    pub(super) fn into_outage(self, server: &ServerName) -> Refusal {
        let status = match self {
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Status(status) => status,
            Self::SessionLost | Self::Refused(_) => return self.into_refusal(server),
        };
        Refusal::Unavailable {
            server: server.to_string(),
            reason: format!("HTTP {status}"),
        }
    }
}

impl Wire {
    /// Reads the answer to the request with that id; what precedes it goes to the exchange.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        response: Response,
        id: &[u8],
        exchange: &Exchange,
    ) -> Result<Reply, Trouble> {
        let (status, body) = (response.status, response.body);
        let busy = status == StatusCode::SERVICE_UNAVAILABLE && response.retry_after;
        let kind = response.kind.as_ref();
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if status.is_success() && kind.starts_with("text/event-stream") {
            let mut reading = Reading::new(self, headers, id, exchange);
            // Boxed, so that the usual answer does not pay for its size.
            return Box::pin(reading.events(body)).await;
        }
        let json = kind.starts_with("application/json");
        if status.is_success() && json {
            return self.json(body, id).await;
        }
        // Some servers put a JSON-RPC error into a 4xx; that is their answer all the same.
        if let (true, Ok(reply)) = (json, self.json(body, id).await) {
            return Ok(reply);
        }
        if !status.is_success() {
            return Err(match busy {
                true => Trouble::Busy,
                false => Trouble::Status(status),
            });
        }
        let words = match kind {
            "" => format!("HTTP {status} without an answer"),
            kind => format!("HTTP {status} with the content type {kind}"),
        };
        Err(garbled(&self.outlet.server, words).into())
    }

    /// One message as the body: looked at if it is small, else passed through as it comes.
    async fn json(&self, mut body: Incoming, id: &[u8]) -> Result<Reply, Trouble> {
        let mut read: Vec<Bytes> = Vec::with_capacity(1);
        let mut size = 0;
        let expected = body.size_hint().lower();
        while size <= LOOK && expected <= LOOK as u64 {
            let Some(piece) = body.frame().await else {
                return self.small(read, id);
            };
            if let Ok(data) = piece.map_err(|error| self.broke(&error))?.into_data() {
                size += data.len();
                read.push(data);
            }
        }
        let whose = (self.outlet.server.clone(), self.limit);
        let passing = Passing::new(read, body, whose, self.streams.token());
        Ok(Reply::Streamed(passing.boxed_unsync()))
    }

    /// A small message as the answer to the request with that id.
    pub(super) fn small(&self, read: Vec<Bytes>, id: &[u8]) -> Result<Reply, Trouble> {
        let bytes = match <[Bytes; 1]>::try_from(read) {
            Ok([only]) => only,
            Err(pieces) => pieces.concat().into(),
        };
        let parsed = Frame::parse(bytes);
        let frame = parsed.map_err(|error| garbled(&self.outlet.server, error.to_string()))?;
        if frame.kind() != Kind::Response {
            return Err(garbled(&self.outlet.server, "the answer is not a response").into());
        }
        Ok(with_id(frame, id))
    }

    /// Sends what answers a question of the server's.
    pub(super) async fn reply(&self, headers: &HeaderMap, answer: Bytes) {
        let sent = timeout(self.limit, self.send(Verb::POST, headers, answer)).await;
        match sent {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::debug!(server = %self.outlet.server, "an answer is lost: {error}");
            }
            Err(_elapsed) => {
                tracing::debug!(server = %self.outlet.server, "an answer is not taken");
            }
        }
    }

    pub(super) fn broke(&self, error: &io::Error) -> Trouble {
        stopped(&self.outlet.server, error).into()
    }
}

pub(super) fn stopped(server: &ServerName, error: &io::Error) -> Refusal {
    Refusal::Stopped {
        server: server.to_string(),
        reason: chain(error),
        stderr: Vec::new(),
    }
}

/// The answer under the id that was asked with; servers that could not read it say
/// `null`, or nothing.
pub(super) fn with_id(frame: Frame, id: &[u8]) -> Reply {
    let failed = frame.raw(Part::Error).is_some();
    let message = match frame.raw(Part::Id).map(str::as_bytes) {
        Some(same) if same == id => frame.into_bytes(),
        Some(_) => frame.with(&[(Part::Id, id)]),
        None => {
            let text = std::str::from_utf8(frame.bytes()).unwrap_or("{}");
            let id = String::from_utf8_lossy(id);
            object::with(text, &format!(r#""id":{id}"#)).into()
        }
    };
    if failed {
        Reply::Failed(message)
    } else {
        Reply::Whole(message)
    }
}
