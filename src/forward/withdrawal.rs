//! What is said to a remote server when nobody waits any more: for a call, or for all of them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method as Verb};
use tokio::time::timeout;

use super::{http::Http, server::COURTESY, upstream::Upstream, wire::Wire};
use crate::exchange::Exchange;

/// Ends a session with the server.
pub(super) async fn farewell(wire: &Wire, upstream: &Upstream) {
    if upstream.id.is_some() {
        let headers = upstream.last();
        let sent = wire.send(Verb::DELETE, &headers, Bytes::new());
        // 405 or silence: then the server forgets the session by itself.
        drop(timeout(COURTESY, sent).await);
    }
}

/// Tells the server, if a call is dropped before its answer came.
pub(super) struct Withdrawal<'a> {
    http: &'a Arc<Http>,
    upstream: &'a Arc<Upstream>,
    /// What the call was sent with.
    headers: &'a HeaderMap,
    exchange: &'a Exchange,
    id: &'a [u8],
    due: bool,
}

impl<'a> Withdrawal<'a> {
    pub(super) fn new(
        http: &'a Arc<Http>,
        (upstream, headers): (&'a Arc<Upstream>, &'a HeaderMap),
        exchange: &'a Exchange,
        id: &'a [u8],
    ) -> Self {
        Self {
            http,
            upstream,
            headers,
            exchange,
            id,
            due: true,
        }
    }

    /// The answer has come.
    pub(super) fn settled(mut self) {
        self.due = false;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        // Without a session the server cannot know whose `1` is meant; the closed connection
        // has to do.
        if !self.due || self.upstream.id.is_none() {
            return;
        }
        let (http, headers) = (self.http.clone(), self.headers.clone());
        let notification = super::cancelled(self.exchange, self.id);
        tokio::spawn(async move {
            let sent = http.wire.send(Verb::POST, &headers, notification);
            drop(timeout(COURTESY, sent).await);
        });
    }
}
