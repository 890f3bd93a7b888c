//! Server-sent events, read and written (WHATWG HTML §9.2).

use std::{fmt::Display, time::Duration};

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A comment that keeps a quiet stream open.
pub const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// What a line begins with that carries a message: it does not count.
const DATA: &[u8] = b"data: ";

/// Writes one message as an event.
pub fn event(id: Option<&dyn Display>, message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(message.len() + 48);
    if let Some(id) = id {
        out.put_slice(b"id: ");
        out.put_slice(id.to_string().as_bytes());
        out.put_u8(b'\n');
    }
    out.put_slice(b"event: message\n");
    // A raw line break (white space between tokens) would end the field: one field a line.
    // `\r` has no such spelling, and as white space it may as well be a space.
    for line in message.split(|byte| *byte == b'\n') {
        out.put_slice(DATA);
        out.extend(
            line.iter()
                .map(|byte| if *byte == b'\r' { b' ' } else { *byte }),
        );
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
    out.freeze()
}

/// The first event of an answer that can be come back for: it has an id and no data
/// (2025-11-25, Transports, Sending Messages to the Server).
pub fn priming(id: &dyn Display, retry: Duration) -> Bytes {
    format!("id: {id}\nretry: {}\ndata: \n\n", retry.as_millis()).into()
}

/// One event as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its `event` field; empty means `message`.
    pub name: String,
    /// Its `data` fields, joined by line breaks.
    pub data: Bytes,
    /// Its `id` field, if it has one.
    pub id: Option<String>,
}

/// An event that is larger than allowed.
#[derive(Debug, thiserror::Error)]
#[error("an event of more than {0} bytes")]
pub struct TooLong(usize);

/// Reads events from chunks that may break anywhere.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line end.
    searched: usize,
    /// The last line ended with `\r`: a `\n` right after it belongs to it.
    after_return: bool,
    started: bool,
    event: Event,
    data: BytesMut,
    has_data: bool,
    retry: Option<Duration>,
    limit: usize,
}

impl Decoder {
    /// A decoder that refuses events with more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            after_return: false,
            started: false,
            event: Event::default(),
            data: BytesMut::new(),
            has_data: false,
            retry: None,
            limit,
        }
    }

    /// How long to wait before coming back, if the server has said so.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes what came.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole event that has data, if there is one.
    ///
    /// # Errors
    /// When an event grows beyond the limit.
    pub fn event(&mut self) -> Result<Option<Event>, TooLong> {
        while let Some(line) = self.line()? {
            if !line.is_empty() {
                self.field(&line);
                self.check(self.data.len())?;
                continue;
            }
            let data = std::mem::take(&mut self.data).freeze();
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                return Ok(Some(Event { data, ..event }));
            }
        }
        Ok(None)
    }

    fn check(&self, length: usize) -> Result<(), TooLong> {
        match length > self.limit {
            true => Err(TooLong(self.limit)),
            false => Ok(()),
        }
    }

    /// The next line without its end. One that is too long is so whether or not its end has come:
    /// what is refused must not hang on where the chunks break.
    fn line(&mut self) -> Result<Option<Bytes>, TooLong> {
        if self.after_return && !self.buffer.is_empty() {
            self.after_return = false;
            if self.buffer.first() == Some(&b'\n') {
                self.buffer.advance(1);
            }
        }
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let end = memchr::memchr2(b'\n', b'\r', unsearched);
        let length = end.map_or(self.buffer.len(), |end| self.searched + end);
        self.check(length.saturating_sub(DATA.len()))?;
        if end.is_none() {
            self.searched = length;
            return Ok(None);
        }
        let mut line = self.buffer.split_to(length).freeze();
        self.searched = 0;
        self.after_return = self.buffer.first() == Some(&b'\r');
        self.buffer.advance(1);
        if !std::mem::replace(&mut self.started, true) && line.starts_with(b"\xEF\xBB\xBF") {
            line.advance(3);
        }
        Ok(Some(line))
    }

    fn field(&mut self, line: &Bytes) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let name = line.get(..colon).unwrap_or_default();
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = || String::from_utf8_lossy(value).into_owned();
        match name {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.put_u8(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => self.event.name = text(),
            b"id" if !value.contains(&0) => self.event.id = Some(text()),
            b"retry" => {
                self.retry = text()
                    .parse()
                    .ok()
                    .map(Duration::from_millis)
                    .or(self.retry)
            }
            _ => {} // comments, and what is not known
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, chunk: usize) -> Vec<(String, String, Option<String>)> {
        let mut decoder = Decoder::new(1 << 20);
        let mut events = Vec::new();
        for piece in text.as_bytes().chunks(chunk) {
            decoder.push(piece);
            while let Some(event) = decoder.event().unwrap() {
                let data = String::from_utf8(event.data.to_vec()).unwrap();
                events.push((event.name, data, event.id));
            }
        }
        events
    }

    #[test]
    fn events_are_the_same_wherever_the_chunks_break() {
        let text = "\u{FEFF}: hello\r\n\r\nevent: endpoint\rdata:/x\r\rid: 4\ndata: {\"a\":\ndata:  1}\n\nid\n\nretry: 5\ndata\n\n";
        let expected = vec![
            ("endpoint".to_owned(), "/x".to_owned(), None),
            (
                String::new(),
                "{\"a\":\n 1}".to_owned(),
                Some("4".to_owned()),
            ),
            (String::new(), String::new(), None),
        ];
        for chunk in 1..text.len() {
            assert_eq!(all(text, chunk), expected, "chunks of {chunk}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let message = b"{\n  \"a\": \"\xE2\x80\xA8\"}";
        let mut decoder = Decoder::new(100);
        decoder.push(&event(Some(&9), message));
        let read = decoder.event().unwrap().unwrap();
        assert_eq!(read.data, message.as_slice());
        assert_eq!(read.id.as_deref(), Some("9"));
    }

    #[test]
    fn an_event_beyond_the_limit_is_refused_whether_or_not_its_line_ends() {
        for filler in ["x".repeat(5000), "x\ndata:".repeat(2000)] {
            let mut decoder = Decoder::new(1000);
            decoder.push(b"data:");
            decoder.push(filler.as_bytes());
            assert!(decoder.event().is_err());
        }
    }

    #[test]
    fn what_is_too_long_does_not_hang_on_where_the_chunks_break() {
        let fits = format!("data: {}\n\n", "x".repeat(100));
        let comment = format!(":{}\ndata: x\n\n", "x".repeat(200));
        let name = format!("event: {}\ndata: x\n\n", "x".repeat(200));
        for (text, passes) in [(fits, true), (comment, false), (name, false)] {
            for chunk in [1, 7, text.len()] {
                let mut decoder = Decoder::new(100);
                let mut chunks = text.as_bytes().chunks(chunk);
                let passed = chunks.all(|chunk| {
                    decoder.push(chunk);
                    decoder.event().is_ok()
                });
                assert_eq!(passed, passes, "chunks of {chunk}: {text}");
            }
        }
    }
}
