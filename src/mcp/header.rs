//! Fields of a request that stand in its HTTP headers as well (2026-07-28, Streamable HTTP,
//! Request Metadata).

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, value::RawValue};

use super::fields;

/// The method of a request.
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// What it is about: a name or a URI.
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// The revision it is written in.
pub const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// What the names of headers begin with that mirror arguments of a tool.
pub const PARAM: &str = "mcp-param-";

const BEFORE: &str = "=?base64?";
const AFTER: &str = "?=";

/// A text as the value of a header, encoded where it has to be.
pub fn encode(text: &str) -> Option<HeaderValue> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && text.trim_matches([' ', '\t']) == text
        && !(text.starts_with(BEFORE) && text.ends_with(AFTER));
    if plain {
        return HeaderValue::from_str(text).ok();
    }
    let coded = STANDARD.encode(text);
    HeaderValue::from_str(&format!("{BEFORE}{coded}{AFTER}")).ok()
}

/// What the value of a header says; nothing where it is not what [`encode`] could have written.
pub fn decode(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    let Some(coded) = text
        .strip_prefix(BEFORE)
        .and_then(|rest| rest.strip_suffix(AFTER))
    else {
        return Some(text.to_owned());
    };
    String::from_utf8(STANDARD.decode(coded).ok()?).ok()
}

/// A header that mirrors an argument of a tool, as its schema has it (`x-mcp-header`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// `Mcp-Param-…`
    pub header: HeaderName,
    /// The keys that lead to the argument.
    path: Vec<String>,
}

impl Mirror {
    /// The headers that a tool's `inputSchema` asks for.
    ///
    /// # Errors
    /// What breaks the rules: clients leave such a tool out.
    pub fn all(schema: &str) -> Result<Vec<Self>, String> {
        if memchr::memmem::find(schema.as_bytes(), b"x-mcp-header").is_none() {
            return Ok(Vec::new());
        }
        let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        let mut reached = 0;
        walk(&schema, &mut Vec::new(), &mut found, &mut reached)?;
        if reached != count(&schema) {
            return Err("`x-mcp-header` where only `properties` may lead".to_owned());
        }
        for (index, mirror) in found.iter().enumerate() {
            if found
                .iter()
                .skip(index + 1)
                .any(|other| other.header == mirror.header)
            {
                return Err(format!("`x-mcp-header` names {} twice", mirror.header));
            }
        }
        Ok(found)
    }

    /// The argument as it is written, if the call has it.
    pub fn raw<'a>(&self, arguments: &'a str) -> Option<&'a str> {
        let mut value = arguments;
        for key in &self.path {
            let inner: HashMap<String, &'a RawValue> = serde_json::from_str(value).ok()?;
            value = inner.get(key)?.get();
        }
        (value != "null").then_some(value)
    }

    /// The text of the argument, if the call has it.
    pub fn text(&self, arguments: &str) -> Option<String> {
        match self.raw(arguments)? {
            text if text.starts_with('"') => fields::string(text).map(|text| text.into_owned()),
            text => Some(text.to_owned()),
        }
    }

    /// Whether a header's value says what the argument, as it is written, does. Numbers are
    /// compared as such.
    pub fn agrees(said: &str, raw: &str) -> bool {
        if raw.starts_with('"') {
            return fields::string(raw).is_some_and(|text| text == said);
        }
        said == raw || matches!((said.parse::<f64>(), raw.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
    }
}

fn walk(
    schema: &Value,
    path: &mut Vec<String>,
    found: &mut Vec<Mirror>,
    reached: &mut usize,
) -> Result<(), String> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(());
    };
    for (key, property) in properties {
        path.push(key.clone());
        if let Some(name) = property.get("x-mcp-header") {
            *reached += 1;
            found.push(mirror(name, property, path)?);
        }
        walk(property, path, found, reached)?;
        path.pop();
    }
    Ok(())
}

fn mirror(name: &Value, property: &Value, path: &[String]) -> Result<Mirror, String> {
    let kind = property.get("type").and_then(Value::as_str);
    if !matches!(kind, Some("string" | "integer" | "boolean")) {
        return Err("`x-mcp-header` at what is no string, integer or boolean".to_owned());
    }
    let name = name.as_str().filter(|name| !name.is_empty());
    let name = name.ok_or("`x-mcp-header` is not a name")?;
    let header = HeaderName::try_from(format!("{PARAM}{name}"));
    let header = header.map_err(|_bad| "`x-mcp-header` is not the name of a header".to_owned())?;
    Ok(Mirror {
        header,
        path: path.to_vec(),
    })
}

/// How often a schema says `x-mcp-header` as a keyword, wherever.
fn count(value: &Value) -> usize {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| usize::from(key == "x-mcp-header") + count(value))
            .sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_the_specification_has_them() {
        for (text, value) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(encode(text).unwrap(), value);
            assert_eq!(decode(&HeaderValue::from_static(value)).unwrap(), text);
        }
    }

    #[test]
    fn a_header_is_found_by_its_path_and_refused_elsewhere() {
        let schema = r#"{"type":"object","properties":{"a":{"type":"object","properties":{
            "region":{"type":"string","x-mcp-header":"Region"}}},"n":{"type":"integer","x-mcp-header":"N"}}}"#;
        let mirrors = Mirror::all(schema).unwrap();
        let texts: Vec<_> = mirrors
            .iter()
            .map(|m| {
                (
                    m.header.as_str(),
                    m.text(r#"{"a":{"region":"é"},"n": 42}"#).unwrap(),
                )
            })
            .collect();
        assert!(texts.contains(&("mcp-param-region", "é".to_owned())));
        assert!(texts.contains(&("mcp-param-n", "42".to_owned())));
        assert!(
            mirrors
                .iter()
                .all(|m| m.text(r#"{"a":{},"n":null}"#).is_none())
        );
        for bad in [
            r#"{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":""}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"a b"}}}"#,
            r#"{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#,
        ] {
            assert!(Mirror::all(bad).is_err(), "{bad}");
        }
        assert!(Mirror::agrees("42.0", "42") && !Mirror::agrees("43", "42"));
        assert!(Mirror::agrees("1", r#""1""#) && !Mirror::agrees("1.0", r#""1""#));
    }
}
