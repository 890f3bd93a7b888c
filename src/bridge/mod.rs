//! Where the two sides speak different revisions: sessions on one side, requests that stand for
//! themselves (2026-07-28) on the other.
//!
//! Requests and results are edited, not rewritten: members come or go, the rest stays.

mod rounds;
mod seal;

use bytes::Bytes;

pub use rounds::{InputRequired, ask, retry};
pub use seal::Seal;

use crate::{
    call::{Client, Reply, Target},
    mcp::{Frame, Malformed, Part, fields, meta, object},
};

/// Members that only stateless results have.
const STATELESS: [&str; 3] = ["resultType", "ttlMs", "cacheScope"];

/// A session's request as a stateless one: what was said once at `initialize` is said again.
///
/// # Errors
/// When the request's `params` are not an object.
pub fn to_stateless(frame: &Frame, client: &Client) -> Result<Frame, Malformed> {
    let level = client.level().map(crate::call::Level::name);
    let members = meta::members(&client.capabilities, &client.info, level);
    with_params(frame, |params| meta::with(params, &members))
}

/// A stateless request as a session's: a server with sessions takes what it says of its revision
/// for a mistake.
///
/// # Errors
/// When the request's `params` are not an object.
pub fn to_session(frame: &Frame) -> Result<Frame, Malformed> {
    with_params(frame, |params| {
        let params = object::without(params, &["inputResponses", "requestState"]);
        meta::without(&params)
    })
}

/// A notification of a stateless server's without the mark of our subscription.
pub fn unmarked(frame: Frame) -> Frame {
    with_params(&frame, meta::unmarked).unwrap_or(frame)
}

/// A request with other `params`.
///
/// # Errors
/// When they are not what a request may have.
pub fn with_params(frame: &Frame, change: impl FnOnce(&str) -> String) -> Result<Frame, Malformed> {
    let text = std::str::from_utf8(frame.bytes()).unwrap_or_default();
    let changed = match frame.params().filter(|params| params.starts_with('{')) {
        Some(params) => {
            let span = fields::span(text, params);
            let (before, after) = (text.get(..span.start), text.get(span.end..));
            let params = change(params);
            [
                before.unwrap_or_default(),
                &params,
                after.unwrap_or_default(),
            ]
            .concat()
        }
        None => {
            let params = change("{}");
            object::with(
                &object::without(text, &["params"]),
                &format!(r#""params":{params}"#),
            )
        }
    };
    Frame::parse(changed.into())
}

/// A session's answer as a stateless one.
pub fn answer_to_stateless(reply: Reply, target: &Target) -> Reply {
    match reply {
        Reply::Whole(message) => Reply::Whole(edit(message, Part::Result, |result| {
            let typed = fields::field(result, "resultType").is_some();
            let cached = fields::field(result, "ttlMs").is_some();
            let mut members = Vec::new();
            if !typed {
                members.push(r#""resultType":"complete""#);
            }
            if !cached && matches!(target, Target::Resource(_)) {
                members.push(r#""ttlMs":0,"cacheScope":"private""#);
            }
            match members.is_empty() {
                true => result.to_owned(),
                false => object::with(result, &members.join(",")),
            }
        })),
        // 2026-07-28, Error Codes: what was -32002 is -32602.
        Reply::Failed(message) if matches!(target, Target::Resource(_)) => {
            Reply::Failed(code(message, "-32002", "-32602"))
        }
        other @ (Reply::Failed(_) | Reply::Pieces(_) | Reply::Streamed(_) | Reply::Silence) => {
            other
        }
    }
}

/// A stateless answer as a session's.
pub fn answer_to_session(reply: Reply, target: &Target) -> Reply {
    match reply {
        Reply::Whole(message) => Reply::Whole(edit(message, Part::Result, |result| {
            object::without(result, &STATELESS)
        })),
        Reply::Failed(message) if matches!(target, Target::Resource(_)) => {
            Reply::Failed(code(message, "-32602", "-32002"))
        }
        other @ (Reply::Failed(_) | Reply::Pieces(_) | Reply::Streamed(_) | Reply::Silence) => {
            other
        }
    }
}

/// A message with one part edited.
fn edit(message: Bytes, part: Part, change: impl FnOnce(&str) -> String) -> Bytes {
    let Ok(frame) = Frame::parse(message.clone()) else {
        return message;
    };
    let Some(raw) = frame.raw(part).filter(|raw| raw.starts_with('{')) else {
        return message;
    };
    let changed = change(raw);
    frame.with(&[(part, changed.as_bytes())])
}

fn code(message: Bytes, from: &str, to: &str) -> Bytes {
    edit(message, Part::Error, |error| {
        let Some(code) = fields::field(error, "code").filter(|code| *code == from) else {
            return error.to_owned();
        };
        let span = fields::span(error, code);
        let (before, after) = (error.get(..span.start), error.get(span.end..));
        [before.unwrap_or_default(), to, after.unwrap_or_default()].concat()
    })
}
