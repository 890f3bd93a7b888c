//! A request that a peer owes an answer.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    headers::Extra,
    peer::{Outgoing, Peer},
};
use crate::{exchange::Exchange, mcp::Frame, refusal::Refusal};

/// The peer's answer, or why the request did not even reach it.
pub(super) type Answered = Result<Frame, String>;

/// What the peer's answer, when it comes, is for.
pub(super) struct Waiting {
    pub(super) answer: oneshot::Sender<Answered>,
    /// Where it is awaited, if that is another core than where the peer is read.
    pub(super) abroad: Option<Handle>,
    /// The way back to the client; nothing for a request of the gateway's own.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// The client's own progress token.
    pub(super) token: Option<Bytes>,
}

/// A request under way. Dropped before its answer came, it tells the peer to stop.
pub(super) struct Ticket<'a> {
    pub(super) peer: &'a Peer,
    pub(super) id: u64,
    pub(super) answer: oneshot::Receiver<Answered>,
    /// What it carries of the caller's.
    pub(super) extra: Extra,
}

impl Peer {
    /// Waits for the answer to a request from now on: the gateway's own, or one for which that leads
    /// back to the client, under the client's own progress token.
    pub(super) fn expect(
        &self,
        id: u64,
        for_whom: Option<(&Arc<Exchange>, Option<Bytes>)>,
        extra: Extra,
    ) -> Ticket<'_> {
        let (sender, answer) = oneshot::channel();
        let (exchange, token) = for_whom.unzip();
        self.pending.insert(
            id,
            Waiting {
                answer: sender,
                abroad: self.abroad.elsewhere(),
                exchange: exchange.cloned(),
                token: token.flatten(),
            },
        );
        Ticket {
            peer: self,
            id,
            answer,
            extra,
        }
    }
}

impl Ticket<'_> {
    /// Sends the request and waits for its answer.
    pub(super) async fn send(mut self, request: Bytes) -> Result<Frame, Refusal> {
        let gone = || self.peer.life.refusal(&self.peer.outlet.server);
        let sent = self
            .peer
            .input
            .send(Outgoing {
                id: Some(self.id),
                message: request,
                extra: self.extra.clone(),
            })
            .await;
        if sent.is_err() || self.peer.life.is_over() {
            self.peer.life.over().await;
            return Err(gone());
        }
        match (&mut self.answer).await {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(reason)) => Err(super::listing::garbled(&self.peer.outlet.server, reason)),
            Err(_closed) => Err(self.peer.life.refusal(&self.peer.outlet.server)),
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let Some((_, waiting)) = self.peer.pending.remove(&self.id) else {
            return;
        };
        // `initialize` must not be cancelled, and our own lists are asked for again anyway.
        let Some(exchange) = waiting.exchange else {
            return;
        };
        if !self.peer.life.is_over() {
            let message = super::cancelled(&exchange, self.id.to_string().as_bytes());
            self.peer.tell_with(message, self.extra.clone());
        }
    }
}
