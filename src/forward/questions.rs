//! What servers ask: sampling, elicitation, roots. Each question goes to one client, or to none.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::peer::{Peer, Whose};
use crate::{
    exchange::{Asked, Exchange},
    mcp::{Frame, Part},
};

/// Questions of a peer, or on one stream of a remote server, that may wait for their answers.
const QUESTIONS: usize = 64;

/// The questions of one server that wait for their answers, so that it can take one back, and so
/// that there are not too many.
#[derive(Clone, Default)]
pub(super) struct Questions(Arc<Mutex<Waiting>>);

/// Numbered here: nothing keeps a server from using an id twice.
#[derive(Default)]
struct Waiting {
    asked: u64,
    open: HashMap<u64, (Bytes, CancellationToken)>,
}

impl Questions {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a question in; nothing where too many wait already.
    pub(super) fn open(&self, question: &Frame) -> Option<Open> {
        let mut waiting = self.waiting();
        if waiting.open.len() >= QUESTIONS {
            return None;
        }
        waiting.asked += 1;
        let number = waiting.asked;
        let id = question.raw_bytes(Part::Id).unwrap_or_default();
        let taken_back = CancellationToken::new();
        waiting.open.insert(number, (id, taken_back.clone()));
        Some(Open {
            all: self.clone(),
            number,
            taken_back,
        })
    }

    /// The server takes a question back.
    pub(super) fn take_back(&self, notification: &Frame) {
        let withdrawn = notification.raw_bytes(Part::RequestId).unwrap_or_default();
        for (id, taken_back) in self.waiting().open.values() {
            if *id == withdrawn {
                taken_back.cancel();
            }
        }
    }
}

/// A question that waits for its answer, as long as this lives.
pub(super) struct Open {
    all: Questions,
    number: u64,
    taken_back: CancellationToken,
}

impl Open {
    /// What comes of it; nothing where the server takes it back first.
    pub(super) async fn answered<F: Future>(&self, answer: F) -> Option<F::Output> {
        self.taken_back.run_until_cancelled(answer).await
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.all.waiting().open.remove(&self.number);
    }
}

impl Peer {
    /// Passes a question to the client it is for, and the answer back.
    pub(super) fn questioned(self: &Arc<Self>, frame: Frame) {
        let open = self.asked.open(&frame);
        let Some(open) = open.filter(|_| !super::is_for_us(&frame)) else {
            return self.tell(super::decline(&frame));
        };
        let exchange = match self.whose {
            Whose::Everybody => None,
            Whose::Session(_) | Whose::User(_) => self.latest(),
        };
        // Asked here and now: the answer to the call may be the very next message.
        let asked = match (&self.whose, exchange) {
            (_, Some(exchange)) => self.ask_during(exchange, frame.clone()),
            (Whose::Session(client), None) => {
                let (upward, server) = (&self.outlet.upward, &self.outlet.server);
                Some(upward.question(server, client, frame.clone()))
            }
            (Whose::Everybody | Whose::User(_), None) => None,
        };
        let Some(asking) = asked else {
            return self.tell(super::decline(&frame));
        };
        let peer = self.clone();
        tokio::spawn(async move {
            let answered = tokio::select! {
                answered = open.answered(asking) => answered,
                () = peer.life.over() => return,
            };
            // Taken back, it needs no answer.
            let Some(answer) = answered else { return };
            drop(open);
            let id = frame.raw_bytes(Part::Id).unwrap_or_default();
            peer.tell(match answer {
                Some(answer) => answer.with(&[(Part::Id, &id)]),
                None => super::decline(&frame),
            });
        });
    }

    /// Asks the client of a call, which lends its place meanwhile: one, however much it is asked.
    fn ask_during(&self, exchange: Arc<Exchange>, question: Frame) -> Option<super::Answering> {
        let first = !exchange.is_asking();
        let asked = Asked::new(exchange, question)?;
        let lent = first.then(|| self.outlet.queue.lend());
        Some(Box::pin(async move {
            let _lent = lent;
            asked.answer().await
        }))
    }

    /// The call that came last.
    pub(super) fn latest(&self) -> Option<Arc<Exchange>> {
        let waiting = self
            .pending
            .iter()
            .filter(|waiting| waiting.exchange.is_some());
        waiting
            .max_by_key(|waiting| *waiting.key())
            .and_then(|waiting| waiting.exchange.clone())
    }
}
