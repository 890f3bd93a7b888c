//! What a server of 2026-07-28 says of its own accord: one `subscriptions/listen` for the
//! gateway, opened anew when other resources are to be watched.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::Method as Verb;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::sleep;

use super::{
    outlet::Audience,
    stateless::{Stateless, own_members},
};
use crate::{
    bridge,
    mcp::{
        Frame, Kind, Method, frame,
        message::{self, json},
        meta,
        sse::Decoder,
    },
};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How one stream ended.
enum End {
    /// It closed.
    Closed,
    /// Other resources are to be watched.
    Rewatch,
    /// The server does not offer it.
    NotOffered,
    /// The server is not there.
    Gone(String),
}

/// What to hear of, as the filter of the request.
pub(super) fn params(watched: &[String]) -> String {
    let resources = match watched.is_empty() {
        true => String::new(),
        false => format!(r#","resourceSubscriptions":{}"#, json(&watched)),
    };
    let all = r#""toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true"#;
    meta::with(
        &format!(r#"{{"notifications":{{{all}{resources}}}}}"#),
        &own_members(),
    )
}

/// Listens until the server is let go.
pub(super) async fn listen(server: Arc<Stateless>) {
    let over = server.over.clone();
    over.run_until_cancelled(repeat(&server)).await;
}

async fn repeat(server: &Stateless) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = tokio::time::Instant::now();
        match once(server).await {
            End::NotOffered => return,
            End::Gone(reason) => return server.life().end(reason, Vec::new()),
            End::Rewatch => {}
            End::Closed if started.elapsed() > LONGEST_PAUSE => pause = FIRST_PAUSE,
            End::Closed => {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn once(server: &Stateless) -> End {
    let watched: Vec<String> = {
        let watched = server
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        watched.iter().cloned().collect()
    };
    let headers = server.headers(Method::SubscriptionsListen.name(), None);
    let body = message::request(0, Method::SubscriptionsListen, &params(&watched));
    let response = match server.wire.send(Verb::POST, &headers, body).await {
        Ok(response) => response,
        Err(refusal) => return End::Gone(refusal.to_string()),
    };
    let kind = response.headers().get(http::header::CONTENT_TYPE);
    let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if !response.status().is_success() || !streams {
        return End::NotOffered;
    }
    tokio::select! {
        () = read(server, response.into_body()) => End::Closed,
        () = server.rewatch.notified() => End::Rewatch,
    }
}

async fn read(server: &Stateless, mut body: Incoming) {
    let mut decoder = Decoder::new(server.wire.max_message);
    while let Some(Ok(piece)) = body.frame().await {
        let Ok(data) = piece.into_data() else {
            continue;
        };
        decoder.push(&data);
        loop {
            match decoder.event() {
                Ok(Some(event)) => heard(server, &event.data),
                Ok(None) => break,
                Err(error) => {
                    return tracing::warn!(server = %server.wire.outlet.server, "{error}");
                }
            }
        }
    }
}

fn heard(server: &Stateless, data: &Bytes) {
    let outlet = &server.wire.outlet;
    for message in frame::split(data).unwrap_or_default() {
        let Ok(frame) = Frame::parse(message) else {
            continue;
        };
        match (frame.kind(), frame.method()) {
            (Kind::Notification, Some(Method::ListChanged(list))) => outlet.changes.add(list),
            (Kind::Notification, Some(Method::SubscriptionsAcknowledged)) => {}
            (Kind::Notification, _) => {
                outlet.notice(Audience::Everybody, &[], bridge::unmarked(frame));
            }
            (Kind::Request | Kind::Response, _) => {}
        }
    }
}
