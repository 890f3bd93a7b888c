//! One server over HTTP, and the mood it is in.

use std::{
    collections::HashMap,
    future::pending,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answers::{self, Body};
use crate::{
    cast::{Actor, Speech},
    ledger::Ledger,
};

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It answers.
    Well,
    /// It never answers.
    Hang,
    /// What it answers is none.
    Garble,
    /// Its answers end in the middle.
    Cut,
    /// It answers with a status.
    Fail,
}

/// The stream of a session, if it has one.
pub(super) type Stream = Option<mpsc::Sender<Bytes>>;

/// One server.
pub(crate) struct Peer {
    pub(super) actor: &'static Actor,
    ledger: Arc<Ledger>,
    mood: Mutex<Mood>,
    number: AtomicU64,
    sessions: Mutex<HashMap<String, Stream>>,
}

impl Peer {
    pub(super) fn new(actor: &'static Actor, ledger: Arc<Ledger>) -> Self {
        Self {
            actor,
            ledger,
            mood: Mutex::new(Mood::Well),
            number: AtomicU64::new(0),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, HashMap<String, Stream>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what it does: a new number each time.
    pub(super) fn number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// Behaves like this from now on.
    pub(crate) fn feel(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Knows no session any more, as after a restart.
    pub(crate) fn forget(&self) {
        self.sessions().clear();
    }

    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mood = *self.mood.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.number();
        match mood {
            Mood::Hang => {
                // It has been asked all the same: it may be that it has done it.
                self.done(&body);
                pending().await
            }
            Mood::Garble => {
                self.done(&body);
                Ok(answers::garbled(number))
            }
            Mood::Fail => Ok(answers::failed(number)),
            Mood::Well | Mood::Cut if self.actor.speech == Speech::Legacy => {
                Ok(self.legacy(&head, &body, mood))
            }
            Mood::Well => Ok(self.reply(&head, &body)),
            Mood::Cut => Ok(answers::cut(self.reply(&head, &body)).await),
        }
    }

    /// A call has been read, which must not be asked for again.
    fn done(&self, body: &Bytes) {
        if let Ok(message) = serde_json::from_slice::<Value>(body) {
            self.note(&message);
        }
    }

    /// Notes a call; gives its nonce.
    pub(super) fn note(&self, message: &Value) -> Option<u64> {
        let params = &message["params"];
        let nonce = params["arguments"]["nonce"].as_str()?.parse().ok()?;
        let tool = params["name"].as_str()?;
        self.ledger.executed(nonce, tool);
        if tool != self.actor.tool() {
            let name = self.actor.name;
            let words = format!("{name} was asked for {tool}, which nobody may call there");
            self.ledger.fault(words);
        }
        Some(nonce)
    }

    fn reply(&self, head: &Parts, body: &Bytes) -> Response<Body> {
        let session = head.headers.get("mcp-session-id");
        let session = session.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let keeps = self.actor.speech == Speech::Sessions;
        match head.method {
            Method::DELETE => {
                self.sessions().remove(session);
                return answers::status(204);
            }
            Method::GET if keeps => return self.stream(session),
            Method::POST => {}
            _ => return answers::status(405),
        }
        let Ok(message) = serde_json::from_slice::<Value>(body) else {
            return answers::status(400);
        };
        let method = message["method"].as_str().unwrap_or_default();
        if !keeps {
            return self.stateless(method, &message);
        }
        if method == "initialize" {
            let id = format!("s-{}", self.number());
            self.sessions().insert(id.clone(), None);
            return answers::opened(&message, &id);
        }
        if method == "server/discover" {
            return answers::unknown(&message);
        }
        if !self.sessions().contains_key(session) {
            return answers::status(404);
        }
        match method {
            "tools/list" => answers::result(&message, &self.tools()),
            "tools/call" => self.call(&message),
            _ => answers::other(&message),
        }
    }

    fn stateless(&self, method: &str, message: &Value) -> Response<Body> {
        match method {
            "server/discover" => answers::discovered(message),
            "tools/list" => answers::result(message, &self.tools()),
            "tools/call" => self.call(message),
            "subscriptions/listen" => answers::listening(message),
            "initialize" => answers::unknown(message),
            _ => answers::other(message),
        }
    }

    fn call(&self, message: &Value) -> Response<Body> {
        self.note(message);
        answers::called(message)
    }

    /// The stream on which a session hears; a second one replaces the first.
    fn stream(&self, session: &str) -> Response<Body> {
        let mut sessions = self.sessions();
        let Some(place) = sessions.get_mut(session) else {
            return answers::status(404);
        };
        let (sender, events) = mpsc::channel(16);
        *place = Some(sender);
        answers::stream(":\n\n".to_owned(), events)
    }

    /// The list of its tools, in either era.
    pub(super) fn tools(&self) -> Value {
        let tool = |name: String| json!({"name": name, "inputSchema": {"type": "object"}});
        json!({
            "resultType": "complete", "ttlMs": 0, "cacheScope": "public",
            "tools": [tool(self.actor.tool()), tool(self.actor.secret())],
        })
    }
}
