//! The legacy HTTP+SSE: a stream that names where to post, and brings the answers.

use bytes::Bytes;
use http::{Method, Response, request::Parts};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};

use super::{
    answers::{self, Body, echoed, event, greeting, wishes},
    peer::{Mood, Peer},
};

impl Peer {
    pub(super) fn legacy(&self, head: &Parts, body: &Bytes, mood: Mood) -> Response<Body> {
        let stream = head.uri.query().and_then(|query| query.strip_prefix("c="));
        match (&head.method, stream) {
            (&Method::GET, _) => self.open(),
            (&Method::POST, Some(stream)) => self.posted(stream, body, mood),
            _ => answers::status(405),
        }
    }

    fn open(&self) -> Response<Body> {
        let number = self.number();
        let (sender, events) = mpsc::channel(1024);
        self.sessions().insert(number.to_string(), Some(sender));
        let first = format!("event: endpoint\ndata: /messages?c={number}\n\n");
        answers::stream(first, events)
    }

    fn posted(&self, stream: &str, body: &Bytes, mood: Mood) -> Response<Body> {
        let sender = self.sessions().get(stream).cloned().flatten();
        let (Some(sender), Ok(message)) = (sender, serde_json::from_slice::<Value>(body)) else {
            return answers::status(404);
        };
        let method = message["method"].as_str().unwrap_or_default();
        if method == "tools/call" {
            self.note(&message);
        }
        let result = match method {
            _ if message.get("id").is_none() => return answers::status(202),
            "initialize" => greeting("2024-11-05"),
            "tools/list" => self.tools(),
            _ => json!({}),
        };
        let answer = match method {
            "tools/call" => echoed(&message),
            _ => json!({"jsonrpc": "2.0", "id": message["id"], "result": result}),
        };
        if mood == Mood::Cut {
            // The stream ends in the middle of the answer.
            let whole = event(&answer);
            let half = whole.slice(..whole.len() / 2);
            drop(sender.try_send(half));
            self.sessions().remove(stream);
            return answers::status(202);
        }
        let (pause, progress) = wishes(&message);
        tokio::spawn(async move {
            for step in &progress {
                drop(sender.send(event(step)).await);
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
            drop(sender.send(event(&answer)).await);
        });
        answers::status(202)
    }
}
