//! What must be so of any bytes that come as a stream of events.
//!
//! The first byte says how the rest is cut into chunks, and how large an event may be.

use bytes::Bytes;
use mcpgate::mcp::sse::{Decoder, Event, TooLong, event};

/// More than any event that is tried.
const PLENTY: usize = 1 << 20;
/// So few that events often have more.
const FEW: usize = 24;

pub(crate) fn check(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else {
        return;
    };
    let chunks = chunks(stream, *cut);
    let expected = events(stream);

    for pieces in [vec![stream], stream.chunks(1).collect(), chunks.clone()] {
        let (found, end) = decoded(&pieces, PLENTY);
        assert!(end.is_ok());
        assert_eq!(found, expected);
    }
    // Where an event is too long does not hang on how it arrives, and what came before it is there.
    let (whole, end) = decoded(&[stream], FEW);
    assert_eq!(whole, expected[..whole.len()]);
    for pieces in [stream.chunks(1).collect(), chunks] {
        let (found, ended) = decoded(&pieces, FEW);
        assert_eq!((found, ended.is_ok()), (whole.clone(), end.is_ok()));
    }
    assert!(whole.iter().all(|event| event.data.len() <= FEW));
    written_and_read_again(stream);
}

/// The stream cut into pieces of several sizes.
fn chunks(mut stream: &[u8], cut: u8) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    let mut size = usize::from(cut);
    while !stream.is_empty() {
        size = (size * 7 + 3) % 31;
        let (chunk, rest) = stream.split_at(size.min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}

fn decoded(chunks: &[&[u8]], limit: usize) -> (Vec<Event>, Result<(), TooLong>) {
    let mut decoder = Decoder::new(limit);
    let mut found = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.event() {
                Ok(Some(event)) => found.push(event),
                Ok(None) => break,
                Err(error) => return (found, Err(error)),
            }
        }
    }
    (found, Ok(()))
}

/// The same as WHATWG HTML §9.2.6 has it, read line by line.
fn events(stream: &[u8]) -> Vec<Event> {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let mut found = Vec::new();
    let (mut event, mut data): (Event, Option<Vec<u8>>) = Default::default();
    for line in lines(stream) {
        if line.is_empty() {
            let event = std::mem::take(&mut event);
            if let Some(data) = data.take() {
                found.push(Event {
                    data: data.into(),
                    ..event
                });
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = String::from_utf8_lossy(value).into_owned();
        match name {
            b"data" => match &mut data {
                Some(data) => data.extend([b"\n", value].concat()),
                None => data = Some(value.to_vec()),
            },
            b"event" => event.name = text,
            b"id" if !value.contains(&0) => event.id = Some(text),
            _ => {}
        }
    }
    found
}

/// The lines that have ended.
fn lines(stream: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < stream.len() {
        let end = match stream[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        if end > 0 {
            lines.push(&stream[start..at]);
            start = at + end;
        }
        at += end.max(1);
    }
    lines
}

/// What the gateway writes as an event is read as it was, except that `\r` has become a space.
fn written_and_read_again(message: &[u8]) {
    let expected: Bytes = message
        .iter()
        .map(|byte| if *byte == b'\r' { b' ' } else { *byte })
        .collect();
    let (found, end) = decoded(&[&event(Some(&7), message)], PLENTY);
    assert!(end.is_ok());
    let id = Some("7".to_owned());
    assert_eq!(
        found,
        [Event {
            name: "message".to_owned(),
            data: expected,
            id
        }]
    );
}
