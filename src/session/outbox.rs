//! What one stream of a session carries: a bounded ring, from which a new connection goes on
//! where the last one stopped, or where `Last-Event-ID` says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::Notify, time::timeout};

/// How many messages are kept, and how many bytes.
const MESSAGES: usize = 256;
const BYTES: usize = 1024 * 1024;
/// What is small enough to be kept although it has been read: nobody knows whether it arrived.
const LIGHT: usize = 128 * 1024;

/// The messages of one stream.
#[derive(Debug, Default)]
pub struct Outbox {
    ring: Mutex<Ring>,
    came: Notify,
    /// Something was read, or a reader has come or gone.
    moved: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    messages: VecDeque<Bytes>,
    bytes: usize,
    /// How many messages there were before the first one kept; ids count from one.
    before: u64,
    /// The last id that was handed to a stream.
    read: u64,
    /// Which reader is the current one; an older one ends.
    reader: u64,
    /// Whether it is still there.
    reading: bool,
    /// No message will follow.
    finished: bool,
    closed: bool,
}

impl Ring {
    fn last(&self) -> u64 {
        self.before + self.messages.len() as u64
    }

    fn unread(&self) -> usize {
        usize::try_from(self.last() - self.read).unwrap_or_default()
    }

    fn is_read(&self) -> bool {
        self.finished && !self.reading && self.unread() == 0
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
        let mut ring = self.ring();
        let unread = ring.unread();
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
        self.ring().closed = true;
        self.came.notify_waiters();
        self.moved.notify_waiters();
    }

    /// Ends the stream after the messages that are there.
    pub fn finish(&self) {
        self.ring().finished = true;
        self.came.notify_waiters();
        self.moved.notify_waiters();
    }

    /// Waits until fewer than `most` messages wait to be read.
    pub async fn room(&self, most: usize) {
        loop {
            // Before looking, so that what happens in between is not missed.
            let moved = self.moved.notified();
            if self.ring().unread() < most {
                return;
            }
            moved.await;
        }
    }

    /// Waits until nobody will read any more: the stream was closed, or nobody has come back to
    /// it for so long, or it has been read to its end and is too large to be kept.
    pub async fn abandoned(&self, patience: Duration) {
        loop {
            let moved = self.moved.notified();
            let (over, reading) = {
                let ring = self.ring();
                let heavy = ring.is_read() && ring.bytes > LIGHT;
                (ring.closed || heavy, ring.reading)
            };
            if over {
                return;
            }
            if reading {
                moved.await;
            } else if timeout(patience, moved).await.is_err() {
                return;
            }
        }
    }

    /// Whether it has been read to its end.
    pub fn is_read(&self) -> bool {
        self.ring().is_read()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, after: Option<u64>) -> (u64, u64) {
        let mut ring = self.ring();
        ring.reader += 1;
        ring.reading = true;
        let reader = ring.reader;
        let read = after.unwrap_or(ring.read).clamp(ring.before, ring.last());
        drop(ring);
        self.came.notify_waiters();
        self.moved.notify_waiters();
        (reader, read)
    }
}

/// One connection that reads an outbox. Opening it ends the one before.
#[derive(Debug)]
pub struct Reader {
    outbox: Arc<Outbox>,
    number: u64,
    read: u64,
}

impl Reader {
    /// Goes on after the event of that id, or after what the last reader has read.
    pub fn open(outbox: Arc<Outbox>, after: Option<u64>) -> Self {
        let (number, read) = outbox.open(after);
        Self {
            outbox,
            number,
            read,
        }
    }

    /// The next message and its id; nothing when the stream has ended.
    pub async fn next(&mut self) -> Option<(u64, Bytes)> {
        loop {
            let outbox = self.outbox.clone();
            // Before looking, so that what comes in between is not missed.
            let came = outbox.came.notified();
            match self.look() {
                Look::Message(id, message) => return Some((id, message)),
                Look::Ended => return None,
                Look::Nothing => {}
            }
            came.await;
        }
    }

    fn look(&mut self) -> Look {
        let mut ring = self.outbox.ring();
        if ring.closed || ring.reader != self.number {
            return Look::Ended;
        }
        self.read = self.read.max(ring.before);
        let index = usize::try_from(self.read - ring.before).unwrap_or(usize::MAX);
        let Some(message) = ring.messages.get(index).cloned() else {
            return if ring.finished {
                Look::Ended
            } else {
                Look::Nothing
            };
        };
        self.read += 1;
        ring.read = ring.read.max(self.read);
        drop(ring);
        self.outbox.moved.notify_waiters();
        Look::Message(self.read, message)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut ring = self.outbox.ring();
        if ring.reader == self.number {
            ring.reading = false;
        }
        drop(ring);
        self.outbox.moved.notify_waiters();
    }
}

enum Look {
    Message(u64, Bytes),
    Ended,
    Nothing,
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_stream_goes_on_where_the_last_one_stopped_or_where_it_is_told() {
        let outbox = Arc::new(Outbox::default());
        for text in ["a", "b", "c"] {
            outbox.push(text.into());
        }
        let mut first = Reader::open(outbox.clone(), None);
        assert_eq!(first.next().await, Some((1, "a".into())));
        let mut second = Reader::open(outbox.clone(), None);
        assert_eq!(
            first.next().await,
            None,
            "a second stream replaces the first"
        );
        assert_eq!(second.next().await, Some((2, "b".into())));
        let mut third = Reader::open(outbox.clone(), Some(1));
        assert_eq!(third.next().await, Some((2, "b".into())));
        assert_eq!(third.next().await, Some((3, "c".into())));
        outbox.close();
        assert_eq!(third.next().await, None);
    }

    #[tokio::test]
    async fn the_ring_is_bounded_and_keeps_the_newest() {
        let outbox = Arc::new(Outbox::default());
        for number in 0..1000 {
            outbox.push(number.to_string().into());
        }
        let mut reader = Reader::open(outbox.clone(), Some(3));
        assert_eq!(reader.next().await, Some((745, "744".into())));
        outbox.push(vec![b'x'; 2 * BYTES].into());
        let mut reader = Reader::open(outbox, Some(0));
        assert_eq!(reader.next().await.unwrap().1.len(), 2 * BYTES);
    }

    #[tokio::test]
    async fn the_same_message_waits_only_once() {
        let outbox = Arc::new(Outbox::default());
        outbox.push_once("changed".into());
        outbox.push_once("changed".into());
        let mut reader = Reader::open(outbox.clone(), None);
        reader.next().await;
        outbox.push_once("changed".into());
        assert_eq!(reader.next().await, Some((2, "changed".into())));
        assert_eq!(outbox.ring().last(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_abandoned_when_nobody_comes_back_in_time() {
        let patience = Duration::from_secs(60);
        let outbox = Arc::new(Outbox::default());
        for kept in [1, LIGHT] {
            let start = Instant::now();
            let mut reader = Reader::open(outbox.clone(), None);
            outbox.push(vec![b'x'; kept].into());
            assert!(reader.next().await.is_some());
            outbox.finish();
            drop(reader);
            outbox.abandoned(patience).await;
            let waited = if kept < LIGHT {
                patience
            } else {
                Duration::ZERO
            };
            assert_eq!(start.elapsed(), waited, "{kept} bytes");
        }
        assert!(outbox.is_read());
    }
}
