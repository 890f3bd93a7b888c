//! One connection that reads what a stream of a session carries.

use std::sync::Arc;

use bytes::Bytes;

use super::Outbox;

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
