//! How the answer to a POST leaves: as JSON, or as a stream of what precedes it and then itself.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response};
use tokio::time::sleep;

use super::{
    Begun, HEARTBEAT,
    body::{Body, listening, whole},
    encoding::accepts_gzip,
    http::{Endpoint, accepts_events},
    response,
};
use crate::{
    call::Reply,
    exchange::{Exchange, Told},
    mcp::sse,
    observe::Record,
    pipeline::{Held, Pending},
    session::{EventId, PATIENCE, Reader, Session, Trail},
    wait::Wait,
};

/// How soon a client comes back for the rest of an answer.
const RETRY: Duration = Duration::from_secs(1);
/// Messages that may wait for a client to come back; more wait in the exchange.
const AHEAD: usize = 64;

impl Endpoint {
    /// Answers with JSON, unless something precedes the answer or it takes its time; then with
    /// a stream, if the client reads one.
    pub(super) async fn answer(
        &self,
        session: &Arc<Session>,
        (mut call, exchange): Begun,
        id: Bytes,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let streams = accepts_events(headers);
        if !streams {
            exchange.mute();
        }
        let mut answer = tokio::select! {
            biased;
            answer = &mut call => answer,
            () = exchange.filled(), if streams => {
                return self.stream(session, call, exchange, id);
            }
            () = Wait::until(exchange.begun() + HEARTBEAT, HEARTBEAT), if streams => {
                return self.stream(session, call, exchange, id);
            }
        };
        if streams && (exchange.has_message() || matches!(answer.reply, Reply::Silence)) {
            let ready = Box::pin(std::future::ready(answer));
            return response::events(events(ready, exchange, id, self.max_message));
        }
        if let Reply::Pieces(pieces) = &mut answer.reply
            && accepts_gzip(headers)
        {
            pieces.pack().await;
        }
        response::plain(answer, self.refuses_with_status())
    }

    /// Answers with a stream, for which the client can come back where its revision knows how.
    fn stream(
        &self,
        session: &Arc<Session>,
        call: Pending,
        exchange: Arc<Exchange>,
        id: Bytes,
    ) -> Response<Body> {
        let resumable = session.client.revision.has_polling();
        let Some(trail) = resumable.then(|| session.trail()).flatten() else {
            return response::events(events(call, exchange, id, self.max_message));
        };
        let start = EventId {
            trail: Some(trail.number),
            number: 0,
        };
        let reader = Reader::open(trail.outbox.clone(), None);
        tokio::spawn(leave(trail, call, exchange, id, self.max_message));
        let first = sse::priming(&start, RETRY);
        response::events(listening(first, start.trail, reader, session.busy()))
    }
}

/// Leaves what precedes an answer, and the answer, for the client to read. Given up when nobody
/// comes back for it.
async fn leave(trail: Trail, mut call: Pending, exchange: Arc<Exchange>, id: Bytes, limit: usize) {
    let outbox = &trail.outbox;
    let next = async || {
        outbox.room(AHEAD).await;
        exchange.next().await
    };
    let answered = async {
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut call => break answer,
                told = next() => outbox.push(told.into_message()),
            }
        };
        // What was said before the answer goes before it, though both be there by now.
        while let Some(told) = exchange.take() {
            outbox.push(told.into_message());
        }
        if let Some(message) = whole(answer.reply, &id, limit).await {
            outbox.push(message);
        }
        outbox.finish();
    };
    tokio::select! {
        () = answered => outbox.abandoned(PATIENCE).await,
        () = outbox.abandoned(PATIENCE) => {}
    }
}

/// The events of one request: what precedes its answer in its order, heartbeats, the answer.
pub(super) fn events(call: Pending, exchange: Arc<Exchange>, id: Bytes, limit: usize) -> Body {
    let state = Answering {
        call: Some(call),
        exchange,
        answer: None,
        open: None,
        id,
        limit,
    };
    Body::Events(Box::pin(stream::unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((event, state))
    })))
}

struct Answering {
    call: Option<Pending>,
    exchange: Arc<Exchange>,
    answer: Option<Bytes>,
    /// Closed with the stream.
    open: Option<(Record, Held)>,
    id: Bytes,
    limit: usize,
}

impl Answering {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(call) = &mut self.call {
            let answer = tokio::select! {
                biased;
                answer = call => answer,
                told = self.exchange.next() => return Some(sse::event(None, &told.into_message())),
                () = sleep(HEARTBEAT) => return Some(sse::HEARTBEAT),
            };
            self.call = None;
            self.answer = whole(answer.reply, &self.id, self.limit).await;
            self.open = Some((answer.record, answer.held));
        }
        // What was said before the answer goes before it, though both be there by now.
        let told = self.exchange.take().map(Told::into_message);
        let message = told.or_else(|| self.answer.take());
        message.map(|message| sse::event(None, &message))
    }
}
