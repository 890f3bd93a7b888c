//! What an HTTP response is made of.

use std::{
    array,
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::{Frame as Piece, SizeHint};
use tokio::time::sleep;

use super::HEARTBEAT;
use crate::{
    call::{self, Reply},
    mcp::sse,
    observe::Record,
    pipeline::Held,
    refusal::Refusal,
    session::{Busy, EventId, Reader},
};

/// The body of a response.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// All of it, in pieces.
    Pieces(array::IntoIter<Bytes, 3>),
    /// A server's answer, passed on as it comes; the record closes with its last byte.
    Passing(call::Body, Box<(Record, Held)>),
    /// Server-sent events.
    Events(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl Body {
    /// Whether it goes on after its head has left.
    pub(crate) fn streams(&self) -> bool {
        matches!(self, Self::Passing(..) | Self::Events(_))
    }
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
            Self::Pieces(pieces) => Poll::Ready(pieces.next().map(|piece| Ok(Piece::data(piece)))),
            Self::Passing(body, open) => {
                let piece = Pin::new(body).poll_frame(cx);
                if let Poll::Ready(Some(Ok(piece))) = &piece {
                    open.0.sent(piece.data_ref().map_or(0, Bytes::len));
                }
                piece
            }
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
            Self::Pieces(pieces) => {
                let sizes = pieces.as_slice().iter().map(Bytes::len);
                SizeHint::with_exact(sizes.sum::<usize>() as u64)
            }
            Self::Passing(body, _) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// A reply to the request with that id, in one piece; nothing where the client has cancelled.
pub(super) async fn whole(reply: Reply, id: &[u8], limit: usize) -> Option<Bytes> {
    match reply {
        Reply::Whole(message) | Reply::Failed(message) => Some(message),
        Reply::Pieces(pieces) => Some(pieces.joined()),
        Reply::Silence => None,
        Reply::Streamed(body) => {
            let collected = collected(body, limit).await;
            Some(collected.unwrap_or_else(|refusal| refusal.message(Some(id))))
        }
    }
}

/// A message that is still arriving, once it is there.
pub(super) async fn collected(body: call::Body, limit: usize) -> Result<Bytes, Refusal> {
    let body = http_body_util::Limited::new(body, limit);
    let collected = http_body_util::BodyExt::collect(body).await;
    collected.map_or_else(|error| Err(broken(error, limit)), |all| Ok(all.to_bytes()))
}

/// Why an answer did not arrive whole: the client must not wait for it.
fn broken(error: Box<dyn Error + Send + Sync>, limit: usize) -> Refusal {
    let cause = error.downcast::<std::io::Error>().ok();
    let cause = cause.and_then(|error| error.into_inner()?.downcast::<Refusal>().ok());
    cause.map_or(Refusal::TooLarge(limit), |refusal| *refusal)
}

/// The events of a stream of a session: its GET stream, or what is left of the answer to a POST.
/// `first` makes the headers leave at once, and shows that the stream works. What servers say is told
/// as long as what the client has shown is good; the answer to a call that was let in, to its end.
pub(super) fn listening(first: Bytes, trail: Option<u64>, reader: Reader, busy: Busy) -> Body {
    let first = stream::iter([first]);
    let rest = stream::unfold((reader, busy), move |(mut reader, busy)| async move {
        let event = tokio::select! {
            biased;
            () = busy.session().lapsed(), if trail.is_none() => return None,
            message = reader.next() => {
                let (number, message) = message?;
                sse::event(Some(&EventId { trail, number }), &message)
            }
            () = sleep(HEARTBEAT) => sse::HEARTBEAT,
        };
        Some((event, (reader, busy)))
    });
    Body::Events(Box::pin(futures_util::StreamExt::chain(first, rest)))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;
    use crate::{
        accept::answering::events,
        call::{Standing, Visit},
        exchange::Exchange,
        mcp::Revision,
        session::Sessions,
    };

    async fn next(body: &mut Body) -> Bytes {
        body.frame().await.unwrap().unwrap().into_data().unwrap()
    }

    /// Trap: A stream without heartbeat, or held back by a proxy.
    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_shows_every_15_seconds_that_it_lives() {
        let sessions = Sessions::new(1, Duration::from_secs(1));
        let visit = Visit::local(Standing::Everything);
        let session = sessions.open(&visit, Revision::LATEST, "{}", "{}").unwrap();
        let reader = Reader::open(session.outbox.clone(), None);
        let exchange = Arc::new(Exchange::new(session.client.clone(), None));
        let call = Box::pin(std::future::pending());
        let mut listening = listening(sse::HEARTBEAT, None, reader, session.busy());
        let mut answering = events(call, exchange, "1".into(), 100);

        assert_eq!(next(&mut listening).await, sse::HEARTBEAT);
        for body in [&mut listening, &mut answering] {
            let start = Instant::now();
            for beat in 1..4 {
                assert_eq!(next(body).await, sse::HEARTBEAT);
                assert_eq!(start.elapsed(), HEARTBEAT * beat);
            }
        }
        session.outbox.push("news".into());
        assert_eq!(next(&mut listening).await, sse::event(Some(&1), b"news"));
    }
}
