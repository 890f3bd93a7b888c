//! A client of the legacy transport (2024-11-05): one stream, and POSTs to where it says.

use std::collections::VecDeque;

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::{Client, Events, Reply, client::stream, initialize_with, notification, request};

/// A client whose stream is open. Dropping it hangs up.
pub(crate) struct SseClient {
    /// Posts where the stream said.
    pub(crate) posts: Client,
    /// What the stream's response said of itself.
    pub(crate) headers: HeaderMap,
    /// The first event, as it was written.
    pub(crate) first: String,
    events: Events,
    kept: VecDeque<String>,
}

impl SseClient {
    /// Opens the stream with the client's headers.
    pub(super) async fn open(client: Client) -> Self {
        Self::under(client.at("/sse")).await
    }

    /// Opens the stream at the client's own path.
    pub(crate) async fn under(client: Client) -> Self {
        let response = client.send(Method::GET, "").await;
        let headers = response.headers().clone();
        let mut events = stream(response);
        let first = events.block().await;
        let endpoint = first.strip_prefix("event: endpoint\ndata: ");
        let posts = client.at(endpoint.unwrap_or_else(|| panic!("{first}")));
        Self {
            posts,
            headers,
            first,
            events,
            kept: VecDeque::new(),
        }
    }

    /// The same for a client that has headers of its own.
    pub(crate) async fn of(client: Client) -> Self {
        Self::open(client).await
    }

    /// Posts anything.
    pub(crate) async fn post(&self, body: &str) -> Reply {
        self.posts.post(body.to_owned()).await
    }

    /// Posts what is taken.
    pub(crate) async fn say(&self, body: &str) {
        let reply = self.post(body).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text());
        assert!(reply.body.is_empty(), "{}", reply.text());
    }

    /// The next message of the stream, as it is written.
    pub(crate) async fn data(&mut self) -> String {
        match self.kept.pop_front() {
            Some(kept) => kept,
            None => self.events.data().await,
        }
    }

    /// The next message of the stream.
    pub(crate) async fn message(&mut self) -> Value {
        serde_json::from_str(&self.data().await).unwrap()
    }

    /// Whether the stream ends without another message.
    pub(crate) async fn ended(&mut self) -> bool {
        self.kept.is_empty() && self.events.next().await.is_none()
    }

    /// The first message that fits, as it is written; the others are kept.
    pub(crate) async fn first(&mut self, fits: impl Fn(&Value) -> bool) -> String {
        let fits = |text: &String| fits(&serde_json::from_str(text).unwrap());
        if let Some(at) = self.kept.iter().position(fits) {
            return self.kept.remove(at).unwrap();
        }
        loop {
            let text = self.events.data().await;
            if fits(&text) {
                return text;
            }
            self.kept.push_back(text);
        }
    }

    /// The next message that has this method.
    pub(crate) async fn told(&mut self, method: &str) -> Value {
        let text = self.first(|message| message["method"] == method).await;
        serde_json::from_str(&text).unwrap()
    }

    /// Asks; gives the answer, as it is written. `id` and `params` are JSON.
    pub(crate) async fn ask(&mut self, id: &str, method: &str, params: &str) -> String {
        self.say(&request(id, method, params)).await;
        self.answer(id).await
    }

    /// The answer to the request whose id is this JSON.
    pub(crate) async fn answer(&mut self, id: &str) -> String {
        let id: Value = serde_json::from_str(id).unwrap();
        self.first(|message| message["id"] == id && message.get("method").is_none())
            .await
    }

    /// Says hello.
    pub(crate) async fn initialize(mut self, revision: &str, capabilities: &str) -> Self {
        self.say(&initialize_with(revision, capabilities)).await;
        let answer = self.answer("0").await;
        assert!(answer.contains("result"), "{answer}");
        self.say(&notification("notifications/initialized", "{}"))
            .await;
        self
    }
}
