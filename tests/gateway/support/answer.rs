//! What a fake server answers, to the byte.

use std::{collections::VecDeque, io, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use tokio_util::sync::CancellationToken;

use super::Heard;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Closed until a test opens it; then open for good.
#[derive(Clone, Default)]
pub(crate) struct Gate(CancellationToken);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.cancel();
    }

    pub(crate) async fn passed(&self) {
        self.0.cancelled().await;
    }
}

enum Piece {
    Data(Bytes),
    Wait(Gate),
    /// The connection breaks in the middle of the body.
    Break,
    /// It is kept until the client closes the connection, and dropped then.
    Keep(Box<dyn std::any::Any + Send>),
    /// An event each so often: which it is, and how many there were.
    Tick(Duration, Box<dyn Fn(usize) -> String + Send>, usize),
}

/// One HTTP response.
pub(crate) struct Answer {
    status: StatusCode,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    held: Option<Gate>,
    hangs_up: bool,
    pieces: VecDeque<Piece>,
}

impl Answer {
    fn new(status: u16, kind: &'static str, pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            kind,
            headers: Vec::new(),
            held: None,
            hangs_up: false,
            pieces: pieces.into_iter().collect(),
        }
    }

    /// A status without a body.
    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, "", [])
    }

    /// None at all: the connection is closed.
    pub(crate) fn hang_up() -> Self {
        Self {
            hangs_up: true,
            ..Self::status(200)
        }
    }

    /// Any body of any kind.
    pub(crate) fn body(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Self {
        Self::new(status, kind, [Piece::Data(body.into())])
    }

    /// A message with a length.
    pub(crate) fn json(message: impl Into<Bytes>) -> Self {
        Self::body(200, "application/json", message)
    }

    /// A message in chunks of `size`, so that its length is known at its end.
    pub(crate) fn chunked(message: impl Into<Bytes>, size: usize) -> Self {
        let message: Bytes = message.into();
        let chunks = message.chunks(size).map(|chunk| message.slice_ref(chunk));
        Self::new(200, "application/json", chunks.map(Piece::Data))
    }

    /// The result of a request, as a message with a length.
    pub(crate) fn result(request: &Heard, result: &str) -> Self {
        Self::json(request.result(result))
    }

    /// An error, as a message with a length.
    pub(crate) fn error(request: &Heard, error: &str) -> Self {
        Self::json(request.error(error))
    }

    /// Messages as events.
    pub(crate) fn events<M: AsRef<str>>(messages: impl IntoIterator<Item = M>) -> Self {
        let events = messages
            .into_iter()
            .map(|message| format!("event: message\ndata: {}\n\n", message.as_ref()));
        let pieces = events.map(|event| Piece::Data(event.into()));
        Self::new(200, "text/event-stream", pieces)
    }

    /// An event each so often, until the client closes the connection.
    pub(crate) fn ticking(
        pause: Duration,
        event: impl Fn(usize) -> String + Send + 'static,
    ) -> Self {
        Self::new(
            200,
            "text/event-stream",
            [Piece::Tick(pause, Box::new(event), 0)],
        )
    }

    /// Then it waits.
    pub(crate) fn wait(mut self, gate: &Gate) -> Self {
        self.pieces.push_back(Piece::Wait(gate.clone()));
        self
    }

    /// Then more.
    pub(crate) fn then(mut self, more: Self) -> Self {
        self.pieces.extend(more.pieces);
        self
    }

    /// Then nothing more; what is kept is dropped when the client closes the connection.
    pub(crate) fn keeping(mut self, kept: Box<dyn std::any::Any + Send>) -> Self {
        self.pieces.push_back(Piece::Keep(kept));
        self
    }

    /// Then the connection breaks.
    pub(crate) fn breaking(mut self) -> Self {
        self.pieces.push_back(Piece::Break);
        self
    }

    /// Not even the head leaves before the gate opens.
    pub(crate) fn held(mut self, gate: &Gate) -> Self {
        self.held = Some(gate.clone());
        self
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) async fn into_response(mut self) -> io::Result<Response<Body>> {
        if let Some(gate) = &self.held {
            gate.passed().await;
        }
        if self.hangs_up {
            return Err(io::Error::other("on purpose"));
        }
        let mut response = Response::new(Full::default().map_err(io::Error::other).boxed_unsync());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.kind.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        }
        for (name, value) in &self.headers {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        *response.body_mut() = match (self.pieces.pop_front(), self.pieces.is_empty()) {
            (None, _) => return Ok(response),
            (Some(Piece::Data(all)), true) => {
                Full::new(all).map_err(io::Error::other).boxed_unsync()
            }
            (Some(first), _) => {
                self.pieces.push_front(first);
                streamed(self.pieces)
            }
        };
        Ok(response)
    }
}

fn streamed(pieces: VecDeque<Piece>) -> Body {
    let pieces = stream::unfold(pieces, |mut pieces| async move {
        loop {
            match pieces.pop_front()? {
                Piece::Data(data) => return Some((Ok(Frame::data(data)), pieces)),
                Piece::Wait(gate) => gate.passed().await,
                Piece::Tick(pause, event, count) => {
                    tokio::time::sleep(pause).await;
                    let data = format!("data: {}\n\n", event(count));
                    pieces.push_front(Piece::Tick(pause, event, count + 1));
                    return Some((Ok(Frame::data(data.into())), pieces));
                }
                Piece::Keep(_kept) => std::future::pending::<()>().await,
                Piece::Break => {
                    // Meanwhile what came before leaves.
                    tokio::task::yield_now().await;
                    return Some((Err(io::Error::other("on purpose")), pieces));
                }
            }
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}
