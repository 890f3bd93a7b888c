//! Server-sent events, read apart from the gateway's own reader.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::within;

/// One event: its id and its data, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

impl Event {
    /// One block of lines; nothing where it is but a comment.
    fn read(block: &str) -> Option<Self> {
        let mut event = Self::default();
        let mut data: Vec<&str> = Vec::new();
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("data", value)) => data.push(value),
                Some(("id", value)) => event.id = Some(value.to_owned()),
                Some(("event", value)) => assert_eq!(value, "message"),
                _ => assert_eq!(line, ":", "neither a field nor a heartbeat"),
            }
        }
        event.data = data.join("\n");
        (!data.is_empty()).then_some(event)
    }
}

/// The events of a whole body.
pub(crate) fn all(body: &str) -> Vec<Event> {
    body.split("\n\n").filter_map(Event::read).collect()
}

/// A stream of events that is still open. Dropping it hangs up.
pub(crate) struct Events {
    body: Incoming,
    read: BytesMut,
}

impl Events {
    pub(super) fn new(body: Incoming) -> Self {
        let read = BytesMut::new();
        Self { body, read }
    }

    /// The next event; nothing where the stream ends, well or badly.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        within("an event", self.find()).await
    }

    /// The data of the next event.
    pub(crate) async fn data(&mut self) -> String {
        self.next().await.expect("the stream has ended").data
    }

    async fn find(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\n\n") {
                let block = self.read.split_to(end);
                self.read.advance(2);
                match Event::read(std::str::from_utf8(&block).unwrap()) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let piece = self.body.frame().await?.ok()?;
            self.read.extend_from_slice(piece.data_ref()?);
        }
    }
}
