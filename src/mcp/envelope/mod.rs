//! The one pass over a message that finds its parts.
//!
//! [`scan`] finds them fast wherever a message is written as everybody writes it. Where it is not
//! sure, [`decode`] reads the message again and has the say: what is refused, and in which words.

mod decode;
mod scan;
mod skip;
mod string;
#[cfg(test)]
mod tests;
mod word;

use super::{
    frame::{Kind, Malformed},
    meta,
    part::{Part, Spans},
};

const TOP: [&str; 6] = ["jsonrpc", "id", "method", "result", "error", "params"];
const PARAMS: [&str; 8] = [
    "name",
    "uri",
    "ref",
    "_meta",
    "progressToken",
    "requestId",
    "taskId",
    "arguments",
];
const REFERENCE: [&str; 2] = ["name", "uri"];
const META: [&str; 5] = [
    "progressToken",
    meta::VERSION,
    meta::CAPABILITIES,
    meta::INFO,
    meta::LEVEL,
];

/// Reads a message from its first byte to its last: what kind it is, and where its parts stand.
pub(super) fn read(text: &[u8], spans: &mut Spans) -> Result<Kind, Malformed> {
    match scan::envelope(text, spans) {
        Some(kind) if is_ascii(text) || std::str::from_utf8(text).is_ok() => Ok(kind),
        _ => {
            let kind;
            (kind, *spans) = by_serde(text)?;
            Ok(kind)
        }
    }
}

/// The same by serde alone.
pub(super) fn by_serde(text: &[u8]) -> Result<(Kind, Spans), Malformed> {
    decode::envelope(text)
}

/// Whether all of a text is ASCII, in few steps also where it is short.
fn is_ascii(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks();
    let last = rest.iter().fold(0, |seen, byte| seen | byte);
    let seen = words
        .iter()
        .fold(0, |seen, word| seen | u64::from_le_bytes(*word));
    (seen & 0x8080_8080_8080_8080 == 0) && last.is_ascii()
}

/// What kind of message has parts that begin so.
fn kind(first: impl Fn(Part) -> Option<u8>) -> Result<Kind, &'static str> {
    let (result, error) = (first(Part::Result), first(Part::Error));
    let answers = result.is_some() || error.is_some();
    match (first(Part::Method), first(Part::Id), answers) {
        (Some(_), Some(id), false) if !is_id(id) => Err("`id` is neither string nor number"),
        (Some(name), _, false) if name != b'"' => Err("`method` is not a string"),
        (Some(_), Some(_), false) => Ok(Kind::Request),
        (Some(_), None, false) => Ok(Kind::Notification),
        // Sloppy servers write a null beside the other, or an error without an id.
        (None, Some(_), true) if result.is_none() || error.is_none_or(is_null) => {
            Ok(Kind::Response)
        }
        (None, Some(_), true) if result.is_some_and(is_null) => Ok(Kind::Response),
        (None, None, true) if result.is_none() => Ok(Kind::Response),
        _ => Err("neither a request, a notification nor a response"),
    }
}

/// Of a result and an error, the one that is null goes.
fn settle(text: &[u8], spans: &mut Spans) {
    let first = |part| spans.first(text, part);
    let (Some(result), Some(error)) = (first(Part::Result), first(Part::Error)) else {
        return;
    };
    if is_null(error) {
        spans.clear(Part::Error);
    } else if is_null(result) {
        spans.clear(Part::Result);
    }
}

/// Whether a value that begins so is null. No other value begins with an n.
fn is_null(first: u8) -> bool {
    first == b'n'
}

fn is_id(first: u8) -> bool {
    matches!(first, b'"' | b'-' | b'0'..=b'9')
}
