//! Members put into JSON objects and taken out of them; the others stay as they are written.

use serde_json::value::RawValue;

use super::fields::{self, Span};

/// The object with `members` (text such as `"a":1,"b":2`) before its own.
pub fn with(object: &str, members: &str) -> String {
    let inner = object.trim().strip_prefix('{').unwrap_or("}");
    let comma = if inner.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    format!("{{{members}{comma}{inner}")
}

/// The object without the members of these names.
pub fn without(object: &str, names: &[&str]) -> String {
    let Ok(all) = members(object) else {
        return object.to_owned();
    };
    let mut out = String::with_capacity(object.len());
    out.push('{');
    for (name, span) in all {
        if names.contains(&name.as_str()) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(object.get(span).unwrap_or_default());
    }
    out.push('}');
    out
}

/// Each member's name, and where the member stands.
///
/// # Errors
/// When `object` is not a JSON object.
pub fn members(object: &str) -> serde_json::Result<Vec<(String, Span)>> {
    let pairs: Pairs<'_> = serde_json::from_str(object)?;
    let mut end = object.find('{').map_or(0, |brace| brace + 1);
    let mut found = Vec::with_capacity(pairs.0.len());
    for (name, value) in pairs.0 {
        let value = fields::span(object, value.get());
        // Between two values stand a comma and the name.
        let gap = object.get(end..value.start).unwrap_or_default();
        let start = gap.find('"').map_or(end, |quote| end + quote);
        end = value.end;
        found.push((name, start..end));
    }
    Ok(found)
}

/// Each member's name and value.
///
/// # Errors
/// When `object` is not a JSON object.
pub fn pairs(object: &str) -> serde_json::Result<Vec<(String, &str)>> {
    let pairs: Pairs<'_> = serde_json::from_str(object)?;
    Ok(pairs
        .0
        .into_iter()
        .map(|(name, value)| (name, value.get()))
        .collect())
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(PairsVisitor).map(Pairs)
    }
}

struct PairsVisitor;

impl<'de> serde::de::Visitor<'de> for PairsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_and_go_and_the_others_stay() {
        assert_eq!(with("{}", r#""a":1"#), r#"{"a":1}"#);
        assert_eq!(with("{ }", r#""a":1"#), r#"{"a":1 }"#);
        assert_eq!(
            with(r#" { "b" : 1E+2 }"#, r#""a":1"#),
            r#"{"a":1, "b" : 1E+2 }"#
        );
        let object = r#"{ "a" : 1 , "b":{"a":2}, "n\u0061me":"}" }"#;
        assert_eq!(without(object, &["a"]), r#"{"b":{"a":2},"n\u0061me":"}"}"#);
        assert_eq!(without(object, &["name", "b"]), r#"{"a" : 1}"#);
        assert_eq!(without(object, &["a", "b", "name"]), "{}");
    }
}
