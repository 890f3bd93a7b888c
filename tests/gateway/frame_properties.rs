//! Whatever comes over the wire: it breaks nothing, and what is not the gateway's stays as it is.

use bytes::Bytes;
use mcpgate::mcp::{Frame, Lines, Part, frame, message, sse};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;

use crate::hostile;

/// Every part, and where it stands.
const PARTS: [(Part, &str); 11] = [
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
];

/// A new value that leaves a message a message.
fn edits() -> impl Strategy<Value = Vec<(Part, String)>> {
    let edit = (select(PARTS.to_vec()), hostile::string()).prop_map(|((part, _), new)| (part, new));
    vec(edit, 0..6).prop_map(|mut edits| {
        let mut seen = Vec::new();
        edits.retain(|(part, _)| {
            !seen.contains(part) && {
                seen.push(*part);
                true
            }
        });
        edits
    })
}

fn apply(frame: &Frame, edits: &[(Part, String)]) -> Bytes {
    let edits: Vec<(Part, &[u8])> = edits
        .iter()
        .map(|(part, new)| (*part, new.as_bytes()))
        .collect();
    frame.with(&edits)
}

/// Where a part stands, found without the parser's own knowledge of it.
fn place(frame: &Frame, part: Part) -> Option<std::ops::Range<usize>> {
    let raw = frame.raw(part)?;
    let start = raw.as_ptr().addr() - frame.bytes().as_ptr().addr();
    Some(start..start + raw.len())
}

/// The lines that a reader finds in a pipe of that width.
fn lines(text: &[u8], width: usize) -> Vec<Bytes> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut write, read) = tokio::io::duplex(width);
        let text = text.to_vec();
        let writer = async move {
            // The reader may leave first.
            drop(tokio::io::AsyncWriteExt::write_all(&mut write, &text).await);
        };
        let reader = async {
            let (mut lines, mut found) = (Lines::new(read, 1 << 20), Vec::new());
            while let Ok(Some(line)) = lines.next().await {
                found.push(line);
            }
            found
        };
        tokio::join!(writer, reader).1
    })
}

/// What a decoder finds in a stream that breaks there.
fn decode(stream: &[u8], chunk: usize) -> Vec<Bytes> {
    let mut decoder = sse::Decoder::new(1 << 20);
    let mut found = Vec::new();
    for piece in stream.chunks(chunk) {
        decoder.push(piece);
        while let Ok(Some(event)) = decoder.event() {
            found.push(event.data);
        }
    }
    found
}

/// Everything that reads what others wrote.
fn read_in_every_way(bytes: Vec<u8>, width: usize) {
    drop(lines(&bytes, width));
    drop(decode(&bytes, width));
    let bytes = Bytes::from(bytes);
    drop(message::one_line(bytes.clone()));
    for message in frame::split(&bytes).unwrap_or_default() {
        if let Ok(frame) = Frame::parse(message) {
            let all: Vec<(Part, &[u8])> = PARTS
                .iter()
                .map(|(part, _)| (*part, b"0".as_slice()))
                .collect();
            drop((
                frame.with(&all),
                frame.params().map(str::len),
                frame.method(),
                format!("{frame:?}"),
            ));
        }
    }
}

proptest! {
    #![proptest_config(hostile::cases(300))]

    #[test]
    fn no_bytes_break_a_reader(bytes in vec(any::<u8>(), 0..300), width in 1..40_usize) {
        read_in_every_way(bytes, width);
    }

    #[test]
    fn no_damaged_message_breaks_a_reader(bytes in hostile::damaged(), width in 1..40_usize) {
        read_in_every_way(bytes, width);
    }

    #[test]
    fn a_message_that_is_one_is_taken(text in hostile::message()) {
        let parsed = Frame::parse(text.clone().into());
        prop_assert!(parsed.is_ok(), "{text}: {:?}", parsed.err());
    }

    #[test]
    fn an_edit_changes_its_part_and_no_other_byte(text in hostile::message(), edits in edits()) {
        let frame = Frame::parse(text.clone().into()).unwrap();
        let mut expected = text.clone().into_bytes();
        let mut places: Vec<_> = edits.iter()
            .filter_map(|(part, new)| Some((place(&frame, *part)?, new)))
            .collect();
        places.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        for (place, new) in places {
            expected.splice(place, new.bytes());
        }

        let edited = apply(&frame, &edits);

        prop_assert_eq!(&edited, &expected);
        let back: Vec<(Part, String)> = edits.iter()
            .filter_map(|(part, _)| Some((*part, frame.raw(*part)?.to_owned())))
            .collect();
        prop_assert_eq!(apply(&Frame::parse(edited).unwrap(), &back), text);
    }

    #[test]
    fn a_message_without_edits_is_the_same_memory(text in hostile::message()) {
        let bytes = Bytes::from(text);
        let frame = Frame::parse(bytes.clone()).unwrap();
        prop_assert_eq!(frame.with(&[]), &bytes);
        prop_assert_eq!(frame.into_bytes().as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn parts_say_what_a_json_library_says(
        text in prop_oneof![hostile::message(), hostile::chaos()],
    ) {
        let frame = Frame::parse(text.clone().into());
        let (Ok(frame), Ok(value)) = (frame, serde_json::from_str::<Value>(&text)) else {
            return Ok(());
        };
        for (part, path) in PARTS {
            let raw = frame.raw(part).map(|raw| serde_json::from_str::<Value>(raw).unwrap());
            prop_assert_eq!(raw.as_ref(), value.pointer(path), "{} of {}", path, text);
            let said = value.pointer(path).and_then(Value::as_str);
            let text_said = frame.text(part);
            prop_assert_eq!(text_said.as_deref(), said, "{} of {}", path, text);
        }
        let params = frame.params().map(|raw| serde_json::from_str::<Value>(raw).unwrap());
        prop_assert_eq!(params.as_ref(), value.get("params"));
    }

    #[test]
    fn a_batch_is_its_messages(messages in vec(hostile::message(), 1..5)) {
        let batch = Bytes::from(format!(" [{}]\n", messages.join(" ,")));
        let split = frame::split(&batch).unwrap();
        let expected: Vec<&str> = messages.iter().map(|text| text.trim()).collect();
        prop_assert_eq!(split, expected);
    }

    #[test]
    fn an_event_is_read_as_it_was_written(
        messages in vec(hostile::message(), 1..4),
        id in proptest::option::of(any::<u64>()),
        chunk in 1..50_usize,
    ) {
        let id = id.as_ref().map(|id| id as &dyn std::fmt::Display);
        let events = messages.iter().flat_map(|text| sse::event(id, text.as_bytes()));
        let stream: Vec<u8> = events.collect();
        let expected: Vec<String> = messages.iter().map(|text| text.replace('\r', " ")).collect();
        prop_assert_eq!(decode(&stream, chunk), expected);
    }

    #[test]
    fn one_line_is_one_line_and_means_the_same(
        text in prop_oneof![hostile::message(), hostile::value()],
    ) {
        let line = message::one_line(text.clone().into());
        prop_assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
        prop_assert_eq!(line.len(), text.len());
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            prop_assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), value);
        }
    }

    #[test]
    fn lines_are_what_stands_between_line_breaks(
        messages in vec(hostile::message(), 0..5),
        width in 1..200_usize,
    ) {
        let messages = messages.into_iter().map(|text| message::one_line(text.into()));
        let messages: Vec<Bytes> = messages.collect();
        let text = messages.join(b"\r\n\n".as_slice());
        prop_assert_eq!(lines(&text, width), messages);
    }
}
