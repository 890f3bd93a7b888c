//! The fast way and the sure way find the same.

mod traps;

use bytes::Bytes;
use proptest::prelude::*;

use super::{META, PARAMS, REFERENCE, decode, scan};
use crate::mcp::{Frame, Kind, Part, part::Spans};

// What the tests of whole frames are made from.
#[path = "../../../../tests/gateway/hostile.rs"]
mod hostile;

/// What the scanner is sure of, which must be what serde finds.
fn sure(text: &[u8]) -> Option<Kind> {
    let mut spans = Spans::default();
    let kind = scan::envelope(text, &mut spans);
    if let Some(kind) = kind.filter(|_| std::str::from_utf8(text).is_ok()) {
        let found = decode::envelope(text);
        let shown = String::from_utf8_lossy(text);
        assert_eq!(found.unwrap(), (kind, spans), "{shown}");
    }
    kind
}

proptest! {
    #![proptest_config(hostile::cases(2000))]

    #[test]
    fn what_is_found_fast_is_what_serde_finds(text in hostile::message(), odd in hostile::chaos()) {
        sure(text.as_bytes());
        sure(odd.as_bytes());
    }

    #[test]
    fn what_is_taken_fast_after_an_accident_serde_takes(text in hostile::damaged()) {
        sure(&text);
    }
}

#[test]
fn what_everybody_writes_is_found_fast() {
    for (text, kind) in [
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a__b","arguments":{"x":["é",{"y":-1.5e3}]},"_meta":{"progressToken":1,"x/y":true}}}"#,
            Kind::Request,
        ),
        (
            r#" {"method": "completion/complete", "params": {"ref": {"type": "ref/prompt", "name": "p"}}, "jsonrpc": "2.0", "id": "a"}"#,
            Kind::Request,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":null}"#,
            Kind::Notification,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a \"b\"\n"}],"isError":false}}"#,
            Kind::Response,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"\"}}\r\n",
            Kind::Response,
        ),
    ] {
        assert_eq!(sure(text.as_bytes()), Some(kind), "{text}");
    }
}

#[test]
fn every_key_that_serde_knows_is_found_fast() {
    let keys = |keys: &[&str]| {
        let members = keys.iter().map(|key| format!(r#""{key}":{{}}"#));
        members.collect::<Vec<_>>().join(",")
    };
    let (reference, meta) = (keys(&REFERENCE), keys(&META));
    let params = PARAMS.map(|key| match key {
        "ref" => format!(r#""ref":{{{reference}}}"#),
        "_meta" => format!(r#""_meta":{{{meta}}}"#),
        key => format!(r#""{key}":{{}}"#),
    });
    let params = params.join(",");
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{{params}}}}}"#);
    assert_eq!(sure(text.as_bytes()), Some(Kind::Request), "{text}");
}

#[test]
fn bytes_that_are_no_text_are_no_message() {
    let mut text = br#"{"jsonrpc":"2.0","id":1,"result":"  "}"#.to_vec();
    let at = text.len() - 4;
    text[at] = 0xC3;
    assert!(Frame::parse(Bytes::from(text.clone())).is_err());
    text[at + 1] = 0xA9;
    assert!(Frame::parse(Bytes::from(text)).is_ok());
}

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
