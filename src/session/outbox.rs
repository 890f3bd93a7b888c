//! What a session's GET stream carries: a bounded ring, from which a new stream goes on where
//! the last one stopped, or where `Last-Event-ID` says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::Session;

/// How many messages are kept, and how many bytes.
const MESSAGES: usize = 256;
const BYTES: usize = 1024 * 1024;

/// The messages of one session that belong to no call.
#[derive(Debug, Default)]
pub struct Outbox {
    ring: Mutex<Ring>,
    came: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    messages: VecDeque<Bytes>,
    bytes: usize,
    /// How many messages there were before the first one kept; ids count from one.
    before: u64,
    /// The last id that was handed to a stream.
    read: u64,
    /// Which stream is the current one; an older one ends.
    stream: u64,
    closed: bool,
}

impl Ring {
    fn last(&self) -> u64 {
        self.before + self.messages.len() as u64
    }
}

impl Outbox {
    /// Leaves a message for the stream.
    pub fn push(&self, message: Bytes) {
        self.add(message, false);
    }

    /// Leaves a message for the stream, unless the same one still waits.
    pub fn push_once(&self, message: Bytes) {
        self.add(message, true);
    }

    fn add(&self, message: Bytes, once: bool) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = usize::try_from(ring.last() - ring.read).unwrap_or_default();
        if once
            && ring
                .messages
                .iter()
                .rev()
                .take(unread)
                .any(|waiting| *waiting == message)
        {
            return;
        }
        ring.bytes += message.len();
        ring.messages.push_back(message);
        while ring.messages.len() > MESSAGES || (ring.bytes > BYTES && ring.messages.len() > 1) {
            let dropped = ring.messages.pop_front().map_or(0, |oldest| oldest.len());
            ring.bytes -= dropped;
            ring.before += 1;
        }
        drop(ring);
        self.came.notify_waiters();
    }

    /// Ends the current stream, and every later one.
    pub fn close(&self) {
        self.ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.came.notify_waiters();
    }

    fn open(&self, after: Option<u64>) -> (u64, u64) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.stream += 1;
        let stream = ring.stream;
        let read = after.unwrap_or(ring.read).clamp(ring.before, ring.last());
        drop(ring);
        self.came.notify_waiters();
        (stream, read)
    }
}

/// One GET stream of a session. Opening it ends the one before.
#[derive(Debug)]
pub struct Reader {
    session: Arc<Session>,
    stream: u64,
    read: u64,
}

impl Reader {
    /// Goes on after the event of that id, or after what the last stream has read.
    pub fn open(session: Arc<Session>, after: Option<u64>) -> Self {
        let (stream, read) = session.outbox.open(after);
        Self {
            session,
            stream,
            read,
        }
    }

    /// The next message and its id; nothing when the stream has ended.
    pub async fn next(&mut self) -> Option<(u64, Bytes)> {
        loop {
            // Before looking, so that what comes in between is not missed.
            let session = self.session.clone();
            let came = session.outbox.came.notified();
            match self.look() {
                Look::Message(id, message) => return Some((id, message)),
                Look::Ended => return None,
                Look::Nothing => {}
            }
            came.await;
        }
    }

    fn look(&mut self) -> Look {
        let mut ring = self
            .session
            .outbox
            .ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if ring.closed || ring.stream != self.stream {
            return Look::Ended;
        }
        self.read = self.read.max(ring.before);
        let index = usize::try_from(self.read - ring.before).unwrap_or(usize::MAX);
        let Some(message) = ring.messages.get(index).cloned() else {
            return Look::Nothing;
        };
        self.read += 1;
        ring.read = ring.read.max(self.read);
        Look::Message(self.read, message)
    }
}

enum Look {
    Message(u64, Bytes),
    Ended,
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::{Caller, Client},
        mcp::Revision,
    };

    fn session() -> Arc<Session> {
        let client = Client::new("s".into(), Caller::Local, Revision::LATEST, "{}", "{}");
        Arc::new(Session::new(client))
    }

    #[tokio::test]
    async fn a_stream_goes_on_where_the_last_one_stopped_or_where_it_is_told() {
        let session = session();
        for text in ["a", "b", "c"] {
            session.outbox.push(text.into());
        }
        let mut first = Reader::open(session.clone(), None);
        assert_eq!(first.next().await, Some((1, "a".into())));
        let mut second = Reader::open(session.clone(), None);
        assert_eq!(
            first.next().await,
            None,
            "a second stream replaces the first"
        );
        assert_eq!(second.next().await, Some((2, "b".into())));
        let mut third = Reader::open(session.clone(), Some(1));
        assert_eq!(third.next().await, Some((2, "b".into())));
        assert_eq!(third.next().await, Some((3, "c".into())));
        session.outbox.close();
        assert_eq!(third.next().await, None);
    }

    #[tokio::test]
    async fn the_ring_is_bounded_and_keeps_the_newest() {
        let session = session();
        for number in 0..1000 {
            session.outbox.push(number.to_string().into());
        }
        let mut reader = Reader::open(session.clone(), Some(3));
        assert_eq!(reader.next().await, Some((745, "744".into())));
        session.outbox.push(vec![b'x'; 2 * BYTES].into());
        let mut reader = Reader::open(session, Some(0));
        assert_eq!(reader.next().await.unwrap().1.len(), 2 * BYTES);
    }

    #[tokio::test]
    async fn the_same_message_waits_only_once() {
        let session = session();
        session.outbox.push_once("changed".into());
        session.outbox.push_once("changed".into());
        let mut reader = Reader::open(session.clone(), None);
        reader.next().await;
        session.outbox.push_once("changed".into());
        assert_eq!(reader.next().await, Some((2, "changed".into())));
        assert_eq!(session.outbox.ring.lock().unwrap().last(), 2);
    }
}
