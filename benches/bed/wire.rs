//! HTTP/1.1 by hand, as much of it as our own server and clients need.

use memchr::memmem;

use super::Failure;

/// The end of a head.
const BLANK: &[u8] = b"\r\n\r\n";

/// Ends a body in chunks. No text of ours looks like it.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// One request that has arrived whole.
pub(super) struct Request<'a> {
    /// `POST`.
    pub(super) method: &'a [u8],
    /// `/mcp`.
    pub(super) path: &'a str,
    /// What follows the head.
    pub(super) body: &'a [u8],
    /// How many bytes it is in all.
    pub(super) length: usize,
}

impl<'a> Request<'a> {
    /// The first request in what was read, once it is there in full.
    pub(super) fn parse(read: &'a [u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = memmem::find(read, BLANK) else {
            return Ok(None);
        };
        let (head, rest) = read.split_at(end);
        let body = rest.get(BLANK.len()..).unwrap_or_default();
        let length = match header(head, "content-length") {
            Some(length) => length.parse()?,
            None if header(head, "transfer-encoding").is_some() => {
                return Err("a request in chunks".into());
            }
            None => 0,
        };
        let Some(body) = body.get(..length) else {
            return Ok(None);
        };
        let mut words = head.split(|byte| *byte == b' ');
        Ok(Some(Self {
            method: words.next().unwrap_or_default(),
            path: std::str::from_utf8(words.next().unwrap_or_default())?,
            body,
            length: end + BLANK.len() + length,
        }))
    }
}

/// The value of a header.
pub(super) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', head).chain([head.len()]) {
        let line = head.get(start..end)?;
        start = end + 1;
        let named = line.get(..name.len());
        let value = line
            .get(name.len()..)
            .and_then(|rest| rest.strip_prefix(b":"));
        if let Some(value) =
            value.filter(|_| named.is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes())))
        {
            return std::str::from_utf8(value).ok().map(str::trim);
        }
    }
    None
}

/// Where a response ends.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// After so many bytes, its head included.
    At(usize),
    /// With the last chunk.
    Chunks,
}

impl End {
    /// Where a response ends, once its head is there.
    pub(super) fn of(read: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = memmem::find(read, BLANK) else {
            return Ok(None);
        };
        let head = read.get(..end).unwrap_or_default();
        if let Some(length) = header(head, "content-length") {
            return Ok(Some(Self::At(end + BLANK.len() + length.parse::<usize>()?)));
        }
        if header(head, "transfer-encoding").is_some() {
            return Ok(Some(Self::Chunks));
        }
        // 202 and 204 need not say that nothing follows.
        match head.get(..12) {
            Some(b"HTTP/1.1 202" | b"HTTP/1.1 204") => Ok(Some(Self::At(end + BLANK.len()))),
            _ => Err(format!("no length: {}", String::from_utf8_lossy(head)).into()),
        }
    }

    /// Whether a response that ends here has been read in full.
    pub(super) fn is_in(self, read: &[u8]) -> bool {
        match self {
            Self::At(length) => read.len() >= length,
            Self::Chunks => read.ends_with(LAST_CHUNK),
        }
    }
}
