//! One JSON-RPC message: its bytes, and where the few fields stand that a gateway has to see.
//!
//! ```
//! use bytes::Bytes;
//! use mcpgate::mcp::{Frame, Part};
//!
//! let text = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a__b","x":1e400}}"#;
//! let frame = Frame::parse(Bytes::from(text)).unwrap();
//! let renamed = frame.with(&[(Part::Name, br#""b""#)]);
//! assert_eq!(renamed, text.replace("a__b", "b"));
//! ```

use std::{borrow::Cow, fmt};

use bytes::{Bytes, BytesMut};

use super::{
    Method, Part, envelope,
    fields::{Span, field, items, string},
    part::Spans,
};

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It has a method and an id.
    Request,
    /// It has a method and no id.
    Notification,
    /// It has a result or an error.
    Response,
}

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not JSON at all: -32700.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// JSON, but not a JSON-RPC 2.0 message: -32600.
    #[error("not a JSON-RPC 2.0 message: {0}")]
    Shape(String),
    /// 4 GiB or more: -32600.
    #[error("not a message: too large")]
    Size,
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() {
            Self::Shape(error.to_string())
        } else {
            Self::Syntax(error.to_string())
        }
    }
}

/// One message and where its parts stand.
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    kind: Kind,
    method: Option<Method>,
    spans: Spans,
}

impl Frame {
    /// Reads the envelope of one message.
    ///
    /// # Errors
    /// When the bytes are not one JSON-RPC 2.0 message, or say one of the parts twice.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let mut spans = Spans::default();
        let kind = envelope::read(&bytes, &mut spans)?;
        Ok(Self::found(bytes, kind, spans))
    }

    /// The same by serde alone, without the fast way: what tests compare that with.
    ///
    /// # Errors
    /// As [`Frame::parse`].
    #[doc(hidden)]
    pub fn parse_by_serde(bytes: Bytes) -> Result<Self, Malformed> {
        let (kind, spans) = envelope::by_serde(&bytes)?;
        Ok(Self::found(bytes, kind, spans))
    }

    #[inline(always)]
    fn found(bytes: Bytes, kind: Kind, spans: Spans) -> Self {
        let method = spans
            .get(Part::Method)
            .and_then(|span| Method::written(bytes.get(span)?));
        Self {
            bytes,
            kind,
            method,
            spans,
        }
    }

    /// What kind of message it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole message.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The whole message.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// A part as it is written.
    pub fn raw(&self, part: Part) -> Option<&str> {
        let span = self.spans.get(part)?;
        std::str::from_utf8(self.bytes.get(span)?).ok()
    }

    /// A part as it is written, sharing the message's memory.
    pub fn raw_bytes(&self, part: Part) -> Option<Bytes> {
        Some(self.bytes.slice(self.spans.get(part)?))
    }

    /// What a part says that is a string.
    pub fn text(&self, part: Part) -> Option<Cow<'_, str>> {
        self.raw(part).and_then(string)
    }

    /// The method's name, empty for a response.
    pub fn method_name(&self) -> Cow<'_, str> {
        self.text(Part::Method).unwrap_or_default()
    }

    /// The method, if it is one the gateway knows.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// `params` as it is written; a second look at the message, for the rare methods.
    pub fn params(&self) -> Option<&str> {
        field(std::str::from_utf8(&self.bytes).ok()?, "params")
    }

    /// The message with some parts replaced; parts it does not have are passed over.
    pub fn with(&self, edits: &[(Part, &[u8])]) -> Bytes {
        let mut edits: Vec<(Span, &[u8])> = edits
            .iter()
            .filter_map(|(part, new)| Some((self.spans.get(*part)?, *new)))
            .collect();
        edits.sort_unstable_by_key(|(span, _)| span.start);
        let added: usize = edits.iter().map(|(_, new)| new.len()).sum();
        let mut out = BytesMut::with_capacity(self.bytes.len() + added);
        let mut copied = 0;
        for (span, new) in edits {
            out.extend_from_slice(self.bytes.get(copied..span.start).unwrap_or_default());
            out.extend_from_slice(new);
            copied = span.end;
        }
        out.extend_from_slice(self.bytes.get(copied..).unwrap_or_default());
        out.freeze()
    }
}

impl fmt::Debug for Frame {
    /// Never the payload: frames end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, id) = (self.method_name(), self.raw(Part::Id));
        write!(
            f,
            "{:?} {method:?} id={id:?} {} bytes",
            self.kind,
            self.bytes.len()
        )
    }
}

/// The messages of a batch, or the one message.
///
/// # Errors
/// When the bytes are not JSON, or the batch is empty.
pub fn split(bytes: &Bytes) -> Result<Vec<Bytes>, Malformed> {
    if !is_batch(bytes) {
        return Ok(vec![bytes.clone()]);
    }
    let messages = items(text(bytes)?)?;
    if messages.is_empty() {
        return Err(Malformed::Shape("an empty batch".to_owned()));
    }
    Ok(messages
        .into_iter()
        .map(|message| bytes.slice_ref(message.as_bytes()))
        .collect())
}

/// Whether the bytes are an array.
pub fn is_batch(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|error| Malformed::Syntax(error.to_string()))
}
