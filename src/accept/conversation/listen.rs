//! A stream of notifications (2026-07-28) on a channel that carries everything else as well.

use std::sync::Arc;

use super::{Conversation, send};
use crate::{
    call::Visit,
    exchange::Exchange,
    mcp::{Frame, Part},
    session::Session,
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
}
