//! What one stream of a session carries: a bounded ring, from which a new connection goes on
//! where the last one stopped, or where `Last-Event-ID` says.

mod reader;
#[cfg(test)]
mod tests;
mod weight;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::Notify, time::timeout};

pub use reader::Reader;
use weight::Weight;

/// How many messages are kept, and how many bytes.
const MESSAGES: usize = 256;
const BYTES: usize = 1024 * 1024;
/// What may be kept of each even where all together take too much memory, in bytes.
const SMALL: usize = 4 * 1024;
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
    weight: Weight,
    /// It is of no use with a gap: it is an answer.
    whole: bool,
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

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.messages.pop_front() {
            self.weight.sub(oldest.len());
            self.before += 1;
        }
    }

    /// Keeps a message, and of the others what there is room for; where all rings together take too
    /// much memory, perhaps not even that.
    fn keep(&mut self, message: Bytes) {
        self.weight.add(message.len());
        self.messages.push_back(message);
        while self.messages.len() > MESSAGES
            || (self.messages.len() > 1 && (self.weight.bytes > BYTES || self.weight.is_too_much()))
        {
            self.drop_oldest();
        }
        if self.weight.is_too_much() && self.weight.bytes > SMALL {
            self.drop_oldest();
            self.closed |= self.whole;
        }
    }
}

impl Outbox {
    /// One whose first message gets the id after this one: who comes back with a lower one has
    /// missed all that is here.
    pub fn after(id: u64) -> Self {
        let ring = Ring {
            before: id,
            read: id,
            ..Ring::default()
        };
        Self {
            ring: Mutex::new(ring),
            ..Self::default()
        }
    }

    /// One for an answer: it ends where there is no memory for a message.
    pub fn of_answer() -> Self {
        let ring = Ring {
            whole: true,
            ..Ring::default()
        };
        Self {
            ring: Mutex::new(ring),
            ..Self::default()
        }
    }

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
        ring.keep(message);
        let given_up = ring.closed && ring.whole;
        drop(ring);
        self.came.notify_waiters();
        if given_up {
            self.moved.notify_waiters();
        }
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
                let heavy = ring.is_read() && ring.weight.bytes > LIGHT;
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

    /// Whether a connection reads it.
    pub fn is_open(&self) -> bool {
        self.ring().reading
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
