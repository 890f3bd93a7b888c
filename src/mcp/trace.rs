//! The trace that a request says in `_meta` it is a part of (SEP-414: the keys have no prefix).

use super::{Frame, fields, message, meta, object};

/// The key of `_meta`, and the header: which span asks.
pub const PARENT: &str = "traceparent";
/// What others have said of the trace.
pub const STATE: &str = "tracestate";

/// What a message says in `_meta`: `traceparent`, and `tracestate` if it is there. Whether that is
/// sound is not asked.
pub fn read(frame: &Frame) -> Option<(String, Option<String>)> {
    // Few say it, and this is quicker than to look for `_meta`.
    memchr::memmem::find(frame.bytes(), b"\"traceparent\"")?;
    let said = fields::field(frame.params()?, "_meta")?;
    let [parent, state] = fields::fields(said, [PARENT, STATE]).ok()?;
    let state = state.and_then(fields::string);
    let parent = fields::string(parent?)?;
    Some((parent.into_owned(), state.map(|state| state.into_owned())))
}

/// The same message, saying this; nothing where it has no place for that: its `params` or its
/// `_meta` are no objects. Everything else stays as it is written.
pub fn told(frame: &Frame, parent: &str, state: Option<&str>) -> Option<Frame> {
    let text = std::str::from_utf8(frame.bytes()).ok()?;
    let params = frame.params()?;
    let span = fields::span(text, params);
    let params = written(params, parent, state)?;
    let (before, after) = (text.get(..span.start)?, text.get(span.end..)?);
    Frame::parse([before, &params, after].concat().into()).ok()
}

fn written(params: &str, parent: &str, state: Option<&str>) -> Option<String> {
    if !params.starts_with('{') {
        return None;
    }
    let parent = format!(r#""{parent}""#);
    let state = state.map(|state| message::json(&state));
    let meta = fields::field(params, "_meta");
    if let Some(said) = meta {
        if !said.starts_with('{') {
            return None;
        }
        let known = fields::fields(said, [PARENT, STATE]);
        if let Ok([Some(before), known]) = known
            && known == state.as_deref()
        {
            let span = fields::span(params, before);
            let (head, tail) = (params.get(..span.start)?, params.get(span.end..)?);
            return Some([head, &parent, tail].concat());
        }
    }
    let members = match state {
        Some(state) => format!(r#""{PARENT}":{parent},"{STATE}":{state}"#),
        None => format!(r#""{PARENT}":{parent}"#),
    };
    let names = object::members(meta.unwrap_or("{}")).ok()?;
    let stale = names
        .iter()
        .any(|(name, _)| [PARENT, STATE].contains(&name.as_str()));
    Some(match stale {
        true => meta::with(&meta::without_members(params, &[PARENT, STATE]), &members),
        false => meta::with(params, &members),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_takes_the_place_of_what_was_and_the_rest_stays() {
        for (params, told) in [
            ("{}", r#"{"_meta":{"traceparent":"P"}}"#),
            (
                r#"{ "name" : "a","x":1E2 }"#,
                r#"{"_meta":{"traceparent":"P"}, "name" : "a","x":1E2 }"#,
            ),
            (
                r#"{"_meta": { "p" : 1E0, "traceparent" : "Q" } , "a":1.0}"#,
                r#"{"_meta": { "p" : 1E0, "traceparent" : "P" } , "a":1.0}"#,
            ),
            (
                r#"{"_meta":{"traceparent":"Q","p":1E0,"tracestate":"r=s"}}"#,
                r#"{"_meta":{"traceparent":"P","p":1E0}}"#,
            ),
            (
                r#"{"_meta":{"traceparent":1,"traceparent":"Q"}}"#,
                r#"{"_meta":{"traceparent":"P"}}"#,
            ),
        ] {
            assert_eq!(written(params, "P", None).as_deref(), Some(told));
        }
        let stated = r#"{"_meta":{"tracestate":"r=\"s","traceparent":"Q"}}"#;
        let told = stated.replace('Q', "P");
        assert_eq!(written(stated, "P", Some("r=\"s")), Some(told));
        let other = r#"{"_meta":{"traceparent":"P","tracestate":"t=u"}}"#;
        assert_eq!(written(stated, "P", Some("t=u")).as_deref(), Some(other));
    }

    #[test]
    fn a_request_without_a_place_for_it_stays_as_it_is() {
        for params in ["[1]", "null", r#"{"_meta":null}"#, r#"{"_meta":[]}"#] {
            assert_eq!(written(params, "P", None), None, "{params}");
        }
        let frame = Frame::parse(r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#.into()).unwrap();
        assert!(told(&frame, "P", None).is_none());
    }
}
