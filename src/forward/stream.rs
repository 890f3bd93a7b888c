//! The GET stream of a session: what a server says of its own accord.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method as Verb, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::sleep;

use super::{headers::LAST_EVENT, http::Http, upstream::Upstream};
use crate::{
    mcp::{Frame, Kind, Method, frame, sse::Decoder},
    refusal::Refusal,
};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How one attempt to listen ended.
enum End {
    /// The stream was there, and closed.
    Closed,
    /// The server has none: nothing to try again.
    NotOffered,
    /// The server does not know the session.
    SessionLost,
    /// The server could not be reached.
    Unreachable(Refusal),
}

/// Listens until the session is over. `session` is the client's; nothing is the gateway's own,
/// whose stream also tells whether the server is there.
pub(super) async fn listen(http: Arc<Http>, upstream: Arc<Upstream>, session: Option<Arc<str>>) {
    let over = upstream.over.clone();
    over.run_until_cancelled(repeat(&http, &upstream, session.as_deref()))
        .await;
}

async fn repeat(http: &Http, upstream: &Upstream, session: Option<&str>) {
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    loop {
        match once(http, upstream, session, &mut last).await {
            End::Closed => pause = FIRST_PAUSE,
            End::NotOffered => return,
            End::SessionLost if session.is_none() => {
                return http
                    .life()
                    .end("it forgot the gateway's session".to_owned(), Vec::new());
            }
            End::SessionLost => return, // the client's next call opens another
            End::Unreachable(refusal) if session.is_none() => {
                return http.life().end(refusal.to_string(), Vec::new());
            }
            End::Unreachable(_) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
        sleep(pause).await;
    }
}

async fn once(
    http: &Http,
    upstream: &Upstream,
    session: Option<&str>,
    last: &mut Option<String>,
) -> End {
    let mut headers = upstream.headers.clone();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("text/event-stream"),
    );
    if let Some(id) = last
        .as_deref()
        .and_then(|id| HeaderValue::from_str(id).ok())
    {
        headers.insert(LAST_EVENT, id);
    }
    let response = match http.wire.send(Verb::GET, &headers, Bytes::new()).await {
        Ok(response) => response,
        Err(refusal) => return End::Unreachable(refusal),
    };
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return End::SessionLost,
        status => {
            tracing::debug!(server = %http.server, %status, "no stream of notifications");
            return End::NotOffered;
        }
    }
    read(http, upstream, session, response.into_body(), last).await;
    End::Closed
}

async fn read(
    http: &Http,
    upstream: &Upstream,
    session: Option<&str>,
    mut body: Incoming,
    last: &mut Option<String>,
) {
    let mut decoder = Decoder::new(http.wire.max_message);
    while let Some(Ok(piece)) = body.frame().await {
        let Ok(data) = piece.into_data() else {
            continue;
        };
        decoder.push(&data);
        loop {
            let event = match decoder.event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => return tracing::warn!(server = %http.server, "{error}"),
            };
            if event.id.is_some() {
                *last = event.id;
            }
            for message in frame::split(&event.data).unwrap_or_default() {
                heard(http, upstream, session, message).await;
            }
        }
    }
}

async fn heard(http: &Http, upstream: &Upstream, session: Option<&str>, message: Bytes) {
    let Ok(frame) = Frame::parse(message) else {
        return tracing::debug!(server = %http.server, "an event is not a message");
    };
    match (frame.kind(), frame.method()) {
        (Kind::Notification, Some(Method::ListChanged(list))) => http.changes.add(list),
        (Kind::Notification, _) => http.upward.notice(&http.server, session, &[], frame),
        (Kind::Request, _) => http.reply(&upstream.headers, &frame).await,
        (Kind::Response, _) => tracing::debug!(server = %http.server, "an answer nobody waits for"),
    }
}
