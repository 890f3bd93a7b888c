//! What a fast reader might take and must not.

use bytes::Bytes;

use super::sure;
use crate::mcp::{Frame, Part};

/// Messages with a value in each place where one is passed over or kept.
fn around(value: &str) -> [String; 6] {
    let call =
        |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
    [
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{value}}}"#),
        format!(r#"{{"x":{value},"jsonrpc":"2.0","id":1,"error":[{{"a":{value} }}]}}"#),
        call(&format!(r#"{{"arguments":{{"a":[{value}]}}}}"#)),
        call(&format!(r#"{{"_meta":{{"progressToken":{value},"b":1}}}}"#)),
        call(&format!(r#"{{"ref":{{"a":{value},"name":{value}}}}}"#)),
        call(&format!(r#"{{"_meta":{value},"ref":{value}}}"#)),
    ]
}

#[test]
fn a_value_that_is_none_is_refused_wherever_it_stands() {
    let values = [
        "01",
        "-01",
        "1.",
        "1.e2",
        ".5",
        "+1",
        "-",
        "-a",
        "1e",
        "1e+",
        "0x1",
        "1 2",
        "nul",
        "null0",
        "tr",
        "True",
        "NaN",
        "'a'",
        "\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\x\"",
        "\"\\\"",
        "\"\u{1}\"",
        "\"a\nb\"",
        "\"\0\"",
        "[",
        "]",
        "[1,]",
        "[,]",
        "[1 2]",
        "[}",
        "{]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":1",
        "\u{b}1",
        "1\u{c}",
        "\u{a0}1",
        "\u{feff}1",
        "\0",
    ];
    for text in values.iter().flat_map(|value| around(value)) {
        assert_eq!(sure(text.as_bytes()), None, "{text}");
        assert!(Frame::parse(Bytes::from(text.clone())).is_err(), "{text}");
    }
}

#[test]
fn a_value_is_found_fast_wherever_it_stands() {
    let values = [
        "0",
        "-0",
        "10",
        "1.0",
        "-1.50",
        "1e400",
        "1E+2",
        "1.0e-3",
        "null",
        "true",
        "false",
        "\"\"",
        "\"\\ud800\"",
        "\"\\u00E9\\/\"",
        "\"\u{7f}é\u{2028}\"",
        "[]",
        "[ ]",
        "{ }",
        "[[],{}]",
        "{\"a\":{\"a\":[]},\"a\":\"}\"}",
        " \t\r\n1 \t\r\n",
    ];
    for text in values.iter().flat_map(|value| around(value)) {
        assert!(sure(text.as_bytes()).is_some(), "{text}");
    }
}

#[test]
fn strings_of_every_length_end_where_they_end() {
    for length in 0..200 {
        for (piece, fine) in [
            ("", true),
            ("\\\"", true),
            ("\\\\", true),
            ("\\u00e9", true),
            ("é", true),
            ("\u{1f}", false),
            ("\\", false),
            ("\"", false),
            ("\\u1", false),
        ] {
            let value = format!(
                "\"{}{piece}{}\"",
                "a".repeat(length),
                "z".repeat(length % 41)
            );
            for text in around(&value) {
                assert_eq!(sure(text.as_bytes()).is_some(), fine, "{text}");
            }
        }
    }
}

#[test]
fn a_message_may_be_deeper_than_is_kept_count_of() {
    for depth in [1, 2, 60, 61, 62, 63, 64, 65, 127, 128, 129, 1000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{value}}}"#);
            sure(text.as_bytes());
            let frame = Frame::parse(Bytes::from(text)).unwrap();
            assert_eq!(frame.raw(Part::Result), Some(value.as_str()));
        }
    }
}

#[test]
fn what_is_written_as_nobody_writes_it_is_left_to_serde() {
    let call =
        |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
    let plain = call("{}");
    for (text, message) in [
        (format!("{plain} x"), false),
        (format!("{plain}{plain}"), false),
        (format!("{plain}\0"), false),
        (format!("{plain}\u{c}"), false),
        (format!("\u{feff}{plain}"), false),
        (plain.replace("{}}", "{},}"), false),
        (plain.replace("2.0", "2.1"), false),
        (plain.replace("2.0", r"2\u002e0"), false),
        (plain.replace("\"id\":1", "\"id\":1,\"id\":1"), false),
        (plain.replace("\"id\":1", "\"id\":1,\"ID\":1"), false),
        (plain.replace("\"id\":1", "\"id\":null"), false),
        (plain.replace("\"id\"", r#""i\u0064""#), true),
        (plain.replace("\"id\"", r#""é":1,"id""#), true),
        (plain.replace("params", "paramſ"), false),
        (call("1"), false),
        (call("{},\"params\":{}"), false),
        (call(r#"{"_meta":{},"_meta":{}}"#), false),
        (
            call(r#"{"_meta":{"progressToken":1,"progressToken":1}}"#),
            false,
        ),
        (call(r#"{"_meta":{"progresstoken":1}}"#), false),
        (call(r#"{"_meta":{"progress\u0054oken":1}}"#), true),
        (call(r#"{"ref":{"uri":1,"uri":1}}"#), false),
        (call(r#"{"ref":1,"ref":1}"#), false),
        (call(r#"{"ref":{"Name":1}}"#), false),
        (call(r#"{"taskId":"1","TaskId":"1"}"#), false),
    ] {
        assert_eq!(sure(text.as_bytes()), None, "{text}");
        assert_eq!(
            Frame::parse(Bytes::from(text.clone())).is_ok(),
            message,
            "{text}"
        );
    }
}
