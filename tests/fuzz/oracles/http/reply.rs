//! Replies as HTTP has them, read without the gateway's own parser.

use std::borrow::Cow;

use bytes::Bytes;
use mcpgate::mcp::{Frame, frame, sse::Decoder};
use serde_json::{Value, value::RawValue};

pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Its `Content-Type`.
    pub(crate) kind: String,
    pub(crate) opens_session: bool,
    pub(crate) body: Body,
    /// Whether its body has come to its end.
    pub(crate) ended: bool,
}

pub(crate) enum Body {
    Whole(Bytes),
    Stream(Vec<Frame>),
}

impl Body {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Whole(bytes) => String::from_utf8_lossy(bytes),
            Self::Stream(_) => "(a stream)".into(),
        }
    }
}

/// All replies on a connection, and whether each has come to its end: only a stream that is cut off
/// has none. Nothing if there is no telling, because a reply to HEAD has no body.
pub(crate) fn replies(
    mut text: &[u8],
    heads_only: bool,
    reset: bool,
) -> Option<(Vec<Reply>, bool)> {
    let mut all = Vec::new();
    while !text.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut fields);
        match head.parse(text) {
            Ok(httparse::Status::Complete(length)) => text = &text[length..],
            Ok(httparse::Status::Partial) if reset => return Some((all, false)),
            broken => panic!("{broken:?}: {}", String::from_utf8_lossy(text)),
        }
        if heads_only {
            return None;
        }
        let (reply, rest) = reply(&head, text);
        let Some(reply) = reply else {
            assert!(reset, "cut off: {}", String::from_utf8_lossy(text));
            return Some((all, false));
        };
        if reply.status == 100 {
            text = rest;
            continue;
        }
        let ended = reply.ended;
        all.push(reply);
        if !ended {
            return Some((all, false));
        }
        text = rest;
    }
    Some((all, true))
}

fn reply<'t>(head: &httparse::Response<'_, '_>, text: &'t [u8]) -> (Option<Reply>, &'t [u8]) {
    let field = |name: &str| {
        let mut found = head
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        let value = found
            .next()
            .map(|field| str::from_utf8(field.value).unwrap());
        assert!(found.next().is_none(), "two fields {name}");
        value
    };
    let status = head.code.unwrap();
    let kind = field("content-type").unwrap_or_default().to_owned();
    let streams = kind == "text/event-stream";
    let length = field("content-length").map(|length| length.parse::<usize>().unwrap());
    let chunked = field("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let (body, rest, ended) = match (length, chunked) {
        (Some(_), true) => panic!("two lengths"),
        (Some(length), false) if length <= text.len() => {
            (text[..length].to_vec(), &text[length..], true)
        }
        (Some(_), false) => return (None, text),
        (None, true) => unchunked(text),
        (None, false) if matches!(status, 100..200 | 204 | 304) => (Vec::new(), text, true),
        (None, false) => (text.to_vec(), &text[text.len()..], true),
    };
    if !ended && !streams {
        return (None, text);
    }
    let packed = field("content-encoding").is_some();
    let body = match streams {
        true => Body::Stream(messages(&body)),
        false => Body::Whole(body.into()),
    };
    if let (Body::Whole(json), "application/json", false) = (&body, kind.as_str(), packed) {
        serde_json::from_slice::<&RawValue>(json).unwrap();
    }
    let opens_session = field("mcp-session-id").is_some();
    (
        Some(Reply {
            status,
            kind,
            opens_session,
            body,
            ended,
        }),
        rest,
    )
}

/// A body that came in chunks, what follows it, and whether its last chunk is there.
fn unchunked(mut text: &[u8]) -> (Vec<u8>, &[u8], bool) {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((at, size))) = httparse::parse_chunk_size(text) else {
            return (body, text, false);
        };
        let size = usize::try_from(size).unwrap();
        let Some((chunk, rest)) = text[at..].split_at_checked(size) else {
            return (body, text, false);
        };
        body.extend(chunk);
        text = match rest.strip_prefix(b"\r\n") {
            Some(rest) => rest,
            None => return (body, text, false),
        };
        if size == 0 {
            return (body, text, true);
        }
    }
}

/// The messages of a stream. Each must be one, unless it is of those that are no JSON-RPC.
fn messages(stream: &[u8]) -> Vec<Frame> {
    let mut decoder = Decoder::new(1 << 24);
    decoder.push(stream);
    let mut found = Vec::new();
    while let Some(event) = decoder.event().unwrap() {
        if event.data.is_empty() || event.name == "endpoint" {
            continue;
        }
        let batch = frame::is_batch(&event.data);
        let messages = frame::split(&event.data).unwrap();
        assert!(!batch || serde_json::from_slice::<Value>(&event.data).is_ok());
        found.extend(
            messages
                .into_iter()
                .map(|message| Frame::parse(message).unwrap()),
        );
    }
    found
}
