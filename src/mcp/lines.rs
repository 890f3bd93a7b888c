//! Lines from a pipe, of any length up to a limit.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads lines without copying them.
pub struct Lines<R> {
    from: R,
    buffer: BytesMut,
    searched: usize,
    limit: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads `from`; a line of more than `limit` bytes is an error.
    pub fn new(from: R, limit: usize) -> Self {
        Self {
            from,
            buffer: BytesMut::with_capacity(16 * 1024),
            searched: 0,
            limit,
        }
    }

    /// The next line that is not blank, without its end; nothing at the end of the input.
    /// Cancel safe.
    ///
    /// # Errors
    /// When reading fails, or the line is too long.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(line) = self.split() {
                self.check(line.len())?;
                if !line.iter().all(u8::is_ascii_whitespace) {
                    return Ok(Some(line));
                }
                continue;
            }
            self.check(self.buffer.len())?;
            self.buffer.reserve(16 * 1024);
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                let rest = self.buffer.split().freeze();
                return Ok(Some(rest).filter(|rest| !rest.iter().all(u8::is_ascii_whitespace)));
            }
        }
    }

    /// Whether `next` need not wait: a whole line that is not blank has been read.
    pub fn has_next(&self) -> bool {
        memchr::memchr(b'\n', self.buffer.trim_ascii_start()).is_some()
    }

    fn check(&self, length: usize) -> io::Result<()> {
        let limit = self.limit;
        if length <= limit {
            return Ok(());
        }
        let words = format!("a line of more than {limit} bytes ([gateway] max_message)");
        Err(io::Error::other(words))
    }

    fn split(&mut self) -> Option<Bytes> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.searched + end);
        self.buffer.advance(1);
        self.searched = 0;
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        Some(line.freeze())
    }
}
