//! What of a call's arguments is shown: their names always, a value only if `show_arguments`
//! lists it, of the others how large they are. A value is shown as it is written, without the
//! space between its tokens; a long one is cut.

use std::{fmt, io::Write};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, value::RawValue};

use super::{
    entry::{LONGEST, shortened},
    line,
    shown::Names,
};

/// The longest name of an argument that is repeated whole, in bytes.
const LONGEST_NAME: usize = 128;
/// How much is written of one call's arguments before the rest is only counted, in bytes.
const MOST: usize = 8 * 1024;

/// Appends the arguments, redacted.
pub(super) fn arguments(out: &mut Vec<u8>, raw: &[u8], shown: &Names<'_>) {
    let start = out.len();
    let mut json = serde_json::Deserializer::from_slice(raw);
    let redacted = json.deserialize_map(Redacted { out, shown });
    if redacted.is_err() {
        // Not an object, so there are no names by which to show anything.
        out.truncate(start);
        hidden(out, raw.len());
    }
}

/// Appends what stands for a value that is not shown.
pub(super) fn hidden(out: &mut Vec<u8>, size: usize) {
    // Writing into memory cannot fail.
    drop(write!(out, "\"*** ({size} bytes)\""));
}

struct Redacted<'a> {
    out: &'a mut Vec<u8>,
    shown: &'a Names<'a>,
}

impl<'de> Visitor<'de> for Redacted<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { out, shown } = self;
        let enough = out.len() + MOST;
        let mut separator = b'{';
        while out.len() < enough {
            let Some((name, raw)) = map.next_entry::<String, &RawValue>()? else {
                break;
            };
            out.push(separator);
            separator = b',';
            line::string(
                out,
                shortened(&name, LONGEST_NAME).as_ref().unwrap_or(&name),
            );
            out.push(b':');
            match shown.include(&name) {
                true => value(out, raw.get()),
                false => hidden(out, raw.get().len()),
            }
        }
        let mut more = 0_usize;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            more += 1;
        }
        if more > 0 {
            out.push(b',');
            line::string(out, "…");
            out.push(b':');
            line::string(out, &format!("and {more} more"));
        } else if separator == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(())
    }
}

/// Appends a value that is shown.
fn value(out: &mut Vec<u8>, raw: &str) {
    if raw.len() > LONGEST {
        let beginning = raw.get(..raw.floor_char_boundary(LONGEST));
        return cut(out, beginning.unwrap_or_default(), raw.len());
    }
    // Half a surrogate pair and 1e400 pass through the gateway, but not through every parser.
    match serde_json::from_str::<Value>(raw) {
        Ok(_) => compact(out, raw),
        Err(_) => line::string(out, raw),
    }
}

/// Appends a string that begins like the value and says how long that is.
fn cut(out: &mut Vec<u8>, beginning: &str, size: usize) {
    // The cut may have fallen into an escape: two of six characters at most.
    let decoded = (0..=12).find_map(|back| {
        let whole = beginning.get(..beginning.len().checked_sub(back)?)?;
        serde_json::from_str::<String>(&format!("{whole}\"")).ok()
    });
    let text = decoded.unwrap_or_else(|| {
        let mut text = Vec::new();
        compact(&mut text, beginning);
        String::from_utf8(text).unwrap_or_default()
    });
    line::string(out, &format!("{text}… ({size} bytes)"));
}

/// Appends JSON without the space between its tokens, as one line.
fn compact(out: &mut Vec<u8>, raw: &str) {
    let (mut in_string, mut escaped) = (false, false);
    for c in raw.chars() {
        if !in_string && c.is_ascii_whitespace() {
            continue;
        }
        if line::breaks_a_line(c) {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn redacted(raw: &str, shown: &[&str]) -> String {
        let names: Vec<String> = shown.iter().map(|name| (*name).to_owned()).collect();
        let mut out = Vec::new();
        arguments(&mut out, raw.as_bytes(), &Names::only(&names));
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<Value>(&text).expect(&text);
        assert!(!text.contains(line::breaks_a_line), "{text}");
        text
    }

    #[test]
    fn only_listed_values_are_shown() {
        for (raw, shown) in [
            ("{}", "{}"),
            (
                r#"{"path":"/a","x":"/a"}"#,
                r#"{"path":"/a","x":"*** (4 bytes)"}"#,
            ),
            // Deeper names are nobody's: what stands inside a hidden value stays hidden.
            (r#"{"x":{"path":"/a"}}"#, r#"{"x":"*** (13 bytes)"}"#),
            (r#"{"x":[1,{"path":2}]}"#, r#"{"x":"*** (14 bytes)"}"#),
            (
                r#"{"path":{"a":[1, 2],"b":null}}"#,
                r#"{"path":{"a":[1,2],"b":null}}"#,
            ),
            (r#"{"path":1E+2,"path":2}"#, r#"{"path":1E+2,"path":2}"#),
            (
                "{\n \"path\" : [ 1 ,\n\t\" \\\" b\" ]\n}",
                r#"{"path":[1," \" b"]}"#,
            ),
            (r#"{"Path":1}"#, r#"{"Path":"*** (1 bytes)"}"#),
            // Not an object, or none that can be read.
            (r#"["secret"]"#, r#""*** (10 bytes)""#),
            (r#""secret""#, r#""*** (8 bytes)""#),
            (r#"{"path":"/a","x":"secret"#, r#""*** (24 bytes)""#),
            ("", r#""*** (0 bytes)""#),
        ] {
            assert_eq!(redacted(raw, &["path"]), shown, "{raw}");
        }
        assert_eq!(redacted(r#"{"a":1,"b":[]}"#, &["*"]), r#"{"a":1,"b":[]}"#);
        assert_eq!(redacted(r#"{"a":true}"#, &[]), r#"{"a":"*** (4 bytes)"}"#);
    }

    #[test]
    fn what_would_break_a_line_is_escaped() {
        let raw = "{\"a\u{2028}\":\"x\u{2028}y\u{7f}\\n\u{85}\u{202e}\",\"\\u0000\":0}";
        let shown = r#"{"a\u2028":"x\u2028y\u007f\n\u0085\u202e","\u0000":0}"#;
        assert_eq!(redacted(raw, &["*"]), shown);
    }

    #[test]
    fn what_not_every_parser_takes_is_shown_as_text() {
        assert_eq!(redacted(r#"{"a":1e400}"#, &["a"]), r#"{"a":"1e400"}"#);
        assert_eq!(
            redacted(r#"{"a":"\ud800"}"#, &["a"]),
            r#"{"a":"\"\\ud800\""}"#
        );
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(300), "]".repeat(300));
        redacted(&deep, &["a"]);
    }

    #[test]
    fn a_long_value_is_cut() {
        let text = format!("{{\"a\":\"{}\"}}", "é".repeat(5000));
        let expected = format!("{{\"a\":\"{}… (10002 bytes)\"}}", "é".repeat(511));
        assert_eq!(redacted(&text, &["a"]), expected);

        let escapes = format!("{{\"a\":\"{}\"}}", "\\ud83d\\ude00".repeat(500));
        let shown: Value = serde_json::from_str(&redacted(&escapes, &["a"])).unwrap();
        assert_eq!(shown["a"], format!("{}… (6002 bytes)", "😀".repeat(85)));

        let list = format!("{{\"a\":[{}1]}}", "\"b\" , ".repeat(1000));
        let shown: Value = serde_json::from_str(&redacted(&list, &["a"])).unwrap();
        let shown = shown["a"].as_str().unwrap();
        assert!(shown.starts_with(r#"["b","b","#) && shown.ends_with("… (6003 bytes)"));
    }

    #[test]
    fn names_are_cut_and_counted() {
        let long = json!({"n".repeat(1000): 1}).to_string();
        let expected = format!(
            "{{\"{}… (1000 bytes)\":\"*** (1 bytes)\"}}",
            "n".repeat(128)
        );
        assert_eq!(redacted(&long, &[]), expected);

        let many: serde_json::Map<String, Value> =
            (0..100_000).map(|n| (n.to_string(), n.into())).collect();
        let text = redacted(&Value::Object(many).to_string(), &[]);
        assert!(text.len() < MOST + 256, "{}", text.len());
        assert!(text.ends_with(" more\"}"));
    }

    proptest! {
        #[test]
        fn a_hidden_value_never_shows(secret in "[a-z]{8,40}", name in "[A-Z]{1,8}") {
            let nested = json!({&name: {"deep": [secret, {"x": secret}]}, "path": 1});
            prop_assert!(!redacted(&nested.to_string(), &["path"]).contains(&secret));
        }
    }
}
