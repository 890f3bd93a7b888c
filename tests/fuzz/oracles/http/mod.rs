//! What must be so of any bytes that come to the HTTP entry.
//!
//! A whole gateway listens on a socket of its own: callers are asked who they are, and `guest` may
//! do little. Bytes that begin like JSON are bodies, one in each line, and are posted by a good
//! client, all at once. Anything else is sent as it is, with `{session}` replaced.

mod reply;
mod there;

use mcpgate::mcp::{Frame, Kind, Part, frame, header};
use reply::{Body, Reply, replies};
use there::{HIDDEN, KEY, There};

thread_local! {
    // Never dropped: at the end of a thread there is no context any more to do that in.
    static THERE: &'static There = Box::leak(Box::new(There::start()));
}

pub(crate) fn check(data: &[u8]) {
    THERE.with(|there| {
        match data.first() {
            Some(b'{' | b'[') => bodies_are_answered(there, data),
            _ => bytes_do_no_harm(there, data),
        }
        there.end_sessions();
    });
}

fn bytes_do_no_harm(there: &There, data: &[u8]) {
    let data = with_session(there, data);
    let (sent, reset) = there.send(&data);
    let heads_only = contains(&data, b"HEAD");
    let Some((all, _)) = replies(&sent, heads_only, reset) else {
        return;
    };
    if !contains(&data, KEY.as_bytes()) {
        all.iter().for_each(tells_strangers_nothing);
    }
    if !contains(&data, HIDDEN.as_bytes()) {
        assert!(
            !contains(&sent, HIDDEN.as_bytes()),
            "a guest hears of {HIDDEN}"
        );
    }
}

fn with_session(there: &There, data: &[u8]) -> Vec<u8> {
    const PLACE: &[u8] = b"{session}";
    let Some(at) = data.windows(PLACE.len()).position(|window| window == PLACE) else {
        return data.to_vec();
    };
    let session = there.session();
    [&data[..at], session.as_bytes(), &data[at + PLACE.len()..]].concat()
}

/// Who shows no key learns that the gateway lives, and no more.
fn tells_strangers_nothing(reply: &Reply) {
    if (200..300).contains(&reply.status) {
        let text = reply.body.text();
        let probe = text.starts_with(r#"{"status":""#) && text.len() < 30;
        let metrics = reply.kind.starts_with("text/plain; version=0.0.4");
        assert!(
            probe || metrics || text.is_empty(),
            "a stranger is told {text}"
        );
    }
    assert!(!reply.opens_session, "a stranger has a session");
}

fn bodies_are_answered(there: &There, data: &[u8]) {
    let bodies: Vec<&[u8]> = data.split(|byte| *byte == b'\n').take(8).collect();
    let session = there.session();
    let known = format!("Authorization: Bearer {KEY}\r\nMcp-Session-Id: {session}\r\n");
    let (sent, _) = there.send(&posts(&bodies, &known));
    let (all, whole) = replies(&sent, false, false).unwrap();
    // What follows a stream waits for its end.
    assert!(
        !whole || all.len() == bodies.len(),
        "{} of {}",
        all.len(),
        bodies.len()
    );
    for (body, reply) in bodies.iter().zip(&all) {
        is_answered(body, reply);
    }
    if !contains(data, HIDDEN.as_bytes()) {
        assert!(
            !contains(&sent, HIDDEN.as_bytes()),
            "a guest hears of {HIDDEN}"
        );
    }

    let strange = format!("Mcp-Session-Id: {session}\r\n");
    let (sent, _) = there.send(&posts(&bodies, &strange));
    let (all, _) = replies(&sent, false, false).unwrap();
    assert!(all.iter().all(|reply| reply.status == 401));
}

/// These bodies as a good client posts them.
fn posts(bodies: &[&[u8]], known: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for body in bodies {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n{known}",
            body.len()
        );
        out.extend(head.as_bytes());
        out.extend(stateless(body).unwrap_or_default());
        out.extend(b"\r\n");
        out.extend(*body);
    }
    out
}

/// What a request that stands for itself says in headers.
fn stateless(body: &[u8]) -> Option<Vec<u8>> {
    let frame = Frame::parse(body.to_vec().into()).ok()?;
    let version = header::encode(&frame.text(Part::Version)?)?;
    let method = header::encode(&frame.method_name())?;
    let mut out = Vec::new();
    let mut add = |name: &str, value: &[u8]| {
        out.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    };
    add("Mcp-Protocol-Version", version.as_bytes());
    add("Mcp-Method", method.as_bytes());
    let name = frame.text(Part::Name).or_else(|| frame.text(Part::Uri));
    if let Some(name) = name.and_then(|name| header::encode(&name)) {
        add("Mcp-Name", name.as_bytes());
    }
    Some(out)
}

fn is_answered(body: &[u8], reply: &Reply) {
    assert_ne!(reply.status, 401, "{}", reply.body.text());
    assert!(
        reply.status < 500 || reply.status == 503,
        "{}",
        reply.status
    );
    let Ok(frame) = Frame::parse(body.to_vec().into()) else {
        if !frame::is_batch(body) {
            assert_eq!(reply.status, 400, "{}", reply.body.text());
        }
        return;
    };
    if frame.kind() != Kind::Request {
        return assert!(matches!(reply.status, 202 | 400), "{}", reply.status);
    }
    let answers = match &reply.body {
        Body::Whole(text) => vec![Frame::parse(text.clone()).unwrap()],
        Body::Stream(_) if !reply.ended => return,
        Body::Stream(messages) => messages.clone(),
    };
    let mut answers = answers
        .iter()
        .filter(|message| message.kind() == Kind::Response);
    let answer = answers.next().unwrap();
    assert_eq!(
        answer.raw(Part::Id),
        frame.raw(Part::Id),
        "the id that was asked with"
    );
    assert!(answers.next().is_none(), "a second answer");
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
