//! Questions to a client, during its call.

use std::{ops::Deref, sync::atomic::Ordering};

use super::{Exchange, Told};
use crate::{
    call::Question,
    mcp::{Frame, message},
};

/// A question that is on its way to the client: whatever is said after it comes after it.
pub struct Asked<E: Deref<Target = Exchange>> {
    exchange: E,
    question: Question,
    due: bool,
}

impl<E: Deref<Target = Exchange>> Asked<E> {
    /// Asks; nothing when the client is gone, or cannot be asked.
    pub fn new(exchange: E, frame: Frame) -> Option<Self> {
        let question = exchange.client.question();
        // Answers are awaited from now on, so that a client which goes in this moment is missed.
        let askable = !exchange.mute.load(Ordering::Relaxed) && !exchange.client.is_over();
        let answers = askable && exchange.client.answers(&frame);
        if !answers || !exchange.put(question.id(), frame) {
            return None;
        }
        exchange.asking.fetch_add(1, Ordering::Relaxed);
        Some(Self {
            exchange,
            question,
            due: true,
        })
    }

    /// Waits for the answer; nothing when the client is gone.
    pub async fn answer(mut self) -> Option<Frame> {
        let answer = self.question.answer().await;
        self.due = false;
        self.exchange.touch();
        answer
    }
}

impl<E: Deref<Target = Exchange>> Drop for Asked<E> {
    /// Tells the client when the question is given up.
    fn drop(&mut self) {
        self.exchange.asking.fetch_sub(1, Ordering::Relaxed);
        if self.due && !self.exchange.client.revision.is_stateless() {
            let notification = message::unasked(self.question.id());
            self.exchange.tell(Told::Message(notification));
        }
    }
}
