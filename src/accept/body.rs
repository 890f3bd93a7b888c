//! What an HTTP response is made of.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::{Frame as Piece, SizeHint};
use tokio::time::sleep;

use super::{HEARTBEAT, Pending};
use crate::{
    call::{self, Reply},
    exchange::{Exchange, Told},
    mcp::sse,
    observe::Record,
    session::{Busy, Reader},
};

/// The body of a response.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// A server's answer, passed on as it comes; the record closes with its last byte.
    Passing(call::Body, Box<Record>),
    /// Server-sent events.
    Events(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Piece<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Piece::data(std::mem::take(bytes))))),
            Self::Passing(body, _) => Pin::new(body).poll_frame(cx),
            Self::Events(events) => events
                .as_mut()
                .poll_next(cx)
                .map(|event| event.map(|data| Ok(Piece::data(data)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Passing(body, _) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// The events of one request: what precedes its answer in its order, heartbeats, the answer.
pub(super) fn answering(call: Pending, exchange: Arc<Exchange>, limit: usize) -> Body {
    let state = Answering {
        call: Some(call),
        exchange,
        answer: None,
        record: None,
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
    record: Option<Record>,
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
            self.answer = whole(answer.reply, self.limit).await;
            self.record = Some(answer.record);
        }
        // What was said before the answer goes before it, though both be there by now.
        let told = self.exchange.take().map(Told::into_message);
        let message = told.or_else(|| self.answer.take());
        message.map(|message| sse::event(None, &message))
    }
}

/// A reply in one piece; nothing where the client has cancelled.
pub(super) async fn whole(reply: Reply, limit: usize) -> Option<Bytes> {
    match reply {
        Reply::Whole(message) | Reply::Failed(message) => Some(message),
        Reply::Silence => None,
        Reply::Streamed(body) => {
            let collected = http_body_util::Limited::new(body, limit);
            let collected = http_body_util::BodyExt::collect(collected).await;
            collected
                .map(|all| all.to_bytes())
                .inspect_err(|e| tracing::warn!("{e}"))
                .ok()
        }
    }
}

/// The events of a session's GET stream.
pub(super) fn listening(reader: Reader, busy: Busy) -> Body {
    // The comment makes the headers leave at once, and shows that the stream works.
    let first = stream::iter([sse::HEARTBEAT]);
    let rest = stream::unfold((reader, busy), |(mut reader, busy)| async move {
        let event = tokio::select! {
            message = reader.next() => {
                let (id, message) = message?;
                sse::event(Some(id), &message)
            }
            () = sleep(HEARTBEAT) => sse::HEARTBEAT,
        };
        Some((event, (reader, busy)))
    });
    Body::Events(Box::pin(futures_util::StreamExt::chain(first, rest)))
}
