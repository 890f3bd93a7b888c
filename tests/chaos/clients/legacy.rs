//! A client of the legacy HTTP+SSE: it posts here, and is answered there.

use std::collections::VecDeque;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use memchr::memmem;
use serde_json::{Value, json};

use super::{
    ask::Ask,
    judge::Ending,
    session::sorted,
    wire::{Broken, Wire, event, request},
};
use crate::world::World;

/// A client whose answers come on a stream.
pub(crate) struct Legacy {
    key: &'static str,
    posts: Wire,
    stream: Option<Stream>,
}

struct Stream {
    /// Where to post.
    endpoint: String,
    epoch: u64,
    body: Incoming,
    /// What has come after the last whole event.
    rest: Vec<u8>,
    events: VecDeque<String>,
    /// Streams are a connection of their own.
    _wire: Wire,
}

impl Legacy {
    /// One that has said nothing yet.
    pub(super) fn new(key: &'static str) -> Self {
        Self {
            key,
            posts: Wire::default(),
            stream: None,
        }
    }

    /// Asks, one after the other without waiting; gives how each ended.
    pub(super) async fn turn(&mut self, world: &World, asks: &[Ask]) -> Vec<Ending> {
        let stale = |stream: &Stream| stream.epoch != world.turmoil.epoch();
        if self.stream.as_ref().is_some_and(stale) {
            self.stream = None;
        }
        let (messages, broken) = self.asked(world, asks).await;
        let mut endings = sorted(world, (202, "(the stream)"), messages, asks);
        let Some(broken) = broken else {
            return endings;
        };
        self.stream = None;
        for ending in &mut endings {
            if matches!(ending, Ending::Status(..)) {
                *ending = Ending::Broken(broken.clone());
            }
        }
        endings
    }

    /// What comes on the stream, and why not all of it, if so: what could be posted is answered
    /// although what was to follow could not be.
    async fn asked(&mut self, world: &World, asks: &[Ask]) -> (Vec<Value>, Option<Broken>) {
        let (mut messages, mut broken) = (Vec::new(), None);
        if self.stream.is_none() {
            broken = self.open(world).await.err();
        }
        let mut missing = 0;
        for ask in asks {
            if broken.is_none() {
                let body = json!({"jsonrpc": "2.0", "id": ask.id, "method": ask.method(), "params": ask.params()});
                broken = self.post(world, body.to_string()).await.err();
                missing += u32::from(broken.is_none());
            }
        }
        while missing > 0 {
            let message = match self.next().await {
                Ok(message) => message,
                Err(words) => return (messages, Some(words)),
            };
            let told = message["method"].as_str().unwrap_or_default();
            if message.get("method").is_none() {
                missing -= 1;
            }
            if !told.ends_with("list_changed") {
                messages.push(message);
            }
        }
        (messages, broken)
    }

    async fn open(&mut self, world: &World) -> Result<(), Broken> {
        let mut wire = Wire::default();
        let epoch = world.turmoil.epoch();
        let head = request(world, "GET", "/sse", self.key);
        let response = wire.send(world, head, String::new()).await?;
        self.stream = Some(Stream {
            endpoint: String::new(),
            epoch,
            body: response.into_body(),
            rest: Vec::new(),
            events: VecDeque::new(),
            _wire: wire,
        });
        world.ledger.count("streams: opened");
        let first = self.block().await?;
        let endpoint = first.strip_prefix("event: endpoint\ndata: ");
        let endpoint = endpoint.ok_or_else(|| format!("no endpoint: {first}"))?;
        if let Some(stream) = &mut self.stream {
            endpoint.clone_into(&mut stream.endpoint);
        }
        let hello = json!({
            "jsonrpc": "2.0", "id": "hello", "method": "initialize",
            "params": {
                "protocolVersion": "2024-11-05", "capabilities": {},
                "clientInfo": {"name": "chaos", "version": "0"},
            },
        });
        self.post(world, hello.to_string()).await?;
        while self.next().await?["id"] != "hello" {}
        let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        self.post(world, ready.to_owned()).await
    }

    async fn post(&mut self, world: &World, body: String) -> Result<(), Broken> {
        let endpoint = self.stream.as_ref().map(|stream| stream.endpoint.as_str());
        let head = request(world, "POST", endpoint.unwrap_or_default(), self.key);
        let reply = self.posts.ask(world, head, body).await?;
        match reply.status {
            202 => Ok(()),
            status => Err(format!("a post gets {status}: {}", reply.text)),
        }
    }

    async fn next(&mut self) -> Result<Value, Broken> {
        loop {
            // Others are heartbeats.
            if let Some(message) = event(&self.block().await?) {
                return Ok(message);
            }
        }
    }

    /// The next event, as it is written.
    async fn block(&mut self) -> Result<String, Broken> {
        let stream = self.stream.as_mut().ok_or("there is no stream")?;
        loop {
            if let Some(event) = stream.events.pop_front() {
                return Ok(event);
            }
            let frame = stream.body.frame().await.ok_or("the stream ended")?;
            let frame = frame.map_err(|error| error.to_string())?;
            stream
                .rest
                .extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            while let Some(end) = memmem::find(&stream.rest, b"\n\n") {
                let event: Vec<u8> = stream.rest.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                stream.events.push_back(event.trim_end().to_owned());
            }
        }
    }
}
