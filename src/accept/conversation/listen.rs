//! Word from servers on a channel that carries everything else as well.

use std::{future::pending, sync::Arc};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Conversation, send};
use crate::{
    call::Visit,
    exchange::Exchange,
    mcp::{Frame, Part},
    session::{Reader, Session},
};

impl Conversation {
    /// A stream of notifications, which on this channel is one of many.
    pub(super) async fn listen(&self, session: &Arc<Session>, frame: Frame, visit: &Visit) {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let mut listening = match self.pipeline.listen(session, &frame, visit).await {
            Ok(listening) => listening,
            Err(refusal) => return self.say(refusal.message(Some(&id))).await,
        };
        self.say(listening.acknowledged.clone()).await;
        let exchange = Arc::new(Exchange::new(session.client.clone(), None));
        let underway = self.cancellable(id, &exchange);
        let (out, over) = (self.out.clone(), self.over.clone());
        let serve = async move {
            let _underway = underway;
            loop {
                tokio::select! {
                    message = listening.next() => match message {
                        Some(message) => send(&out, message).await,
                        None => return send(&out, listening.answer()).await,
                    },
                    () = exchange.withdrawn() => return,
                }
            }
        };
        // It is not waited for at the end: it has none of its own.
        tokio::spawn(async move { over.run_until_cancelled(serve).await });
    }

    /// Waits until what the client has shown last is no good any more, and nothing that was asked
    /// before is under way.
    pub(in crate::accept) async fn lapsed(&self) {
        let Some(session) = self.session() else {
            return pending().await;
        };
        loop {
            session.lapsed().await;
            self.answered().await;
            if !session.may_listen() {
                return;
            }
        }
    }
}

/// What belongs to no request: told as long as what the client has shown is good.
pub(super) async fn pass_on(
    mut reader: Reader,
    session: Arc<Session>,
    out: mpsc::WeakSender<Bytes>,
) {
    while let Some((_, message)) = reader.next().await {
        let Some(out) = out.upgrade() else { return };
        if session.may_listen() {
            send(&out, message).await;
        }
    }
}
