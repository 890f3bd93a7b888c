//! What must be so of any bytes that come as a message.

use bytes::Bytes;
use mcpgate::{
    bridge,
    mcp::{Frame, Kind, Part, frame, message, meta, object},
};
use serde_json::{Value, value::RawValue};

/// Every part, and where it stands.
const PARTS: [(Part, &str); 17] = [
    (Part::Id, "/id"),
    (Part::Method, "/method"),
    (Part::Result, "/result"),
    (Part::Error, "/error"),
    (Part::Name, "/params/name"),
    (Part::Uri, "/params/uri"),
    (Part::RefName, "/params/ref/name"),
    (Part::RefUri, "/params/ref/uri"),
    (Part::MetaToken, "/params/_meta/progressToken"),
    (Part::Token, "/params/progressToken"),
    (Part::RequestId, "/params/requestId"),
    (Part::TaskId, "/params/taskId"),
    (
        Part::Version,
        "/params/_meta/io.modelcontextprotocol~1protocolVersion",
    ),
    (
        Part::Capabilities,
        "/params/_meta/io.modelcontextprotocol~1clientCapabilities",
    ),
    (
        Part::Info,
        "/params/_meta/io.modelcontextprotocol~1clientInfo",
    ),
    (
        Part::Level,
        "/params/_meta/io.modelcontextprotocol~1logLevel",
    ),
    (Part::Arguments, "/params/arguments"),
];

pub(crate) fn check(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    both_ways_agree(&bytes);
    batches_are_their_messages(&bytes);
    if let Ok(frame) = Frame::parse(bytes.clone()) {
        parts_are_what_json_says(&frame);
        edits_change_their_part_alone(&frame);
        who_calls_is_said_once(&frame);
    }
    let line = message::one_line(bytes.clone());
    assert_eq!(line.len(), data.len());
    assert!(!line.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
    if let Ok(text) = str::from_utf8(data) {
        members_come_and_go(text);
    }
}

/// The fast way finds what serde does, and says no in the same words.
fn both_ways_agree(bytes: &Bytes) {
    match (
        Frame::parse(bytes.clone()),
        Frame::parse_by_serde(bytes.clone()),
    ) {
        (Ok(fast), Ok(sure)) => {
            assert_eq!((fast.kind(), fast.method()), (sure.kind(), sure.method()));
            for (part, _) in PARTS {
                let places = [&fast, &sure].map(|frame| place(frame, part));
                assert_eq!(places[0], places[1], "{part:?}");
            }
        }
        (Err(fast), Err(sure)) => assert_eq!(fast.to_string(), sure.to_string()),
        (fast, sure) => panic!("fast {fast:?}, by serde {sure:?}"),
    }
}

/// Where a part stands, found without the parser's own knowledge of it.
fn place(frame: &Frame, part: Part) -> Option<(usize, usize)> {
    let raw = frame.raw(part)?;
    let start = raw.as_ptr().addr() - frame.bytes().as_ptr().addr();
    Some((start, raw.len()))
}

fn batches_are_their_messages(bytes: &Bytes) {
    let Ok(messages) = frame::split(bytes) else {
        return;
    };
    if !frame::is_batch(bytes) {
        return assert_eq!(messages, [bytes]);
    }
    let again = Bytes::from([b"[", messages.join(&b","[..]).as_slice(), b"]"].concat());
    assert_eq!(frame::split(&again).unwrap(), messages);
    assert_eq!(value(&again), value(bytes));
}

fn parts_are_what_json_says(frame: &Frame) {
    serde_json::from_slice::<&RawValue>(frame.bytes()).unwrap();
    let Some(value) = value(frame.bytes()) else {
        return; // too deep for this library, or a number beyond its own
    };
    for (part, pointer) in PARTS {
        let found = frame.raw(part).and_then(|raw| self::value(raw.as_bytes()));
        let mut said = value.pointer(pointer);
        // Of a result and an error, the one that is null counts for nothing.
        let answer = matches!(part, Part::Result | Part::Error);
        if answer && value.get("result").is_some() && value.get("error").is_some() {
            said = said.filter(|said| !said.is_null());
        }
        // Of values that are no objects, only arrays lead on.
        assert_eq!(found.as_ref(), said, "{part:?}");
        let text = said.and_then(Value::as_str);
        assert_eq!(frame.text(part).as_deref(), text, "{part:?}");
    }
    let kind = match (value.get("method"), value.get("id")) {
        (None, _) => Kind::Response,
        (Some(_), Some(_)) => Kind::Request,
        (Some(_), None) => Kind::Notification,
    };
    assert_eq!(frame.kind(), kind);
}

fn edits_change_their_part_alone(frame: &Frame) {
    let bytes = frame.bytes();
    assert_eq!(frame.with(&[]), bytes);
    for (part, _) in PARTS {
        let Some((start, length)) = place(frame, part) else {
            continue;
        };
        let new = br#""\"new\"""#;
        let edited = frame.with(&[(part, new)]);
        assert_eq!(edited[..start], bytes[..start], "{part:?}");
        assert_eq!(edited[start..start + new.len()], new[..], "{part:?}");
        assert_eq!(
            edited[start + new.len()..],
            bytes[start + length..],
            "{part:?}"
        );
        let again = Frame::parse(edited).unwrap();
        assert_eq!(again.kind(), frame.kind(), "{part:?}");
        for (other, _) in PARTS {
            let said = if other == part {
                str::from_utf8(new).ok()
            } else {
                frame.raw(other)
            };
            assert_eq!(again.raw(other), said, "{other:?} when {part:?} changes");
        }
    }
    let all = PARTS.map(|(part, _)| (part, &br#""new""#[..]));
    let edited = Frame::parse(frame.with(&all)).unwrap();
    let back: Vec<(Part, &[u8])> = PARTS
        .iter()
        .filter_map(|(part, _)| Some((*part, frame.raw(*part)?.as_bytes())))
        .collect();
    assert_eq!(edited.with(&back), bytes);
}

/// Whatever a client says of who it is, a server hears what the gateway says, and once.
fn who_calls_is_said_once(frame: &Frame) {
    if frame.kind() != Kind::Request {
        return;
    }
    let said = bridge::with_params(frame, |params| meta::with_caller(params, r#"{"id":"us"}"#));
    let before = value(frame.bytes());
    let Ok(said) = said else {
        let meta = before
            .as_ref()
            .and_then(|value| value.pointer("/params/_meta"));
        return assert!(before.is_none() || meta.is_some_and(|meta| !meta.is_object()));
    };
    let Some(mut after) = value(said.bytes()) else {
        return assert_eq!(before, None);
    };
    let meta = after
        .pointer_mut("/params/_meta")
        .and_then(Value::as_object_mut)
        .unwrap();
    let mut callers = meta
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(meta::CALLER));
    let (name, caller) = callers.next().unwrap();
    assert_eq!(
        (name.as_str(), &caller["id"]),
        (meta::CALLER, &Value::from("us"))
    );
    assert_eq!(callers.next(), None);
    assert_eq!(said.raw(Part::Arguments), frame.raw(Part::Arguments));
}

fn members_come_and_go(text: &str) {
    let Ok(members) = object::members(text) else {
        return;
    };
    for (_, place) in &members {
        assert!(text[place.clone()].starts_with('"'));
    }
    let whole = value(text.as_bytes());
    assert_eq!(value(object::without(text, &[]).as_bytes()), whole);
    let Some(Value::Object(whole)) = whole else {
        return;
    };
    if let Some((name, _)) = members.first() {
        let mut less = whole.clone();
        less.remove(name);
        let without = object::without(text, &[name]);
        assert_eq!(value(without.as_bytes()), Some(Value::Object(less)));
    }
    let mut more = whole;
    more.entry("new").or_insert(Value::from(1));
    let with = object::with(text, r#""new":1"#);
    assert_eq!(value(with.as_bytes()), Some(Value::Object(more)));
}

fn value(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}
