//! The GET stream of a session: what a server says of its own accord.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method as Verb, StatusCode, header};
use http_body_util::BodyExt;
use tokio::{sync::oneshot, time::sleep};

use super::{
    headers::LAST_EVENT, http::Http, http1::Incoming, outlet::Audience, questions::Questions,
    upstream::Upstream,
};
use crate::{
    call::Client,
    mcp::{
        Frame, Kind, Method, Part, frame,
        sse::{Decoder, Event},
    },
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

/// One session's stream. Without a client it is the gateway's own, whose stream also tells
/// whether the server is there.
struct Listener {
    http: Arc<Http>,
    upstream: Arc<Upstream>,
    client: Option<Arc<Client>>,
    /// Who waits for the first answer.
    answered: Option<oneshot::Sender<()>>,
    /// The last event that came, and how long to wait before coming back for the next.
    last: Option<String>,
    pause: Duration,
    /// What the server has asked.
    asked: Questions,
}

/// Listens until the session is over. Gives word when the server has answered for the first time.
pub(super) fn listen(
    http: &Arc<Http>,
    upstream: &Arc<Upstream>,
    client: Option<&Arc<Client>>,
) -> oneshot::Receiver<()> {
    let (answered, ready) = oneshot::channel();
    let mut listener = Listener {
        http: http.clone(),
        upstream: upstream.clone(),
        client: client.cloned(),
        answered: Some(answered),
        last: None,
        pause: FIRST_PAUSE,
        asked: Questions::default(),
    };
    let over = upstream.over.clone();
    tokio::spawn(async move { over.run_until_cancelled(listener.repeat()).await });
    ready
}

/// The headers of a GET that goes on after an event.
pub(super) fn resuming(headers: &HeaderMap, last: Option<&str>) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("text/event-stream"),
    );
    if let Some(id) = last.and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert(LAST_EVENT, id);
    }
    headers
}

impl Listener {
    async fn repeat(&mut self) {
        loop {
            let own = self.client.is_none();
            match self.once().await {
                End::Closed => {}
                End::NotOffered if own => return self.http.life().set_mute(),
                End::NotOffered => return,
                End::SessionLost if own => {
                    let words = "it has forgotten the gateway's session".to_owned();
                    return self.http.life().end(words, Vec::new());
                }
                End::SessionLost => return, // the client's next call opens another
                End::Unreachable(refusal) if own => {
                    return self.http.life().end(refusal.to_string(), Vec::new());
                }
                End::Unreachable(_) => self.pause = (self.pause * 2).min(LONGEST_PAUSE),
            }
            sleep(self.pause).await;
        }
    }

    async fn once(&mut self) -> End {
        let headers = resuming(&self.upstream.last(), self.last.as_deref());
        let sent = self.http.wire.send(Verb::GET, &headers, Bytes::new()).await;
        // Whoever waited may have stopped waiting.
        self.answered.take().map(|answered| answered.send(()));
        let response = match sent {
            Ok(response) => response,
            Err(refusal) => return End::Unreachable(refusal),
        };
        match response.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return End::SessionLost,
            status => {
                let server = &self.http.wire.outlet.server;
                tracing::debug!(%server, %status, "no stream of notifications");
                return End::NotOffered;
            }
        }
        self.pause = FIRST_PAUSE;
        self.read(response.body).await;
        End::Closed
    }

    async fn read(&mut self, mut body: Incoming) {
        let mut decoder = Decoder::new(self.http.wire.max_message);
        while let Some(Ok(piece)) = body.frame().await {
            let Ok(data) = piece.into_data() else {
                continue;
            };
            decoder.push(&data);
            loop {
                match decoder.event() {
                    Ok(Some(event)) => self.heard(event).await,
                    Ok(None) => break,
                    Err(error) => {
                        return tracing::warn!(server = %self.http.wire.outlet.server, "{error}");
                    }
                }
            }
        }
        if let Some(retry) = decoder.retry() {
            self.pause = retry.min(LONGEST_PAUSE);
        }
    }

    async fn heard(&mut self, event: Event) {
        if event.id.is_some() {
            self.last = event.id;
        }
        if event.data.is_empty() {
            return;
        }
        for message in frame::split(&event.data).unwrap_or_default() {
            let Ok(frame) = Frame::parse(message) else {
                tracing::debug!(server = %self.http.wire.outlet.server, "an event is not a message");
                continue;
            };
            self.take(frame).await;
        }
    }

    async fn take(&mut self, frame: Frame) {
        let outlet = &self.http.wire.outlet;
        let audience = match &self.client {
            Some(client) => Audience::Session(&client.session),
            None => Audience::Everybody,
        };
        match (frame.kind(), frame.method()) {
            (Kind::Notification, Some(Method::ListChanged(list))) => outlet.changes.add(list),
            (Kind::Notification, Some(Method::Cancelled)) => self.asked.take_back(&frame),
            (Kind::Notification, _) => outlet.notice(audience, &[], frame),
            (Kind::Request, _) => Box::pin(self.questioned(frame)).await,
            (Kind::Response, _) => {
                tracing::debug!(server = %outlet.server, "an answer nobody awaits");
            }
        }
    }

    async fn questioned(&mut self, question: Frame) {
        let client = self.client.as_ref();
        let client = client.filter(|_| !super::is_for_us(&question));
        let (Some(client), Some(open)) = (client, self.asked.open(&question)) else {
            let declined = super::decline(&question);
            return self.http.wire.reply(&self.upstream.last(), declined).await;
        };
        let outlet = &self.http.wire.outlet;
        let asked = outlet
            .upward
            .question(&outlet.server, client, question.clone());
        let (http, upstream) = (self.http.clone(), self.upstream.clone());
        tokio::spawn(async move {
            let asking = open.answered(asked);
            let answered = match upstream.over.run_until_cancelled(asking).await {
                Some(None) => return, // taken back
                answered => answered.flatten(),
            };
            let id = question.raw(Part::Id).unwrap_or("null").as_bytes();
            let answer = match answered.flatten() {
                Some(answer) => answer.with(&[(Part::Id, id)]),
                None => super::decline(&question),
            };
            http.wire.reply(&upstream.last(), answer).await;
        });
    }
}
