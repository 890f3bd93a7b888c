//! What a peer asks: sampling, elicitation, roots. Each question goes to one client, or to none.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::peer::{Peer, Whose};
use crate::{
    exchange::Asked,
    mcp::{Frame, Part},
};

/// Questions of a peer that may wait for their answers.
const QUESTIONS: usize = 64;

impl Peer {
    /// Passes a question to the client it is for, and the answer back.
    pub(super) fn questioned(self: &Arc<Self>, frame: Frame) {
        if super::is_for_us(&frame) || self.asked.len() >= QUESTIONS {
            return self.tell(super::decline(&frame));
        }
        let exchange = match self.whose {
            Whose::Everybody => None,
            Whose::Session(_) | Whose::User(_) => self.latest(),
        };
        // Asked here and now: the answer to the call may be the very next message.
        let asked = match (&self.whose, exchange) {
            (_, Some(exchange)) => Asked::new(exchange, frame.clone())
                .map(|asked| Box::pin(asked.answer()) as super::Answering),
            (Whose::Session(client), None) => {
                Some(self.outlet.upward.question(client, frame.clone()))
            }
            (Whose::Everybody | Whose::User(_), None) => None,
        };
        let Some(asking) = asked else {
            return self.tell(super::decline(&frame));
        };
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let taken_back = CancellationToken::new();
        self.asked.insert(id.clone(), taken_back.clone());
        let peer = self.clone();
        tokio::spawn(async move {
            let answer = tokio::select! {
                answer = asking => answer,
                () = taken_back.cancelled() => return,
                () = peer.life.over() => return,
            };
            peer.asked.remove(&id);
            peer.tell(match answer {
                Some(answer) => answer.with(&[(Part::Id, &id)]),
                None => super::decline(&frame),
            });
        });
    }

    /// The peer takes a question back.
    pub(super) fn unasked(&self, notification: &Frame) {
        let id = notification.raw_bytes(Part::RequestId).unwrap_or_default();
        if let Some((_, taken_back)) = self.asked.remove(&id) {
            taken_back.cancel();
        }
    }
}
