//! One connection, and one request on it at a time.

use std::{
    future::poll_fn,
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use bytes::BytesMut;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    runtime::Id,
    task::unconstrained,
};
use tokio_util::io::poll_read_buf;

use super::{
    Request,
    head::{self, Answer},
};
use crate::home;

/// How much is read at once, in bytes: at first, and where more is known to come.
const LITTLE: usize = 8 * 1024;
pub(super) const MUCH: usize = 64 * 1024;
/// Up to this size a body joins its head in one piece of memory, in bytes.
const JOINED: usize = 16 * 1024;

/// One connection.
pub(super) struct Connection {
    /// The runtime that opened it, and wakes whoever waits for it.
    pub(super) home: Option<Id>,
    io: Io,
    /// What has arrived and was not looked at yet.
    pub(super) read: BytesMut,
    /// The request, its body excepted if that is large.
    written: Vec<u8>,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>),
}

/// Why a request has no answer.
pub(super) struct Unanswered {
    pub(super) error: io::Error,
    /// Not one byte of it has left.
    pub(super) unsent: bool,
}

impl Connection {
    pub(super) fn new(stream: MaybeHttpsStream<TokioIo<TcpStream>>) -> Self {
        let io = match stream {
            MaybeHttpsStream::Http(plain) => Io::Plain(plain.into_inner()),
            tls @ MaybeHttpsStream::Https(_) => Io::Tls(Box::new(TokioIo::new(tls))),
        };
        Self {
            home: home::here(),
            io,
            read: BytesMut::new(),
            written: Vec::new(),
        }
    }

    /// Whether the server has neither closed it nor said what nobody asked for.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        // Every call asks this. Nobody is to be woken, so nobody need be noted.
        if let Io::Plain(io) = &self.io {
            let read = io.try_read(&mut byte);
            let nothing = read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            return self.read.is_empty() && nothing;
        }
        let mut buffer = ReadBuf::new(&mut byte);
        let read = poll_fn(|cx| Pin::new(&mut self.io).poll_read(cx, &mut buffer));
        // To a task that has spent its budget, everything is quiet.
        let read = pin!(unconstrained(read));
        let cx = &mut Context::from_waker(Waker::noop());
        self.read.is_empty() && read.poll(cx).is_pending()
    }

    /// Sends a request and reads the head of the answer.
    pub(super) async fn ask(&mut self, request: Request<'_>) -> Result<Answer, Unanswered> {
        match self.send(request).await {
            Ok(None) => self.head().await.map_err(|error| Unanswered {
                error,
                unsent: false,
            }),
            Ok(Some(early)) => Ok(closing(early)),
            Err(failed) if failed.unsent => Err(failed),
            // It may have said why before it closed.
            Err(failed) => self.head().await.map(closing).map_err(|_none| failed),
        }
    }

    /// Sends a request; gives the answer if that comes before the server has all of it.
    async fn send(&mut self, request: Request<'_>) -> Result<Option<Answer>, Unanswered> {
        self.written.clear();
        head::write(&mut self.written, request);
        let mut body: &[u8] = request.body;
        if body.len() <= JOINED {
            self.written.extend_from_slice(body);
            body = &[];
        }
        let mut sent = 0;
        let early = poll_fn(|cx| self.poll_send(cx, body, &mut sent)).await;
        early.map_err(|error| Unanswered {
            error,
            unsent: sent == 0,
        })
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        body: &[u8],
        sent: &mut usize,
    ) -> Poll<io::Result<Option<Answer>>> {
        while self.poll_write(cx, body, sent)?.is_pending() {
            // Who has seen enough answers at once, and may not read the rest.
            if ready!(self.poll_read(cx, LITTLE))? == 0 {
                return Poll::Ready(Err(unanswered()));
            }
            if let Some(early) = head::read(&mut self.read)? {
                return Poll::Ready(Ok(Some(early)));
            }
        }
        Poll::Ready(Ok(None))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        body: &[u8],
        sent: &mut usize,
    ) -> Poll<io::Result<()>> {
        let head = self.written.len();
        while *sent < head + body.len() {
            let rest = [
                IoSlice::new(self.written.get(*sent..).unwrap_or_default()),
                IoSlice::new(body.get(sent.saturating_sub(head)..).unwrap_or_default()),
            ];
            // What is empty is not handed to the kernel.
            let first = usize::from(*sent >= head);
            let last = rest.len() - usize::from(body.is_empty());
            let rest = rest.get(first..last).unwrap_or_default();
            match ready!(Pin::new(&mut self.io).poll_write_vectored(cx, rest))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                more => *sent += more,
            }
        }
        // TLS keeps what is left for later, unless told.
        Pin::new(&mut self.io).poll_flush(cx)
    }

    async fn head(&mut self) -> io::Result<Answer> {
        loop {
            if !self.read.is_empty()
                && let Some(answer) = head::read(&mut self.read)?
            {
                return Ok(answer);
            }
            if poll_fn(|cx| self.poll_read(cx, LITTLE)).await? == 0 {
                return Err(unanswered());
            }
        }
    }

    /// Reads what there is, `most` bytes at most; 0 at the end of the connection.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        if self.read.capacity() - self.read.len() < most / 4 {
            self.read.reserve(most);
        }
        poll_read_buf(Pin::new(&mut self.io), cx, &mut self.read)
    }
}

fn unanswered() -> io::Error {
    let words = "it closed the connection instead of answering";
    io::Error::new(ErrorKind::UnexpectedEof, words)
}

/// An answer after which the connection is of no use.
fn closing(answer: Answer) -> Answer {
    Answer {
        rests: None,
        ..answer
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buffer),
            Self::Tls(io) => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl Io {
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match (self.get_mut(), pieces) {
            // One piece costs the kernel less this way.
            (Self::Plain(io), [piece]) => Pin::new(io).poll_write(cx, piece),
            (Self::Plain(io), _) => Pin::new(io).poll_write_vectored(cx, pieces),
            (Self::Tls(io), _) => Pin::new(io).poll_write_vectored(cx, pieces),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }
}
