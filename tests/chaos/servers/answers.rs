//! What servers answer over HTTP.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

fn of(status: u16, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if !kind.is_empty() {
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static(kind));
    }
    response
}

fn whole(text: impl Into<Bytes>) -> Body {
    let body = Full::new(text.into());
    body.map_err(|never| match never {}).boxed_unsync()
}

fn json_of(status: u16, message: &Value) -> Response<Body> {
    of(status, "application/json", whole(message.to_string()))
}

/// A status without a body.
pub(super) fn status(status: u16) -> Response<Body> {
    of(status, "", whole(""))
}

/// A result.
pub(super) fn result(message: &Value, result: &Value) -> Response<Body> {
    json_of(200, &answer(message, result))
}

fn answer(message: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": message["id"], "result": result})
}

/// The answer to `initialize`, which opens a session.
pub(super) fn opened(message: &Value, session: &str) -> Response<Body> {
    let mut response = result(message, &greeting("2025-11-25"));
    if let Ok(session) = HeaderValue::from_str(session) {
        response.headers_mut().insert("mcp-session-id", session);
    }
    response
}

/// What a server with sessions says of itself.
pub(super) fn greeting(revision: &str) -> Value {
    json!({
        "protocolVersion": revision, "capabilities": {"tools": {"listChanged": true}},
        "serverInfo": {"name": "chaos", "version": "0"},
    })
}

/// What one of 2026-07-28 says of itself.
pub(super) fn discovered(message: &Value) -> Response<Body> {
    let said = json!({
        "resultType": "complete", "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {"listChanged": true}},
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "chaos", "version": "0"}},
        "ttlMs": 0, "cacheScope": "public",
    });
    result(message, &said)
}

/// A method of the other era.
pub(super) fn unknown(message: &Value) -> Response<Body> {
    let error = json!({"code": -32601, "message": "no such method"});
    let answer = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
    json_of(400, &answer)
}

/// Any request, or what needs no answer.
pub(super) fn other(message: &Value) -> Response<Body> {
    match message.get("id") {
        Some(_) => result(message, &json!({"resultType": "complete"})),
        None => status(202),
    }
}

/// A stream of notifications that stays open.
pub(super) fn listening(message: &Value) -> Response<Body> {
    let wanted = &message["params"]["notifications"];
    let acknowledged = json!({
        "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
        "params": {
            "_meta": {"io.modelcontextprotocol/subscriptionId": message["id"]},
            "notifications": wanted,
        },
    });
    let forever = stream::pending::<io::Result<Frame<Bytes>>>();
    let first = Ok(Frame::data(event(&acknowledged)));
    let events = stream::iter([first]).chain(forever);
    let body = StreamBody::new(events).boxed_unsync();
    of(200, "text/event-stream", body)
}

/// What a call gives back: all of its `params`.
pub(super) fn echoed(message: &Value) -> Value {
    let params = &message["params"];
    let result = json!({"resultType": "complete", "content": [], "params": params});
    answer(message, &result)
}

/// How long the answer to a call is to take, and what progress is to be reported before.
pub(super) fn wishes(message: &Value) -> (Duration, Vec<Value>) {
    let params = &message["params"];
    let number = |key: &str| params["arguments"][key].as_u64().unwrap_or_default();
    let token = &params["_meta"]["progressToken"];
    let steps = if token.is_null() { 0 } else { number("steps") };
    let progress = (1..=steps).map(|step| {
        let params = json!({"progressToken": token, "progress": step});
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
    });
    (Duration::from_millis(number("pause")), progress.collect())
}

/// The answer to a call, as JSON or as a stream of its progress and itself.
pub(super) fn called(message: &Value) -> Response<Body> {
    let (pause, progress) = wishes(message);
    let answer = echoed(message);
    let streams = !progress.is_empty();
    let mut pieces: Vec<Bytes> = progress.iter().map(event).collect();
    pieces.push(match streams {
        true => event(&answer),
        false => answer.to_string().into(),
    });
    let last = pieces.len() - 1;
    let pieces = stream::iter(pieces.into_iter().enumerate());
    let body = pieces.then(move |(index, piece)| async move {
        if index == last && !pause.is_zero() {
            sleep(pause).await;
        }
        Ok(Frame::data(piece))
    });
    let kind = match streams {
        true => "text/event-stream",
        false => "application/json",
    };
    of(200, kind, StreamBody::new(body).boxed_unsync())
}

pub(super) fn event(message: &Value) -> Bytes {
    format!("event: message\ndata: {message}\n\n").into()
}

/// A stream that begins like this and goes on with what comes.
pub(super) fn stream(first: String, events: mpsc::Receiver<Bytes>) -> Response<Body> {
    let first = stream::iter([Bytes::from(first)]);
    let rest = stream::unfold(events, |mut events| async {
        Some((events.recv().await?, events))
    });
    let body = first.chain(rest).map(|piece| Ok(Frame::data(piece)));
    of(
        200,
        "text/event-stream",
        StreamBody::new(body).boxed_unsync(),
    )
}

/// What is no answer, each time another.
pub(super) fn garbled(number: u64) -> Response<Body> {
    let (status, kind, text) = match number % 6 {
        0 => (200, "application/json", r#"{"jsonrpc":"2.0","id":1,"res"#),
        1 => (200, "text/html", "<h1>It works!</h1>"),
        2 => (200, "application/json", ""),
        3 => (200, "text/event-stream", "data: {\"jsonrpc\":\n\n"),
        4 => (200, "application/json", r#"["?"]"#),
        _ => (200, "application/octet-stream", "\0\u{7f}\u{85}"),
    };
    of(status, kind, whole(text))
}

/// A status, each time another.
pub(super) fn failed(number: u64) -> Response<Body> {
    let code = [500, 502, 503, 429].into_iter().cycle();
    let code = code.skip(usize::try_from(number % 4).unwrap_or_default());
    of(
        code.take(1).next().unwrap_or(500),
        "text/plain",
        whole("no"),
    )
}

/// The same response, of which half of the body comes, and then the connection breaks.
pub(super) async fn cut(response: Response<Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    let body = tokio::time::timeout(Duration::from_secs(1), body.collect()).await;
    let bytes = match body {
        Ok(Ok(collected)) => collected.to_bytes(),
        _ => Bytes::new(),
    };
    let half = bytes.slice(..bytes.len() / 2);
    let pieces = [
        Ok(Frame::data(half)),
        Err(io::Error::other("cut off, as it should be")),
    ];
    let body = StreamBody::new(stream::iter(pieces)).boxed_unsync();
    Response::from_parts(head, body)
}
