//! The raw values of a few keys of a JSON object, and where they stand.
//!
//! One pass, no allocation, nothing decoded but keys. A key that is looked for and stands twice
//! is refused: the gateway would judge one of the two and the server obey the other. So is a
//! look-alike that differs in letter case only, because Go's decoders take it for the real one.

use std::{borrow::Cow, fmt, ops::Range};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Where a value stands in its message, in bytes.
pub type Span = Range<usize>;

/// The raw values of `keys` in the object `text`.
///
/// # Errors
/// When `text` is not one JSON object, or one of the keys stands in it twice.
pub fn fields<'a, const N: usize>(
    text: &'a str,
    keys: [&'static str; N],
) -> serde_json::Result<[Option<&'a str>; N]> {
    let mut json = serde_json::Deserializer::from_str(text);
    let found = Fields(keys).deserialize(&mut json)?;
    json.end()?;
    Ok(found.map(|raw| raw.map(RawValue::get)))
}

/// The raw value of one key of an object; nothing where there is no such key or no object.
pub fn field<'a>(text: &'a str, key: &'static str) -> Option<&'a str> {
    fields(text, [key]).ok().and_then(|[value]| value)
}

/// The items of an array as they are written.
///
/// # Errors
/// When `text` is not a JSON array.
pub fn items(text: &str) -> serde_json::Result<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text)?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

/// What a raw JSON string says; nothing for other values and for text that is not Unicode.
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

/// Where `part` stands in `whole`, of which it is a piece.
pub(crate) fn span(whole: &str, part: &str) -> Span {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// Reads an object and keeps the raw values of these keys.
pub(crate) struct Fields<const N: usize>(pub(crate) [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Fields<N> {
    type Value = [Option<&'de RawValue>; N];

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Fields<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(key) = map.next_key_seed(Key(&self.0))? {
            match key.and_then(|index| found.get_mut(index)) {
                Some(slot) => keep(slot, map.next_value()?)?,
                None => skip(&mut map)?,
            }
        }
        Ok(found)
    }
}

/// Fills a slot that must be empty.
pub(crate) fn keep<T, E: serde::de::Error>(slot: &mut Option<T>, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("a key stands twice")),
    }
}

/// Passes over a value.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Which of the wanted keys this is, without keeping its text.
pub(crate) struct Key<'k>(pub(crate) &'k [&'static str]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        let exact = self.0.iter().position(|wanted| *wanted == key);
        if exact.is_none() && self.0.iter().any(|wanted| looks_like(key, wanted)) {
            return Err(E::custom(
                "a key differs from a known one in letter case only",
            ));
        }
        Ok(exact)
    }
}

/// Whether a decoder that folds letter case would take `key` for `wanted`.
pub(crate) fn looks_like(key: &str, wanted: &str) -> bool {
    if key.is_ascii() {
        return key.eq_ignore_ascii_case(wanted);
    }
    // The long s and the Kelvin sign are the two letters beyond ASCII that fold into it.
    let folded = key.chars().map(|c| match c {
        'ſ' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(wanted.chars().map(|c| c.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_is_present() {
        assert_eq!(field(r#"{"a": null}"#, "a"), Some("null"));
        assert_eq!(field(r#"{"b": null}"#, "a"), None);
    }

    #[test]
    fn a_wanted_key_that_stands_twice_is_refused_in_every_spelling() {
        for text in [
            r#"{"name":1,"name":2}"#,
            r#"{"name":1,"n\u0061me":2}"#,
            r#"{"name":1,"Name":2}"#,
            r#"{"NAME":1}"#,
        ] {
            assert!(fields(text, ["name"]).is_err(), "{text}");
        }
        assert!(fields(r#"{"paramſ":1}"#, ["params"]).is_err());
    }

    #[test]
    fn other_keys_may_stand_twice() {
        let found = fields(r#"{"x":1,"x":2,"a":[{"a":3}]}"#, ["a"]).unwrap();
        assert_eq!(found, [Some(r#"[{"a":3}]"#)]);
    }

    #[test]
    fn a_string_is_decoded_only_where_it_is_escaped() {
        assert_eq!(string(r#""plain""#), Some(Cow::Borrowed("plain")));
        assert_eq!(string(r#""\u0061\n""#).as_deref(), Some("a\n"));
        assert_eq!(string(r#""\ud800""#), None);
        assert_eq!(string("7"), None);
    }
}
