//! A client with a session over streamable HTTP: one request at a time, or several in a batch.

use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use std::sync::Arc;

use super::{
    ask::Ask,
    judge::Ending,
    wire::{Broken, Wire, event, request},
};
use crate::world::World;

/// What is counted of each message on a stream.
pub(crate) const HEARD: &str = "streams: notifications heard";

/// A client with a session.
pub(crate) struct Session {
    key: &'static str,
    revision: &'static str,
    /// Whether it keeps the stream open on which it hears of changes.
    listens: bool,
    wire: Wire,
    id: Option<String>,
    stream: Option<JoinHandle<Result<(), Broken>>>,
}

impl Session {
    /// One that has said nothing yet.
    pub(crate) fn new(key: &'static str, revision: &'static str, listens: bool) -> Self {
        Self {
            key,
            revision,
            listens,
            wire: Wire::default(),
            id: None,
            stream: None,
        }
    }

    /// How many requests it makes at once, at most.
    pub(super) fn breadth(&self) -> u64 {
        if self.revision == "2025-03-26" { 5 } else { 1 }
    }

    async fn say(
        &mut self,
        world: &World,
        method: &str,
        body: String,
    ) -> Result<super::wire::Reply, Broken> {
        let mut head = request(world, method, "/mcp", self.key);
        if let Some(id) = &self.id {
            head = head.header("mcp-session-id", id);
            head = head.header("mcp-protocol-version", self.revision);
        }
        self.wire.ask(world, head, body).await
    }

    /// Says hello, once.
    pub(crate) async fn open(&mut self, world: &Arc<World>) -> Result<(), Ending> {
        if self.id.is_none() {
            let hello = json!({
                "jsonrpc": "2.0", "id": "hello", "method": "initialize",
                "params": {
                    "protocolVersion": self.revision, "capabilities": {},
                    "clientInfo": {"name": "chaos", "version": "0"},
                },
            });
            let reply = self.say(world, "POST", hello.to_string()).await;
            let reply = reply.map_err(Ending::Broken)?;
            let id = reply
                .session
                .ok_or(Ending::Status(reply.status, reply.text))?;
            self.id = Some(id);
            world.ledger.count("sessions: opened");
            let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
            let told = self.say(world, "POST", ready.to_owned()).await;
            told.map_err(Ending::Broken)?;
        }
        let over = self.stream.as_ref().is_none_or(JoinHandle::is_finished);
        if self.listens && over {
            self.listen(world).await?;
        }
        Ok(())
    }

    /// Opens the stream on which it hears of changes.
    async fn listen(&mut self, world: &Arc<World>) -> Result<(), Ending> {
        let head = request(world, "GET", "/mcp", self.key);
        let id = self.id.as_deref().unwrap_or_default();
        let head = head.header("mcp-session-id", id);
        let response = Wire::default().send(world, head, String::new()).await;
        let response = response.map_err(Ending::Broken)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Ending::Status(status, "no stream".to_owned()));
        }
        world.ledger.count("streams: opened");
        let world = world.clone();
        self.stream = Some(tokio::spawn(async move {
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| error.to_string())?;
                let text = frame.data_ref().map(|data| String::from_utf8_lossy(data));
                for message in text
                    .iter()
                    .flat_map(|text| text.split("\n\n").filter_map(event))
                {
                    world.ledger.count(HEARD);
                    if message.get("method").is_none() {
                        world
                            .ledger
                            .fault(format!("an answer on a stream: {message}"));
                    }
                }
            }
            Ok(())
        }));
        Ok(())
    }

    /// Whether it should hear of changes, and does not.
    pub(crate) fn is_deaf(&self) -> bool {
        self.listens && self.stream.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Closes the connection that it asks over; its session and its stream go on.
    pub(crate) fn hang_up(&mut self) {
        self.wire = Wire::default();
    }

    /// Asks, all at once; gives how each ended.
    pub(super) async fn turn(&mut self, world: &Arc<World>, asks: &[Ask]) -> Vec<Ending> {
        if let Err(ending) = self.open(world).await {
            return one_for_all(asks, &ending);
        }
        let bodies: Vec<Value> = asks
            .iter()
            .map(|ask| {
                json!({"jsonrpc": "2.0", "id": ask.id, "method": ask.method(), "params": ask.params()})
            })
            .collect();
        let body = match bodies.as_slice() {
            [one] => one.to_string(),
            all => Value::from(all).to_string(),
        };
        match self.say(world, "POST", body).await {
            Ok(reply) => sorted(world, (reply.status, &reply.text), reply.messages, asks),
            Err(broken) => one_for_all(asks, &Ending::Broken(broken)),
        }
    }

    /// Asks whether the session is still there.
    pub(crate) async fn ping(&mut self, world: &World) -> Result<u16, Broken> {
        let ping = r#"{"jsonrpc":"2.0","id":"ping","method":"ping"}"#;
        Ok(self.say(world, "POST", ping.to_owned()).await?.status)
    }

    /// Ends the session.
    pub(super) async fn leave(mut self, world: &World) -> Result<(), Broken> {
        if let Some(stream) = self.stream.take() {
            stream.abort();
        }
        if self.id.is_some() {
            self.say(world, "DELETE", String::new()).await?;
        }
        Ok(())
    }
}

/// The same end for each of them.
pub(super) fn one_for_all(asks: &[Ask], ending: &Ending) -> Vec<Ending> {
    let same = |_: &Ask| match ending {
        Ending::Answer(answer) => Ending::Answer(answer.clone()),
        Ending::Status(status, words) => Ending::Status(*status, words.clone()),
        Ending::Broken(words) => Ending::Broken(words.clone()),
        Ending::Never => Ending::Never,
    };
    asks.iter().map(same).collect()
}

/// Which of the messages answers which request; none may belong to anybody else.
pub(super) fn sorted(
    world: &World,
    (status, text): (u16, &str),
    mut messages: Vec<Value>,
    asks: &[Ask],
) -> Vec<Ending> {
    let endings = asks.iter().map(|ask| {
        let answers = |message: &Value| message.get("method").is_none() && message["id"] == ask.id;
        match messages.iter().position(answers) {
            Some(index) => Ending::Answer(messages.swap_remove(index)),
            None => Ending::Status(status, format!("no answer: {text}")),
        }
    });
    let endings = endings.collect();
    for message in &messages {
        let token = &message["params"]["progressToken"];
        if asks.iter().any(|ask| ask.progress && *token == ask.token()) {
            world.ledger.count("progress heard");
        } else if (200..300).contains(&status) && message["method"] != "notifications/message" {
            let words: String = message.to_string().chars().take(300).collect();
            world
                .ledger
                .fault(format!("a message for somebody else: {words}"));
        }
    }
    endings
}
