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
    /// One block of lines; nothing where it is but a comment, or says only how to come back.
    fn read(block: &str) -> Option<Self> {
        let mut event = Self::default();
        let mut data: Vec<&str> = Vec::new();
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("data", value)) => data.push(value),
                Some(("id", value)) => event.id = Some(value.to_owned()),
                Some(("event", value)) => assert_eq!(value, "message"),
                Some(("retry", value)) => assert_eq!(value.parse::<u32>(), Ok(1000)),
                _ => assert_eq!(line, ":", "neither a field nor a heartbeat"),
            }
        }
        event.data = data.join("\n");
        (!event.data.is_empty()).then_some(event)
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

    /// The next event as it is written, or a heartbeat.
    pub(crate) async fn block(&mut self) -> String {
        let block = within("an event", self.find_block()).await;
        block.expect("the stream has ended")
    }

    /// The data of the next event.
    pub(crate) async fn data(&mut self) -> String {
        self.next().await.expect("the stream has ended").data
    }

    async fn find(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = Event::read(&self.find_block().await?) {
                return Some(event);
            }
        }
    }

    async fn find_block(&mut self) -> Option<String> {
        let mut searched: usize = 0;
        loop {
            let from = searched.saturating_sub(1);
            let end = memchr::memmem::find(&self.read[from..], b"\n\n");
            if let Some(end) = end {
                let block = self.read.split_to(from + end);
                self.read.advance(2);
                return Some(String::from_utf8(block.to_vec()).unwrap());
            }
            searched = self.read.len();
            let piece = self.body.frame().await?.ok()?;
            self.read.extend_from_slice(piece.data_ref()?);
        }
    }
}
