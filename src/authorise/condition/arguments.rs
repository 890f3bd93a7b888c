//! Arguments as a condition sees them, which must be what their server sees.
//!
//! JSON leaves some things to its readers, and a caller could show one thing to the gateway and
//! another to the server. Refused are a key that stands twice (the first may count, or the last);
//! a key that differs in letter case only from one that the condition asks for (Go's decoders take
//! it for the real one); and numbers beyond ±(2^53 - 1), which JavaScript rounds. Halves of a
//! surrogate pair and numbers beyond all bounds are refused by the parser.

use std::{collections::HashMap, fmt, sync::Arc};

use cel::{
    Value,
    objects::{Key, Map},
};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::mcp::fields::looks_like;

/// The greatest whole number that has no neighbour with which some reader mixes it up.
const GREATEST: u64 = (1 << 53) - 1;

/// Reads arguments for a condition that asks for `keys`. A `null` is none.
pub(super) fn read(text: &str, keys: &[String]) -> serde_json::Result<Value> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Reader { keys }.deserialize(&mut json)?;
    json.end()?;
    if value == Value::Null {
        return Ok(Value::Map(map(HashMap::new())));
    }
    if matches!(value, Value::Map(_)) {
        return Ok(value);
    }
    Err(serde_json::Error::custom("they are not an object"))
}

fn map(map: HashMap<Key, Value>) -> Map {
    Map { map: Arc::new(map) }
}

#[derive(Clone, Copy)]
struct Reader<'k> {
    keys: &'k [String],
}

impl Reader<'_> {
    fn check<E: Error>(self, key: &str) -> Result<(), E> {
        let asked_for = self.keys.iter().any(|wanted| wanted == key);
        if !asked_for && self.keys.iter().any(|wanted| looks_like(key, wanted)) {
            return Err(E::custom(
                "a key differs in letter case only from one that is asked for",
            ));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        within(number.unsigned_abs() <= GREATEST)?;
        Ok(Value::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        within(number <= GREATEST)?;
        i64::try_from(number).map(Value::Int).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        // A whole number with more digits than 64 bits have comes here too.
        within(number.abs() < 2_f64.powi(53))?;
        Ok(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::List(Arc::new(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut found = HashMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.check(&key)?;
            let value = entries.next_value_seed(self)?;
            if found.insert(Key::from(key), value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Map(map(found)))
    }
}

fn within<E: Error>(bounds: bool) -> Result<(), E> {
    if bounds {
        Ok(())
    } else {
        Err(E::custom("a number is beyond 2^53"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_read_differently_is_an_error() {
        for args in [
            r#"{"path":"/srv/a","path":"/etc"}"#,
            r#"{"path":"/srv/a","p\u0061th":"/etc"}"#,
            r#"{"path":"/srv/a","more":[{"x":1,"x":2}]}"#,
            r#"{"path":"/srv/a","Path":"/etc"}"#,
            r#"{"PATH":"/etc"}"#,
            r#"{"path":"/srv/a","n":9007199254740992}"#,
            r#"{"path":"/srv/a","n":-9007199254740993}"#,
            r#"{"path":"/srv/a","n":9223372036854775808}"#,
            r#"{"path":"/srv/a","n":18446744073709551616}"#,
            r#"{"path":"/srv/a","n":1e400}"#,
            r#"{"path":"/srv/a\ud800"}"#,
            r#"{"path":"/srv/a","\udc00":1}"#,
            r#"{"path":"/srv/a","n":NaN}"#,
            r#"{"path":"/srv/a"} {}"#,
            r#"{"path":"/srv/a",}"#,
            r#"["/srv/a"]"#,
            r#""/srv/a""#,
            "{",
        ] {
            assert!(read(args, &["path".to_owned()]).is_err(), "{args}");
        }
        let deep = format!("{{\"path\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        assert!(read(&deep, &[]).is_err());
    }

    #[test]
    fn what_nobody_asks_for_may_look_like_anything() {
        for args in [
            r#"{"path":1,"Name":2,"name":3}"#,
            r#"{"n":1.5,"m":[-3]}"#,
            "null",
        ] {
            assert!(read(args, &["path".to_owned()]).is_ok(), "{args}");
        }
    }
}
