//! What a fake server has been told to do, and what it has heard.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::sync::{Notify, mpsc};

use super::{Answer, Heard, answer};

pub(super) type Handler = Arc<dyn Fn(&Heard) -> Answer + Send + Sync>;

#[derive(Default)]
pub(super) struct State {
    pub(super) inner: Mutex<Script>,
    pub(super) came: Notify,
}

#[derive(Default)]
pub(super) struct Script {
    pub(super) handlers: HashMap<&'static str, Handler>,
    pub(super) heard: Vec<Heard>,
    pub(super) no_sessions: bool,
    pub(super) no_streams: bool,
    pub(super) disowns: Option<Handler>,
    opened: usize,
    pub(super) alive: HashSet<String>,
    pub(super) streams: HashMap<String, mpsc::Sender<Bytes>>,
}

pub(super) async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> io::Result<Response<answer::Body>> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Answer::status(400).into_response().await;
    };
    let heard = Heard {
        verb: head.method,
        headers: head.headers,
        body: body.to_bytes(),
    };
    let reaction = state.inner.lock().unwrap().react(&heard);
    state.came.notify_waiters();
    match reaction {
        Reaction::Answer(answer) => answer.into_response().await,
        Reaction::Stream(messages) => Ok(stream_of(messages)),
    }
}

enum Reaction {
    Answer(Answer),
    Stream(mpsc::Receiver<Bytes>),
}

impl Script {
    fn react(&mut self, heard: &Heard) -> Reaction {
        self.heard.push(heard.clone());
        let session = heard.session().to_owned();
        let opens = heard.method() == "initialize";
        if !self.no_sessions && !opens && !self.alive.contains(&session) {
            let disowns = self.disowns.clone();
            let answer = disowns.map(|disowns| disowns(heard));
            return Reaction::Answer(answer.unwrap_or_else(|| Answer::status(404)));
        }
        match heard.verb {
            Method::DELETE => {
                self.alive.remove(&session);
                self.streams.remove(&session);
                let scripted = self.handlers.get("DELETE").cloned();
                let scripted = scripted.map(|handler| handler(heard));
                Reaction::Answer(scripted.unwrap_or_else(|| Answer::status(204)))
            }
            Method::GET if self.no_streams => Reaction::Answer(Answer::status(405)),
            Method::GET => {
                let (sender, messages) = mpsc::channel(64);
                self.streams.insert(session, sender);
                Reaction::Stream(messages)
            }
            _ => Reaction::Answer(self.message(heard)),
        }
    }

    fn message(&mut self, heard: &Heard) -> Answer {
        let method = heard.method();
        let scripted = self.handlers.get(method.as_str()).cloned();
        let scripted = scripted.map(|handler| handler(heard));
        match method.as_str() {
            "initialize" => {
                let answer = scripted.unwrap_or_else(|| Answer::result(heard, GREETING));
                if self.no_sessions {
                    return answer;
                }
                self.opened += 1;
                let id = format!("s-{}", self.opened);
                self.alive.insert(id.clone());
                answer.header("mcp-session-id", id)
            }
            _ if heard.id() == "null" => scripted.unwrap_or_else(|| Answer::status(202)),
            "tools/call" => scripted.unwrap_or_else(|| Answer::result(heard, heard.params())),
            _ => scripted.unwrap_or_else(|| Answer::result(heard, EMPTY)),
        }
    }
}

/// All that can be declared.
const GREETING: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"prompts":{"listChanged":true},"logging":{},"completions":{}},"serverInfo":{"name":"fake","version":"1"}}"#;
/// A result, and every list at once.
const EMPTY: &str = r#"{"tools":[],"resources":[],"resourceTemplates":[],"prompts":[]}"#;

fn stream_of(messages: mpsc::Receiver<Bytes>) -> Response<answer::Body> {
    let first = stream::iter([Bytes::from_static(b":\n\n")]);
    let rest = stream::unfold(messages, |mut messages| async {
        Some((messages.recv().await?, messages))
    });
    let events = futures_util::StreamExt::chain(first, rest);
    let events = futures_util::StreamExt::map(events, |data| Ok::<_, io::Error>(Frame::data(data)));
    let mut response = Response::new(StreamBody::new(events).boxed_unsync());
    let kind = http::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert("content-type", kind);
    response
}
