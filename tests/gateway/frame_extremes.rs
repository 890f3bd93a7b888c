//! Messages that are doubled, deep or huge.

use bytes::Bytes;
use mcpgate::mcp::{Frame, Part, frame, sse};

/// Messages with an owned key twice, or nearly, at that place.
fn doubled(place: &str, second: &str) -> String {
    let at = |here: &str| {
        if place == here {
            format!(",\"{second}\":\"2\"")
        } else {
            String::new()
        }
    };
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"name":"a","uri":"b","requestId":1,"progressToken":1,"ref":{{"name":"n","uri":"u"{}}},"_meta":{{"progressToken":1{}}},"arguments":{{"name":1{}}}{}}}{}}}"#,
        at("ref"),
        at("_meta"),
        at("arguments"),
        at("params"),
        at("top"),
    )
}

#[test]
fn an_owned_key_that_stands_twice_is_refused_in_every_spelling_and_elsewhere_it_is_data() {
    for (place, keys) in [
        (
            "top",
            vec!["jsonrpc", "id", "method", "params", "result", "error"],
        ),
        (
            "params",
            vec!["name", "uri", "ref", "_meta", "progressToken", "requestId"],
        ),
        ("ref", vec!["name", "uri"]),
        ("_meta", vec!["progressToken"]),
    ] {
        for key in keys {
            let escaped: String = key
                .chars()
                .map(|c| format!("\\u{:04X}", u32::from(c)))
                .collect();
            let (upper, long) = (
                key.to_uppercase(),
                key.replace('s', "ſ").replace('k', "\u{212A}"),
            );
            for second in [key, &escaped, &upper, &long] {
                let text = doubled(place, second);
                assert!(Frame::parse(text.clone().into()).is_err(), "{text}");
                let elsewhere = doubled("arguments", second);
                assert!(Frame::parse(elsewhere.into()).is_ok(), "{second}");
            }
        }
    }
    assert!(Frame::parse(doubled("nowhere", "").into()).is_ok());
}

#[test]
fn depth_and_size_break_nothing() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let maps = |levels: usize| format!("{}1{}", r#"{"id":"#.repeat(levels), "}".repeat(levels));
    let long = "é".repeat(5 << 20);
    for inner in [
        deep(10_000),
        maps(10_000),
        format!("\"{long}\""),
        deep(1_000_000),
    ] {
        for text in [
            format!(
                r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"a","arguments":{inner}}}}}"#
            ),
            format!(r#"{{"jsonrpc":"2.0","id":7,"result":{inner}}}"#),
            format!(r#"{{"x":{inner},"jsonrpc":"2.0","id":7,"method":"m","params":[{inner}]}}"#),
        ] {
            let bytes = Bytes::from(text);
            let frame = Frame::parse(bytes.clone()).unwrap();
            assert_eq!(frame.with(&[(Part::Id, b"7")]), bytes);
            assert_eq!(
                frame::split(&Bytes::from(format!("[{}]", text_of(&bytes)))).unwrap(),
                [&bytes]
            );
        }
        let event = sse::event(None, inner.as_bytes());
        let mut decoder = sse::Decoder::new(1 << 25);
        decoder.push(&event);
        assert_eq!(decoder.event().unwrap().unwrap().data, inner);
        for shape in [
            deep(10_000),
            maps(10_000),
            "[".repeat(1_000_000),
            "{\"params\":".repeat(100_000),
        ] {
            assert!(Frame::parse(shape.into()).is_err());
        }
    }
}

fn text_of(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
