//! The body of an answer, as it arrives.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame as Piece, SizeHint};

use super::{
    connection::{Connection, MUCH},
    head::{Length, bad},
    idle::Idle,
};

/// The longest line between two chunks, in bytes. A chunk of one byte keeps it in memory.
const SIZE: usize = 256;
/// The longest trailer, in bytes.
const TRAILER: usize = 4096;
/// The most that trailers may be, in bytes.
const TRAILERS: usize = 64 * 1024;
/// In how many pieces the end may come that nobody reads.
const UNREAD: usize = 8;

/// The body of an answer. With its last byte the connection is free for the next request; dropped
/// before that has arrived, the connection is closed.
pub(in crate::forward) struct Incoming {
    /// Nothing once it has all arrived, or broken off.
    connection: Option<Connection>,
    left: Left,
    rests: Option<Duration>,
    idle: Arc<Idle>,
}

/// What has yet to come.
#[derive(Debug, Clone, Copy)]
enum Left {
    Bytes(u64),
    /// The line that begins a chunk.
    ChunkSize,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The end of the line after a chunk.
    ChunkEnd,
    /// Lines after the last chunk; so many bytes of them have been read.
    Trailers(usize),
    UntilClosed,
}

impl Incoming {
    pub(super) fn new(
        connection: Connection,
        length: Length,
        rests: Option<Duration>,
        idle: &Arc<Idle>,
    ) -> Self {
        let left = match length {
            Length::Known(bytes) => Left::Bytes(bytes),
            Length::Chunked => Left::ChunkSize,
            Length::UntilClosed => Left::UntilClosed,
        };
        let mut body = Self {
            connection: Some(connection),
            left,
            rests,
            idle: idle.clone(),
        };
        if let Left::Bytes(0) = left {
            body.end();
        }
        body
    }

    /// All of it is there.
    fn end(&mut self) {
        let connection = self.connection.take();
        // What has been said beyond the answer was said to nobody.
        let clean = connection.filter(|connection| connection.read.is_empty());
        if let (Some(connection), Some(rests)) = (clean, self.rests) {
            self.idle.rest(connection, rests);
        }
    }

    /// The next piece; nothing at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            let Some(connection) = &mut self.connection else {
                return Poll::Ready(Ok(None));
            };
            match step(connection, &mut self.left)? {
                Step::Piece(piece) => {
                    if let Left::Bytes(0) = self.left {
                        self.end();
                    }
                    return Poll::Ready(Ok(Some(piece)));
                }
                Step::End => {
                    self.end();
                    return Poll::Ready(Ok(None));
                }
                Step::More => {}
            }
            if ready!(connection.poll_read(cx, MUCH))? > 0 {
                continue;
            }
            self.connection = None;
            return Poll::Ready(match matches!(self.left, Left::UntilClosed) {
                true => Ok(None),
                false => Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    "it closed the connection in the middle of its answer",
                )),
            });
        }
    }
}

enum Step {
    Piece(Bytes),
    /// Nothing can be done before more has been read.
    More,
    End,
}

/// Takes off what has been read what can be taken.
fn step(connection: &mut Connection, left: &mut Left) -> io::Result<Step> {
    let read = &mut connection.read;
    loop {
        match left {
            _ if read.is_empty() => return Ok(Step::More),
            Left::UntilClosed => return Ok(Step::Piece(read.split().freeze())),
            Left::Bytes(bytes) | Left::Chunk(bytes) => {
                let here = usize::try_from(*bytes).map_or(read.len(), |all| all.min(read.len()));
                *bytes -= here as u64;
                if let Left::Chunk(0) = left {
                    *left = Left::ChunkEnd;
                }
                return Ok(Step::Piece(read.split_to(here).freeze()));
            }
            Left::ChunkSize => {
                let Some(line) = line(read, SIZE)? else {
                    return Ok(Step::More);
                };
                *left = match chunk_size(&line)? {
                    0 => Left::Trailers(0),
                    size => Left::Chunk(size),
                };
            }
            Left::ChunkEnd => {
                let Some(line) = line(read, 2)? else {
                    return Ok(Step::More);
                };
                if !line.is_empty() {
                    return Err(bad("a chunk of its answer has no end"));
                }
                *left = Left::ChunkSize;
            }
            Left::Trailers(before) => {
                let Some(line) = line(read, TRAILER)? else {
                    return Ok(Step::More);
                };
                *before += line.len();
                if line.is_empty() {
                    return Ok(Step::End);
                }
                if *before > TRAILERS {
                    return Err(bad("the trailers of its answer are too long"));
                }
            }
        }
    }
}

/// Takes a line off, without its end; nothing while it is not all there.
fn line(read: &mut bytes::BytesMut, longest: usize) -> io::Result<Option<bytes::BytesMut>> {
    let end = memchr::memchr(b'\n', read);
    if end.unwrap_or(read.len()) > longest {
        return Err(bad("a line between the chunks of its answer is too long"));
    }
    let Some(end) = end else {
        return Ok(None);
    };
    let mut line = read.split_to(end);
    read.advance(1);
    match line.split_last() {
        Some((b'\r', _)) => line.truncate(end - 1),
        _ => return Err(bad("a line between the chunks of its answer has no end")),
    }
    Ok(Some(line))
}

/// `1a3f`, perhaps followed by `;` and what nobody reads.
fn chunk_size(line: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(line).unwrap_or_default();
    let digits = text.split(';').next().unwrap_or_default().trim_end();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = u64::from_str_radix(digits, 16).ok().filter(|_| is_number);
    size.ok_or_else(|| bad("a chunk of its answer has no size"))
}

impl Drop for Incoming {
    /// Often only the mark of the end is left, which nobody waits for, and it has arrived.
    fn drop(&mut self) {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut pieces = if self.rests.is_some() { UNREAD } else { 0 };
        while pieces > 0 && matches!(self.poll_piece(cx), Poll::Ready(Ok(Some(_)))) {
            pieces -= 1;
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Piece<Bytes>>>> {
        let body = self.get_mut();
        let piece = ready!(body.poll_piece(cx));
        if piece.is_err() {
            body.connection = None;
        }
        Poll::Ready(piece.map(|piece| piece.map(Piece::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.connection.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.connection, self.left) {
            (None, _) => SizeHint::with_exact(0),
            (Some(_), Left::Bytes(left)) => SizeHint::with_exact(left),
            (Some(_), _) => SizeHint::default(),
        }
    }
}
