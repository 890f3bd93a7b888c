//! Whether a server has forgotten a session: each says so in its own way.
//!
//! The specification has 404 for it. Others say 400, 401 or 410, and that it is about the session
//! in the text, or in an error of JSON-RPC that answers no request.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::{
    answer::{LOOK, Trouble},
    headers::SESSION,
    http::Http,
    http1::Response,
};
use crate::{
    call::Reply,
    exchange::Exchange,
    mcp::{Frame, Part, fields},
};

/// What is said of a session that is not there, in lower case.
const GONE: [&str; 12] = [
    "closed",
    "does not exist",
    "doesn't exist",
    "expired",
    "invalid",
    "no longer",
    "no such",
    "no valid",
    "not found",
    "not valid",
    "terminated",
    "unknown",
];
/// Codes of errors that no method has looked at the request for.
const UNREAD: [&str; 3] = ["-32000", "-32001", "-32600"];

impl Http {
    /// Reads the answer to a request that may have been made on a session.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        response: Response,
        id: &[u8],
        exchange: &Exchange,
    ) -> Result<Reply, Trouble> {
        if response.status.is_success() || !headers.contains_key(SESSION) {
            return self.wire.read(headers, response, id, exchange).await;
        }
        match response.status {
            StatusCode::NOT_FOUND => Err(Trouble::SessionLost),
            // Boxed: rare, and every call pays for the size of its future.
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::GONE => {
                Box::pin(self.rejected(response, id)).await
            }
            _ => Box::pin(self.wire.read(headers, response, id, exchange)).await,
        }
    }

    /// Reads why a request was rejected.
    async fn rejected(&self, response: Response, id: &[u8]) -> Result<Reply, Trouble> {
        let status = response.status;
        let collected = Limited::new(response.body, LOOK).collect().await;
        let body = collected.map_err(|_unreadable| Trouble::Status(status))?;
        let body = body.to_bytes();
        if disowns(&body, id) {
            return Err(Trouble::SessionLost);
        }
        // An error in a bad status is the server's answer all the same.
        let read = self.wire.small(vec![body], id);
        read.map_err(|_not_a_message| Trouble::Status(status))
    }
}

/// Whether a server says that it does not know the session, and so has not looked at the request
/// with that id.
fn disowns(body: &Bytes, id: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let words = text.contains("not initialized")
        || text.contains("session") && GONE.iter().any(|gone| text.contains(gone));
    words && !is_answer(body, id)
}

/// Whether a method has answered: a tool may have sessions of its own, and tell of those.
fn is_answer(body: &Bytes, id: &[u8]) -> bool {
    Frame::parse(body.clone()).is_ok_and(|frame| {
        let error = frame.raw(Part::Error).unwrap_or_default();
        let unread = fields::field(error, "code").is_some_and(|code| UNREAD.contains(&code));
        frame.raw(Part::Id).map(str::as_bytes) == Some(id) && !unread
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_of_a_session_that_they_do_not_know_is_understood() {
        for (body, lost) in [
            ("Bad Request: No valid session ID provided", true),
            ("Unauthorized: Session not found", true),
            ("invalid session ID", true),
            (
                r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}"#,
                true,
            ),
            (
                r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Session has been terminated"}}"#,
                true,
            ),
            (
                r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32001,"message":"Session not found"}}"#,
                true,
            ),
            (r#"{"detail":"Unknown mcp session"}"#, true),
            // A browser's, say: the tool has been called.
            (
                r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"Session not found"}}"#,
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","id":7,"result":{"text":"unknown session"}}"#,
                false,
            ),
            ("Bad Request: missing session ID header", false),
            ("invalid token", false),
            ("", false),
        ] {
            assert_eq!(disowns(&Bytes::from(body), b"7"), lost, "{body}");
        }
    }
}
