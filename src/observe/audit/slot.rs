//! The room that one call has in the audit log.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use tokio::sync::mpsc::OwnedPermit;

use super::{
    Message, Queue,
    entry::{Entry, Waiting},
};

/// Up to this size arguments are copied, in bytes: that costs less than to keep the buffer of the
/// connection from being used again.
const COPIED: usize = 1024;

/// Arguments that many calls have: they need no copy.
const NOTHING: &[u8] = b"{}";

/// The room that one call has in the audit log, written to exactly once.
///
/// A slot that is dropped without its entry is a mistake of the gateway's, and leaves a line that
/// says so.
#[must_use = "a slot that is dropped leaves a line that says so"]
pub struct Slot {
    queue: Arc<Queue>,
    /// Room in the queue; without, there is some or there is not when the entry comes.
    permit: Option<OwnedPermit<Message>>,
    /// The request's id, and when it came in.
    request: (u64, SystemTime),
    written: bool,
}

impl Slot {
    pub(super) fn new(
        queue: Arc<Queue>,
        permit: Option<OwnedPermit<Message>>,
        request: (u64, SystemTime),
    ) -> Self {
        Self {
            queue,
            permit,
            request,
            written: false,
        }
    }

    /// Records how the call ended. Neither waits nor fails.
    pub fn write(mut self, mut entry: Entry) {
        entry.cut();
        let (left_out, weight) = self.hold_arguments(&mut entry);
        self.send(Some(entry), left_out, weight);
    }

    /// Takes arguments away where they would keep too much in memory, and says how large they
    /// are; or how much they keep.
    fn hold_arguments(&self, entry: &mut Entry) -> (Option<usize>, usize) {
        let Some(raw) = &mut entry.arguments else {
            return (None, 0);
        };
        let size = raw.len();
        let mut weight = size;
        if **raw == *NOTHING {
            *raw = Bytes::from_static(NOTHING);
        } else if size <= COPIED {
            *raw = Bytes::copy_from_slice(raw);
        } else {
            // A part of a message keeps the whole of it.
            weight = size.max(usize::try_from(entry.bytes_in).unwrap_or(usize::MAX));
        }
        if self.queue.state.hold(weight) {
            return (None, weight);
        }
        entry.arguments = None;
        (Some(size), 0)
    }

    fn send(&mut self, entry: Option<Entry>, left_out: Option<usize>, weight: usize) {
        self.written = true;
        let (request, time) = self.request;
        let message = Message::Record(Waiting {
            request,
            time,
            entry,
            left_out,
            weight,
        });
        if let Some(permit) = self.permit.take() {
            permit.send(message);
        } else if self.queue.sender.try_send(message).is_err() {
            self.queue.state.put_down(weight);
            self.queue.state.counters.add_dropped();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.written {
            tracing::error!(request = self.request.0, "a call ended without its record");
            self.send(None, None, 0);
        }
    }
}
