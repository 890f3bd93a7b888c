//! What a server of 2026-07-28 says of its own accord: one `subscriptions/listen` for the
//! gateway, opened anew when other resources are to be watched.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method as Verb;
use http_body_util::BodyExt;
use tokio::time::{sleep, timeout};

use super::{
    http1::Incoming,
    outlet::Audience,
    server::COURTESY,
    stateless::{Stateless, own_members},
    watched::Reader,
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

/// How long the stream before it is still read.
const GRACE: Duration = Duration::from_secs(1);

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

/// How long nobody listens after a stream has closed: longer each time.
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    /// Waits; not at all after a stream that stood for long.
    pub(super) async fn after(&mut self, stood: Duration) {
        if stood > LONGEST_PAUSE {
            self.0 = FIRST_PAUSE;
            return;
        }
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
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

/// The gateway, listening to one server.
struct Listener<'a> {
    server: &'a Stateless,
    wanted: Reader,
    /// The stream before, which is read until the next one is acknowledged: nothing is missed.
    before: Option<Stream>,
    /// Nobody has listened for a while.
    missed: bool,
    pause: Pause,
}

/// Listens until the server is let go.
pub(super) async fn listen(server: Arc<Stateless>) {
    let mut listener = Listener {
        server: &server,
        wanted: server.watched.reader(),
        before: None,
        missed: false,
        pause: Pause::default(),
    };
    server.over.run_until_cancelled(listener.repeat()).await;
}

impl Listener<'_> {
    async fn repeat(&mut self) {
        loop {
            let started = tokio::time::Instant::now();
            match self.once().await {
                End::NotOffered => {
                    self.server.watched.unknown();
                    return self.server.life().set_mute();
                }
                End::Gone(reason) => return self.server.life().end(reason, Vec::new()),
                End::Rewatch => {}
                End::Closed => {
                    self.missed = true;
                    self.pause.after(started.elapsed()).await;
                }
            }
        }
    }

    /// One stream.
    async fn once(&mut self) -> End {
        let server = self.server;
        let (watched, change) = self.wanted.now();
        let mut old = self.before.take();
        let mut stream = tokio::select! {
            opened = Stream::open(server, &watched) => match opened {
                Ok(stream) => stream,
                Err(end) => return end,
            },
            never = drain(server, &mut old) => match never {},
        };
        server.watched.known(change);
        if std::mem::take(&mut self.missed) {
            server.wire.outlet.changes.add_all();
        }
        // What was said on the old one before that may still be on its way.
        let rest = async {
            drop(timeout(GRACE, drain(server, &mut old)).await);
            drop(old.take());
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            never = rest => match never {},
            () = stream.read(server) => return End::Closed,
            () = self.wanted.changed() => {}
        }
        self.before = Some(stream);
        End::Rewatch
    }
}

/// Reads what is left of a stream.
async fn drain(server: &Stateless, stream: &mut Option<Stream>) -> Infallible {
    if let Some(stream) = stream {
        stream.read(server).await;
    }
    std::future::pending().await
}

struct Stream {
    body: Incoming,
    decoder: Decoder,
}

impl Stream {
    /// Opens a stream; it is there once the server has said so.
    async fn open(server: &Stateless, watched: &[String]) -> Result<Self, End> {
        let headers = server.headers(Method::SubscriptionsListen.name(), None);
        let body = message::request(0, Method::SubscriptionsListen, &params(watched));
        let response = match server.wire.send(Verb::POST, &headers, body).await {
            Ok(response) => response,
            Err(refusal) => return Err(End::Gone(refusal.to_string())),
        };
        let kind = response.kind.as_ref();
        let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !response.status.is_success() || !streams {
            return Err(End::NotOffered);
        }
        let mut stream = Self {
            body: response.body,
            decoder: Decoder::new(server.wire.max_message),
        };
        let acknowledged = async {
            loop {
                match stream.piece(server).await {
                    Some(0) => {}
                    Some(_events) => return true,
                    None => return false,
                }
            }
        };
        match timeout(COURTESY, acknowledged).await {
            Ok(false) => Err(End::Closed),
            Ok(true) | Err(_) => Ok(stream),
        }
    }

    /// Reads it to its end.
    async fn read(&mut self, server: &Stateless) {
        while self.piece(server).await.is_some() {}
    }

    /// Reads one piece; gives the number of events that it completes.
    async fn piece(&mut self, server: &Stateless) -> Option<usize> {
        if let Ok(data) = self.body.frame().await?.ok()?.into_data() {
            self.decoder.push(&data);
        }
        let mut events = 0;
        loop {
            match self.decoder.event() {
                Ok(Some(event)) => {
                    heard(server, &event.data);
                    events += 1;
                }
                Ok(None) => return Some(events),
                Err(error) => {
                    tracing::warn!(server = %server.wire.outlet.server, "{error}");
                    return None;
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
