//! The parts of any message, by serde: the authority on what is refused and in which words.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{META, PARAMS, REFERENCE, TOP, kind, settle};
use crate::mcp::{
    fields::{Fields, Key, fields, keep, skip, span},
    frame::{self, Kind, Malformed},
    part::{Part, Spans},
};

type Raw<'a> = Option<&'a RawValue>;

/// What kind of message it is, and where its parts stand.
#[cold]
pub(super) fn envelope(text: &[u8]) -> Result<(Kind, Spans), Malformed> {
    let text = frame::text(text)?;
    let shape = |words: &str| Malformed::Shape(words.to_owned());
    let values = Values::read(text)?;
    let [jsonrpc, id, method, result, error] = values.top.map(|raw| raw.map(RawValue::get));
    if jsonrpc != Some(r#""2.0""#) {
        return Err(shape(r#"`jsonrpc` is not "2.0""#));
    }
    let [name, uri, reference, meta, token, request, task, arguments] =
        values.params.map(|raw| raw.map(RawValue::get));
    let mut found = Found(text, Spans::default());
    found.keep([
        (Part::Id, id),
        (Part::Method, method),
        (Part::Result, result),
        (Part::Error, error),
        (Part::Name, name),
        (Part::Uri, uri),
        (Part::Token, token),
        (Part::RequestId, request),
        (Part::TaskId, task),
        (Part::Arguments, arguments),
    ])?;
    let kind = kind(|part| found.1.first(text.as_bytes(), part)).map_err(shape)?;
    let [name, uri] = within(reference, REFERENCE)?;
    found.keep([(Part::RefName, name), (Part::RefUri, uri)])?;
    let [token, version, capabilities, info, level] = within(meta, META)?;
    found.keep([
        (Part::MetaToken, token),
        (Part::Version, version),
        (Part::Capabilities, capabilities),
        (Part::Info, info),
        (Part::Level, level),
    ])?;
    let mut spans = found.1;
    settle(text.as_bytes(), &mut spans);
    Ok((kind, spans))
}

/// What was found in a text.
struct Found<'a>(&'a str, Spans);

impl Found<'_> {
    fn keep<const N: usize>(&mut self, parts: [(Part, Option<&str>); N]) -> Result<(), Malformed> {
        for (part, raw) in parts {
            if let Some(raw) = raw {
                self.1.set(part, span(self.0, raw))?;
            }
        }
        Ok(())
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

/// The raw values of a message's parts.
#[derive(Default)]
struct Values<'a> {
    top: [Raw<'a>; 5],
    params: [Raw<'a>; 8],
}

impl<'a> Values<'a> {
    /// Reads a message, once, from its first byte to its last.
    fn read(text: &'a str) -> serde_json::Result<Self> {
        let mut json = serde_json::Deserializer::from_str(text);
        let values = json.deserialize_map(ValuesVisitor)?;
        json.end()?;
        Ok(values)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = Values::default();
        let mut params = None;
        while let Some(key) = map.next_key_seed(Key(&TOP))? {
            match key {
                Some(5) => keep(&mut params, map.next_value_seed(Params)?)?,
                Some(index) => match values.top.get_mut(index) {
                    Some(slot) => keep(slot, map.next_value()?)?,
                    None => skip(&mut map)?,
                },
                None => skip(&mut map)?,
            }
        }
        values.params = params.unwrap_or_default();
        Ok(values)
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
