//! A request that a child owes an answer.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::stdio::Child;
use crate::{exchange::Exchange, mcp::Frame, refusal::Refusal};

/// What the child's answer, when it comes, is for.
pub(super) struct Waiting {
    pub(super) answer: oneshot::Sender<Frame>,
    /// The way back to the client; nothing for a request of the gateway's own.
    pub(super) exchange: Option<Arc<Exchange>>,
    /// The client's own progress token.
    pub(super) token: Option<Bytes>,
}

/// A request under way. Dropped before its answer came, it tells the child to stop.
pub(super) struct Ticket<'a> {
    pub(super) child: &'a Child,
    pub(super) id: u64,
    pub(super) answer: oneshot::Receiver<Frame>,
}

impl Ticket<'_> {
    /// Sends the request and waits for its answer.
    pub(super) async fn send(mut self, request: Bytes) -> Result<Frame, Refusal> {
        let gone = || self.child.life.refusal(&self.child.server);
        let sent = self.child.input.send(request).await;
        if sent.is_err() || self.child.life.is_over() {
            self.child.life.over().await;
            return Err(gone());
        }
        match (&mut self.answer).await {
            Ok(frame) => Ok(frame),
            Err(_closed) => Err(self.child.life.refusal(&self.child.server)),
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let Some((_, waiting)) = self.child.pending.remove(&self.id) else {
            return;
        };
        // `initialize` must not be cancelled, and our own lists are asked for again anyway.
        let Some(exchange) = waiting.exchange else {
            return;
        };
        if !self.child.life.is_over() {
            self.child
                .tell(super::cancelled(&exchange, self.id.to_string().as_bytes()));
        }
    }
}
