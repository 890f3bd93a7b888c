//! An answer that comes as a stream of messages, of which it is the last.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use http::{HeaderMap, Method as Verb, StatusCode};
use http_body_util::BodyExt;
use tokio::time::sleep;

use super::{
    answer::{Trouble, with_id},
    http1::Incoming,
    listing::garbled,
    questions::Questions,
    stream::resuming,
    wire::Wire,
};
use crate::{
    call::Reply,
    exchange::Exchange,
    mcp::{
        Frame, Kind, Method, Part, frame,
        sse::{Decoder, Event},
    },
};

/// How long to wait before coming back for the rest of a stream, unless the server says.
const PAUSE: Duration = Duration::from_secs(1);

/// An answer that comes as a stream of messages, of which it is the last.
pub(super) struct Reading<'a> {
    wire: &'a Wire,
    headers: &'a HeaderMap,
    id: &'a [u8],
    exchange: &'a Exchange,
    /// The last event, from which a stream that ended early goes on.
    last: Option<String>,
    /// What the server has asked meanwhile.
    asked: Questions,
    /// What passes it on.
    asking: FuturesUnordered<Asking<'a>>,
}

type Asking<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

impl<'a> Reading<'a> {
    /// Reads the answer to the request with that id; what precedes it goes to the exchange.
    pub(super) fn new(
        wire: &'a Wire,
        headers: &'a HeaderMap,
        id: &'a [u8],
        exchange: &'a Exchange,
    ) -> Self {
        Self {
            wire,
            headers,
            id,
            exchange,
            last: None,
            asked: Questions::default(),
            asking: FuturesUnordered::new(),
        }
    }

    /// Reads it, coming back for the rest of a stream that ended early.
    pub(super) async fn events(&mut self, first: Incoming) -> Result<Reply, Trouble> {
        let mut body = first;
        loop {
            let mut decoder = Decoder::new(self.wire.max_message);
            if let Some(reply) = self.stream(&mut body, &mut decoder).await? {
                return Ok(reply);
            }
            // It may close a stream and have us come back for the rest (2025-11-25, Transports).
            if self.last.is_none() {
                return Err(self.bad("the stream ended before the answer"));
            }
            self.exchange.slow();
            sleep(decoder.retry().unwrap_or(PAUSE)).await;
            let headers = resuming(self.headers, self.last.as_deref());
            let response = self.wire.send(Verb::GET, &headers, Bytes::new()).await?;
            if response.status != StatusCode::OK {
                return Err(self.bad("the stream ended before the answer and cannot be resumed"));
            }
            body = response.body;
        }
    }

    /// One stream to its end, or to the answer. Questions are answered while it is read.
    async fn stream(
        &mut self,
        body: &mut Incoming,
        decoder: &mut Decoder,
    ) -> Result<Option<Reply>, Trouble> {
        loop {
            while let Some(event) = decoder
                .event()
                .map_err(|error| self.bad(error.to_string()))?
            {
                if let Some(reply) = self.event(event).await {
                    return Ok(Some(reply));
                }
            }
            let piece = tokio::select! {
                // First: an answer that has been taken makes room for the next question.
                biased;
                Some(()) = self.asking.next() => continue,
                piece = body.frame() => piece,
            };
            let Some(piece) = piece else { return Ok(None) };
            let broke = |error: std::io::Error| self.wire.broke(&error);
            // A stream that breaks off is resumed like one that ends, if it can be.
            let data = match piece {
                Err(_) if self.last.is_some() => return Ok(None),
                piece => piece.map_err(broke)?.into_data(),
            };
            if let Ok(data) = data {
                decoder.push(&data);
            }
        }
    }

    async fn event(&mut self, event: Event) -> Option<Reply> {
        if event.id.is_some() {
            self.last = event.id;
        }
        if event.data.is_empty() {
            return None; // it primes the stream for resuming
        }
        let messages = frame::split(&event.data).unwrap_or_else(|_| vec![event.data.clone()]);
        let mut answer = None;
        for message in messages {
            let frame = match Frame::parse(message) {
                Ok(frame) => frame,
                Err(error) => {
                    tracing::warn!(server = %self.wire.outlet.server, "an event is skipped: {error}");
                    continue;
                }
            };
            match frame.kind() {
                Kind::Response => answer = Some(with_id(frame, self.id)),
                Kind::Notification => self.precede(frame),
                Kind::Request => self.ask(frame).await,
            }
        }
        answer
    }

    /// Passes a question to the client whose call this is, and the answer back.
    async fn ask(&mut self, question: Frame) {
        let (wire, headers, exchange) = (self.wire, self.headers, self.exchange);
        let Some(open) = self.asked.open(&question) else {
            // Not read on before that is taken: who asks too much does not ask on meanwhile.
            return wire.reply(headers, super::decline(&question)).await;
        };
        if super::is_for_us(&question) || !exchange.client().answers(&question) {
            // On its own: the answer to the call may be right behind.
            let (wire, headers) = (wire.clone(), headers.clone());
            tokio::spawn(async move {
                wire.reply(&headers, super::decline(&question)).await;
                drop(open);
            });
            return;
        }
        self.asking.push(Box::pin(async move {
            let _lent = (!exchange.is_asking()).then(|| wire.outlet.queue.lend());
            let asking = exchange.ask(question.clone());
            let Some(answer) = open.answered(asking).await else {
                return; // taken back
            };
            let id = question.raw(Part::Id).unwrap_or("null").as_bytes();
            let answer = match answer {
                Some(answer) => answer.with(&[(Part::Id, id)]),
                None => super::decline(&question),
            };
            wire.reply(headers, answer).await;
        }));
    }

    fn precede(&self, frame: Frame) {
        if frame.method() == Some(Method::Cancelled) {
            // The client has the question under another id, and is told when it is given up.
            return self.asked.take_back(&frame);
        }
        if let Some(Method::ListChanged(list)) = frame.method() {
            return self.wire.outlet.changes.add(list);
        }
        if !self.exchange.pass(frame) {
            tracing::debug!(server = %self.wire.outlet.server, "a slow client loses a notification");
        }
    }

    fn bad(&self, words: impl Into<String>) -> Trouble {
        garbled(&self.wire.outlet.server, words).into()
    }
}
