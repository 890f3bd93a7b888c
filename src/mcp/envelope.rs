//! The one pass over a message that finds its parts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    fields::{Fields, Key, fields, keep, skip},
    frame::{Kind, Malformed, PARTS, Part},
    meta,
};

type Raw<'a> = Option<&'a RawValue>;

/// The raw values of a message's parts.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    top: [Raw<'a>; 5],
    params: [Raw<'a>; 8],
}

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

impl<'a> Envelope<'a> {
    /// Reads a message, once, from its first byte to its last.
    pub(super) fn read(text: &'a str) -> serde_json::Result<Self> {
        let mut json = serde_json::Deserializer::from_str(text);
        let envelope = json.deserialize_map(EnvelopeVisitor)?;
        json.end()?;
        Ok(envelope)
    }

    /// What kind of message it is.
    pub(super) fn kind(&self) -> Result<Kind, Malformed> {
        let shape = |words: &str| Err(Malformed::Shape(words.to_owned()));
        let [jsonrpc, id, method, result, error] = self.top.map(|raw| raw.map(RawValue::get));
        if jsonrpc != Some(r#""2.0""#) {
            return shape(r#"`jsonrpc` is not "2.0""#);
        }
        let answers = result.is_some() || error.is_some();
        match (method, id, answers) {
            (Some(_), Some(id), false) if !is_id(id) => shape("`id` is neither string nor number"),
            (Some(name), _, false) if !name.starts_with('"') => shape("`method` is not a string"),
            (Some(_), Some(_), false) => Ok(Kind::Request),
            (Some(_), None, false) => Ok(Kind::Notification),
            // Sloppy servers write a null beside the other, or an error without an id.
            (None, Some(_), true) if result.is_none() || is_absent(error) => Ok(Kind::Response),
            (None, Some(_), true) if result == Some("null") => Ok(Kind::Response),
            (None, None, true) if result.is_none() => Ok(Kind::Response),
            _ => shape("neither a request, a notification nor a response"),
        }
    }

    /// Each part that is there.
    pub(super) fn parts(self) -> Result<[(Part, Option<&'a str>); PARTS], Malformed> {
        let [_, id, method, result, error] = self.top.map(|raw| raw.map(RawValue::get));
        let [name, uri, reference, meta, token, request, task, arguments] =
            self.params.map(|raw| raw.map(RawValue::get));
        let error = error.filter(|error| result.is_none() || *error != "null");
        let result = result.filter(|result| error.is_none() || *result != "null");
        let reference = within(reference, ["name", "uri"])?;
        let keys = [
            "progressToken",
            meta::VERSION,
            meta::CAPABILITIES,
            meta::INFO,
            meta::LEVEL,
        ];
        let [meta_token, version, capabilities, info, level] = within(meta, keys)?;
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
            (Part::TaskId, task),
            (Part::Version, version),
            (Part::Capabilities, capabilities),
            (Part::Info, info),
            (Part::Level, level),
            (Part::Arguments, arguments),
        ])
    }
}

/// Keys of a value, which need not be an object: other methods may use the word as they like.
fn within<'a, const N: usize>(
    raw: Option<&'a str>,
    keys: [&'static str; N],
) -> serde_json::Result<[Option<&'a str>; N]> {
    match raw {
        Some(object) if object.starts_with('{') => fields(object, keys),
        _ => Ok([None; N]),
    }
}

fn is_absent(raw: Option<&str>) -> bool {
    raw.is_none_or(|raw| raw == "null")
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
    type Value = [Raw<'de>; 8];

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Params {
    type Value = [Raw<'de>; 8];

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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::mcp::{Frame, Kind, Part};

    #[test]
    fn an_answer_may_carry_a_null_beside_what_it_says() {
        for (text, failed) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#,
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":""}}"#,
                true,
            ),
            (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, false),
            (r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, true),
        ] {
            let frame = Frame::parse(Bytes::from(text)).unwrap();
            assert_eq!(frame.kind(), Kind::Response, "{text}");
            assert_eq!(frame.raw(Part::Error).is_some(), failed, "{text}");
            assert_eq!(frame.raw(Part::Result).is_some(), !failed, "{text}");
        }
        let both = r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#;
        assert!(Frame::parse(Bytes::from(both)).is_err());
    }

    #[test]
    fn arguments_stand_once() {
        for params in [r#"{"arguments":{},"arguments":{}}"#, r#"{"Arguments":{}}"#] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
            assert!(Frame::parse(Bytes::from(text)).is_err(), "{params}");
        }
    }
}
