//! Heads: of requests, as they are written, and of answers, as they are read.

use std::{io, mem::MaybeUninit, str, time::Duration};

use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use super::Request;

/// The most lines in a head.
const LINES: usize = 100;
/// The largest head, in bytes.
pub(super) const LARGEST: usize = 64 * 1024;
/// How long a connection may rest before it is used again, unless the server wants it shorter.
const REST: Duration = Duration::from_secs(60);

/// The head of an answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) kind: Option<HeaderValue>,
    pub(super) session: Option<HeaderValue>,
    pub(super) retry_after: bool,
    pub(super) length: Length,
    /// How long the connection may rest after it before the next request; nothing: it is closed.
    pub(super) rests: Option<Duration>,
}

/// How long a body is (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes.
    Known(u64),
    /// Until the chunk that is empty.
    Chunked,
    /// Until the server closes the connection.
    UntilClosed,
}

/// Writes the head of a request.
pub(super) fn write(out: &mut Vec<u8>, request: Request<'_>) {
    let Request {
        verb,
        uri,
        headers,
        body,
    } = request;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    // A URL may have a query and no path.
    let path = if target.starts_with('?') { " /" } else { " " };
    for piece in [verb.as_str(), path, target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    if !headers.contains_key(header::HOST) {
        out.extend_from_slice(b"host: ");
        host(out, uri);
        out.extend_from_slice(b"\r\n");
    }
    lines(out, headers);
    if !body.is_empty() || verb == http::Method::POST {
        out.extend_from_slice(b"content-length: ");
        // Writing into memory cannot fail.
        drop(io::Write::write_fmt(out, format_args!("{}", body.len())));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Without the port where it is the scheme's own: some servers know themselves by name alone.
fn host(out: &mut Vec<u8>, uri: &Uri) {
    out.extend_from_slice(uri.host().unwrap_or_default().as_bytes());
    let usual = match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    if let Some(port) = uri.port().filter(|port| port.as_u16() != usual) {
        out.push(b':');
        out.extend_from_slice(port.as_str().as_bytes());
    }
}

fn lines(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        // How the message is framed is said here, and by nobody else.
        if *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING {
            continue;
        }
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Takes the head of an answer off what has been read; nothing while it is not all there. Interim
/// answers are passed over.
///
/// # Errors
/// When it is none.
pub(super) fn read(buffer: &mut BytesMut) -> io::Result<Option<Answer>> {
    loop {
        // Not filled in beforehand: most answers have ten lines.
        let mut lines = [const { MaybeUninit::uninit() }; LINES];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let end = match config.parse_response_with_uninit_headers(&mut parsed, buffer, &mut lines) {
            Ok(httparse::Status::Complete(end)) => end,
            Ok(httparse::Status::Partial) if buffer.len() <= LARGEST => return Ok(None),
            Ok(httparse::Status::Partial) => {
                return Err(bad("the head of its answer is too large"));
            }
            Err(error) => return Err(bad(&format!("its answer is not HTTP: {error}"))),
        };
        let answer = answer(&parsed)?;
        buffer.advance(end);
        if !answer.status.is_informational() {
            return Ok(Some(answer));
        }
        if answer.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(bad("it wants to speak another protocol"));
        }
    }
}

fn answer(parsed: &httparse::Response<'_, '_>) -> io::Result<Answer> {
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| bad("its answer has no status"))?;
    let mut said = Said::default();
    for line in parsed.headers.iter() {
        said.hear(line)?;
    }
    let length = said.length(status)?;
    let keeps = match parsed.version {
        Some(1) => !said.close,
        _ => said.keep_alive && !said.close,
    };
    // Where what it says contradicts itself, another reader finds another end (RFC 9112, 6.1, 6.3).
    let clear = match length {
        Length::Known(0) => !said.chunked && said.size.unwrap_or(0) == 0,
        Length::Known(_) => true,
        Length::Chunked => said.size.is_none() && parsed.version == Some(1),
        Length::UntilClosed => false,
    };
    Ok(Answer {
        status,
        kind: said.kind,
        session: said.session,
        retry_after: said.retry_after,
        length,
        rests: (keeps && clear).then(|| said.rest.unwrap_or(REST).min(REST)),
    })
}

/// What the lines of a head say.
#[derive(Default)]
struct Said {
    kind: Option<HeaderValue>,
    session: Option<HeaderValue>,
    retry_after: bool,
    size: Option<u64>,
    chunked: bool,
    /// In another coding, too, which nobody here undoes.
    coded: bool,
    close: bool,
    keep_alive: bool,
    rest: Option<Duration>,
}

impl Said {
    fn hear(&mut self, line: &httparse::Header<'_>) -> io::Result<()> {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        // By their lengths first: most lines are none of these.
        match line.name.len() {
            12 if is("content-type") => self.kind = HeaderValue::from_bytes(line.value).ok(),
            14 if is("mcp-session-id") => self.session = HeaderValue::from_bytes(line.value).ok(),
            11 if is("retry-after") => self.retry_after = true,
            14 if is("content-length") => self.size(line.value)?,
            17 if is("transfer-encoding") => self.coding(line.value),
            10 if is("connection") => {
                for option in list(line.value) {
                    self.close |= option.eq_ignore_ascii_case("close");
                    self.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
                }
            }
            10 if is("keep-alive") => {
                let timeout = |option: &str| option.strip_prefix("timeout=")?.parse().ok();
                self.rest = list(line.value).find_map(timeout).map(rest);
            }
            _ => {}
        }
        Ok(())
    }

    /// One that is said twice, and not the same, has been tampered with.
    fn size(&mut self, value: &[u8]) -> io::Result<()> {
        for text in list(value) {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let size = text.parse().ok().filter(|_| digits);
            if size.is_none() || self.size.is_some_and(|before| Some(before) != size) {
                return Err(bad("its answer says no clear Content-Length"));
            }
            self.size = size;
        }
        Ok(())
    }

    fn coding(&mut self, value: &[u8]) {
        for coding in list(value) {
            let first = !self.chunked && coding.eq_ignore_ascii_case("chunked");
            self.chunked |= first;
            self.coded |= !first;
        }
    }

    fn length(&self, status: StatusCode) -> io::Result<Length> {
        let empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        Ok(match self.size {
            _ if empty || status.is_informational() => Length::Known(0),
            _ if self.coded => return Err(bad("its answer is coded in a way not asked for")),
            _ if self.chunked => Length::Chunked,
            Some(size) => Length::Known(size),
            None => Length::UntilClosed,
        })
    }
}

/// A server that closes after so many seconds must not be met at the last of them.
fn rest(seconds: u64) -> Duration {
    let whole = Duration::from_secs(seconds);
    whole.saturating_sub(Duration::from_secs(1)).max(whole / 2)
}

fn list(value: &[u8]) -> impl Iterator<Item = &str> {
    let text = str::from_utf8(value).unwrap_or_default();
    text.split(',').map(str::trim)
}

/// What a server should not have sent.
pub(super) fn bad(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}
