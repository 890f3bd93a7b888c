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
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    Method,
    fields::{Fields, Key, Span, field, items, keep, skip, span, string},
};

/// A field whose place in a message is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `id`
    Id,
    /// `method`
    Method,
    /// `result`
    Result,
    /// `error`
    Error,
    /// `params.name`
    Name,
    /// `params.uri`
    Uri,
    /// `params.ref.name`
    RefName,
    /// `params.ref.uri`
    RefUri,
    /// `params._meta.progressToken`: under what the sender wants to hear of progress.
    MetaToken,
    /// `params.progressToken`: whose progress a notification tells.
    Token,
    /// `params.requestId`: what a notification cancels.
    RequestId,
}

const PARTS: usize = 11;

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
    spans: [Option<Span>; PARTS],
}

impl Frame {
    /// Reads the envelope of one message.
    ///
    /// # Errors
    /// When the bytes are not one JSON-RPC 2.0 message, or say one of the parts twice.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let text = text(&bytes)?;
        let mut json = serde_json::Deserializer::from_str(text);
        let envelope = json.deserialize_map(EnvelopeVisitor)?;
        json.end()?;
        let kind = envelope.kind()?;
        let mut spans = [const { None }; PARTS];
        for (part, raw) in envelope.parts()? {
            if let (Some(slot), Some(raw)) = (spans.get_mut(part as usize), raw) {
                *slot = Some(span(text, raw));
            }
        }
        Ok(Self { bytes, kind, spans })
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
        let span = self.spans.get(part as usize)?.clone()?;
        std::str::from_utf8(self.bytes.get(span)?).ok()
    }

    /// A part as it is written, sharing the message's memory.
    pub fn raw_bytes(&self, part: Part) -> Option<Bytes> {
        self.raw(part)
            .map(|raw| self.bytes.slice_ref(raw.as_bytes()))
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
        Method::named(&self.method_name())
    }

    /// `params` as it is written; a second look at the message, for the rare methods.
    pub fn params(&self) -> Option<&str> {
        field(std::str::from_utf8(&self.bytes).ok()?, "params")
    }

    /// The message with some parts replaced; parts it does not have are passed over.
    pub fn with(&self, edits: &[(Part, &[u8])]) -> Bytes {
        let mut edits: Vec<(Span, &[u8])> = edits
            .iter()
            .filter_map(|(part, new)| Some((self.spans.get(*part as usize)?.clone()?, *new)))
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

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|error| Malformed::Syntax(error.to_string()))
}

type Raw<'a> = Option<&'a RawValue>;

#[derive(Default)]
struct Envelope<'a> {
    top: [Raw<'a>; 5],
    params: [Raw<'a>; 6],
}

const TOP: [&str; 6] = ["jsonrpc", "id", "method", "result", "error", "params"];
const PARAMS: [&str; 6] = ["name", "uri", "ref", "_meta", "progressToken", "requestId"];

impl<'a> Envelope<'a> {
    fn kind(&self) -> Result<Kind, Malformed> {
        let shape = |words: &str| Err(Malformed::Shape(words.to_owned()));
        let [jsonrpc, id, method, result, error] = self.top.map(|raw| raw.map(RawValue::get));
        if jsonrpc != Some(r#""2.0""#) {
            return shape(r#"`jsonrpc` is not "2.0""#);
        }
        match (method, id, result.is_some() || error.is_some()) {
            (Some(_), Some(id), false) if !is_id(id) => shape("`id` is neither string nor number"),
            (Some(name), _, false) if !name.starts_with('"') => shape("`method` is not a string"),
            (Some(_), Some(_), false) => Ok(Kind::Request),
            (Some(_), None, false) => Ok(Kind::Notification),
            (None, Some(_), true) if result.is_some() != error.is_some() => Ok(Kind::Response),
            _ => shape("neither a request, a notification nor a response"),
        }
    }

    fn parts(self) -> Result<[(Part, Option<&'a str>); PARTS], Malformed> {
        let [_, id, method, result, error] = self.top.map(|raw| raw.map(RawValue::get));
        let [name, uri, reference, meta, token, request] =
            self.params.map(|raw| raw.map(RawValue::get));
        let reference = within(reference, ["name", "uri"])?;
        let [meta_token] = within(meta, ["progressToken"])?;
        Ok([
            (Part::Id, id),
            (Part::Method, method),
            (Part::Result, result),
            (Part::Error, error),
            (Part::Name, name),
            (Part::Uri, uri),
            (Part::RefName, reference[0]),
            (Part::RefUri, reference[1]),
            (Part::MetaToken, meta_token),
            (Part::Token, token),
            (Part::RequestId, request),
        ])
    }
}

/// Keys of a value, which need not be an object: other methods may use the word as they like.
fn within<'a, const N: usize>(
    raw: Option<&'a str>,
    keys: [&'static str; N],
) -> serde_json::Result<[Option<&'a str>; N]> {
    match raw {
        Some(object) if object.starts_with('{') => super::fields::fields(object, keys),
        _ => Ok([None; N]),
    }
}

fn is_id(raw: &str) -> bool {
    raw.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        let mut params = None;
        while let Some(key) = map.next_key_seed(Key(&TOP))? {
            match key {
                Some(5) => keep(&mut params, map.next_value_seed(Params)?)?,
                Some(index) => match envelope.top.get_mut(index) {
                    Some(slot) => keep(slot, map.next_value()?)?,
                    None => skip(&mut map)?,
                },
                None => skip(&mut map)?,
            }
        }
        envelope.params = params.unwrap_or_default();
        Ok(envelope)
    }
}

/// `params` in the same pass: they are most of the message.
struct Params;

impl<'de> DeserializeSeed<'de> for Params {
    type Value = [Raw<'de>; 6];

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Params {
    type Value = [Raw<'de>; 6];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`params` as an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Fields(PARAMS).visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Self::Value::default())
    }
}
