//! A connection over which messages go both ways: the pipes of a child, or a legacy event stream
//! and the POSTs that belong to it.
//!
//! Ids and progress tokens are replaced by numbers of our own on the way in and put back on the
//! way out, because several clients may share the peer. What comes out of it is read whether or
//! not it takes what goes in: with 16 large calls in flight, a proxy that waits for the one
//! before the other hangs for ever.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    abroad::Abroad,
    answer::with_id,
    headers::Extra,
    life::Life,
    noise::Garbage,
    outlet::{Audience, Outlet},
    questions::Questions,
    stateless::own_members,
    ticket::Waiting,
};
use crate::{
    bridge,
    call::{Client, Reply},
    exchange::Exchange,
    map::Table,
    mcp::{Frame, Kind, Method, Part, frame, message, meta},
    refusal::Refusal,
    route::Routed,
};

/// Messages that may wait for the peer to take them.
const QUEUE: usize = 256;

/// Whom a peer serves, and so whom it may ask.
#[derive(Debug, Clone)]
pub(super) enum Whose {
    /// Everybody: it cannot say whom it asks, so it may ask nobody.
    Everybody,
    /// One session.
    Session(Arc<Client>),
    /// All sessions of one caller: it may ask the one whose call came last.
    User(Arc<Client>),
}

/// What goes to a peer.
pub(super) struct Outgoing {
    /// The number of the request it is, if it is one.
    pub(super) id: Option<u64>,
    pub(super) message: Bytes,
    /// What it carries of the caller's.
    pub(super) extra: Extra,
}

/// A connection and the calls it owes an answer.
pub(super) struct Peer {
    pub(super) outlet: Outlet,
    pub(super) input: mpsc::Sender<Outgoing>,
    pub(super) pending: Table<u64, Waiting>,
    pub(super) stop: CancellationToken,
    pub(super) life: Life,
    pub(super) whose: Whose,
    /// Whether its requests stand for themselves (2026-07-28).
    pub(super) stateless: AtomicBool,
    next_id: AtomicU64,
    /// What the last call carried of its caller's; nothing where it serves everybody.
    pub(super) last: ArcSwap<Extra>,
    /// The last stream of notifications that it has acknowledged.
    pub(super) acknowledged: watch::Sender<u64>,
    /// What it has asked.
    pub(super) asked: Questions,
    garbage: Garbage,
    /// Answers that are awaited on other cores.
    pub(super) abroad: Abroad,
}

impl Peer {
    /// A peer, and what is to be sent to it.
    pub(super) fn new(
        outlet: Outlet,
        whose: Whose,
        extra: Extra,
    ) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        let (input, queue) = mpsc::channel(QUEUE);
        let peer = Self {
            outlet,
            input,
            pending: Table::default(),
            stop: CancellationToken::new(),
            life: Life::default(),
            whose,
            stateless: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
            last: ArcSwap::from_pointee(extra),
            acknowledged: watch::Sender::new(0),
            asked: Questions::default(),
            garbage: Garbage::default(),
            abroad: Abroad::of_here(),
        };
        (Arc::new(peer), queue)
    }

    /// Carries one call.
    ///
    /// # Errors
    /// When the peer goes away before it answers.
    pub(super) async fn call(
        &self,
        routed: &Routed,
        extra: Extra,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        if !matches!(self.whose, Whose::Everybody) && **self.last.load() != extra {
            self.last.store(Arc::new(extra.clone()));
        }
        let frame = &routed.call().frame;
        let id = self.number();
        let number = id.to_string();
        let number = number.as_bytes();
        let mut edits = vec![(Part::Id, number), (Part::MetaToken, number)];
        edits.extend(routed.rename());
        let for_whom = (exchange, frame.raw_bytes(Part::MetaToken));
        let ticket = self.expect(id, Some(for_whom), extra.traced(routed.trace()));
        let answer = ticket.send(frame.with(&edits)).await?;
        let client_id = frame.raw(Part::Id).unwrap_or("null");
        Ok(with_id(answer, client_id.as_bytes()))
    }

    /// Asks something of the gateway's own.
    ///
    /// # Errors
    /// When the peer goes away before it answers.
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Refusal> {
        let id = self.number();
        let request = self.request(id, method, params);
        self.expect(id, None, self.latest_extra())
            .send(request)
            .await
    }

    /// A number that no request to it has had.
    pub(super) fn number(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The last number that it was given.
    pub(super) fn last_number(&self) -> u64 {
        self.next_id.load(Ordering::Relaxed).saturating_sub(1)
    }

    fn request(&self, id: u64, method: Method, params: &str) -> Bytes {
        match self.stateless.load(Ordering::Relaxed) {
            true => message::request(id, method, &meta::with(params, &own_members())),
            false => message::request(id, method, params),
        }
    }

    /// Sends a message that needs no answer, unless the peer has stopped reading.
    pub(super) fn tell(&self, message: Bytes) {
        self.tell_with(message, self.latest_extra());
    }

    /// What the last call carried of its caller's.
    pub(super) fn latest_extra(&self) -> Extra {
        Extra::clone(&self.last.load())
    }

    /// The same, with this of a caller's.
    pub(super) fn tell_with(&self, message: Bytes, extra: Extra) {
        let (id, input) = (None, &self.input);
        if let Err(error) = input.try_send(Outgoing { id, message, extra }) {
            tracing::warn!(server = %self.outlet.server, "a message is dropped: {error}");
        }
    }

    /// Takes what the peer says: a message, or a batch of them. Answers for callers on other cores
    /// are in `abroad` then, until that hands them over.
    pub(super) fn take(self: &Arc<Self>, text: &Bytes) {
        let server = &self.outlet.server;
        let messages = match frame::split(text) {
            Ok(messages) => messages,
            Err(error) => return self.garbage.skip(server, &error),
        };
        for message in messages {
            match Frame::parse(message) {
                Ok(frame) => self.dispatch(frame),
                Err(error) => self.garbage.skip(server, &error),
            }
        }
    }

    /// It is over: whoever waits learns why, or has the answer that came before.
    pub(super) fn end(&self, reason: String, stderr: Vec<String>) {
        self.abroad.hand_over();
        self.life.end(reason, stderr);
        self.pending.clear();
        self.stop.cancel();
    }

    /// A request could not be delivered.
    pub(super) fn refused(&self, id: u64, reason: String) {
        if let Some((_, waiting)) = self.pending.remove(&id) {
            drop(waiting.answer.send(Err(reason)));
        }
    }

    fn dispatch(self: &Arc<Self>, frame: Frame) {
        match frame.kind() {
            Kind::Response => self.answered(frame),
            Kind::Notification => self.notified(frame),
            Kind::Request => self.questioned(frame),
        }
    }

    fn answered(&self, frame: Frame) {
        let id = frame.raw(Part::Id).and_then(|id| id.parse::<u64>().ok());
        match id.and_then(|id| self.pending.remove(&id)) {
            Some((_, waiting)) => match waiting.abroad {
                Some(runtime) => self.abroad.keep(runtime, waiting.answer, Ok(frame)),
                // The caller may be gone in this very moment; then nobody is left to tell.
                None => drop(waiting.answer.send(Ok(frame))),
            },
            None => {
                tracing::debug!(server = %self.outlet.server, ?frame, "an answer nobody awaits")
            }
        }
    }

    fn notified(&self, frame: Frame) {
        match frame.method() {
            Some(Method::Progress) => self.progressed(&frame),
            Some(Method::ListChanged(list)) => self.outlet.changes.add(list),
            Some(Method::Cancelled) => self.asked.take_back(&frame),
            Some(Method::SubscriptionsAcknowledged) => self.listens(&frame),
            Some(Method::ResourcesUpdated) if self.stateless.load(Ordering::Relaxed) => {
                let frame = bridge::unmarked(frame);
                self.outlet
                    .notice(Audience::Everybody, &self.callers(), frame);
            }
            Some(Method::ResourcesUpdated) => {
                self.outlet.notice(self.audience(), &self.callers(), frame);
            }
            // What is said during a call goes with the call, and in its order.
            Some(_) | None => match (self.audience(), self.latest()) {
                (Audience::Session(_), Some(exchange)) => {
                    exchange.pass(frame);
                }
                (audience, _) => self.outlet.notice(audience, &self.callers(), frame),
            },
        }
    }

    fn progressed(&self, frame: &Frame) {
        let id = frame.raw(Part::Token).and_then(|id| id.parse::<u64>().ok());
        let Some(waiting) = id.and_then(|id| self.pending.get(&id)) else {
            return;
        };
        let (Some(exchange), Some(token)) = (&waiting.exchange, &waiting.token) else {
            return;
        };
        if !exchange.progress(frame, Some(token)) {
            tracing::debug!(server = %self.outlet.server, "a slow client loses progress");
        }
    }

    /// Those whom it serves.
    fn audience(&self) -> Audience<'_> {
        match &self.whose {
            Whose::Session(client) => Audience::Session(&client.session),
            Whose::User(client) => Audience::Caller(&client.identity),
            Whose::Everybody => Audience::Everybody,
        }
    }

    /// The calls under way, for what a peer says without saying to whom.
    fn callers(&self) -> Vec<Arc<Exchange>> {
        self.pending
            .iter()
            .filter_map(|waiting| waiting.exchange.clone())
            .collect()
    }
}
