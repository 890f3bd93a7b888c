//! The room that one call has in the audit log.

use std::{cell::RefCell, sync::Arc, time::SystemTime};

use super::{
    entry::Entry,
    line::{self, Known},
    queue::Queue,
    recent::{Clock, Home},
};

thread_local! {
    /// Where lines are made before they join the others.
    static PEN: RefCell<Pen> = RefCell::default();
}

#[derive(Default)]
struct Pen {
    line: Vec<u8>,
    clock: Clock,
    home: Home,
}

/// The room that one call has in the audit log, written to exactly once.
///
/// A slot that is dropped without its entry is a mistake of the gateway's, and leaves a line that
/// says so.
#[must_use = "a slot that is dropped leaves a line that says so"]
pub struct Slot {
    queue: Arc<Queue>,
    /// Room in the queue is kept for it; if not, there is some or there is none when the entry comes.
    reserved: bool,
    /// The request's id, and when it came in.
    called: (u64, SystemTime),
    written: bool,
}

impl Slot {
    pub(super) fn new(queue: Arc<Queue>, reserved: bool, called: (u64, SystemTime)) -> Self {
        Self {
            queue,
            reserved,
            called,
            written: false,
        }
    }

    /// Records how the call ended. Neither waits nor fails.
    pub fn write(mut self, entry: &Entry) {
        self.send(Some(entry));
    }

    fn send(&mut self, entry: Option<&Entry>) {
        self.written = true;
        let known = entry.map_or(Known::Lost, |entry| Known::Entry {
            entry,
            shown: &self.queue.shown,
            arguments: self.queue.takes_arguments(),
        });
        let kept = PEN.with_borrow_mut(|Pen { line, clock, home }| {
            line.clear();
            line::write(line, self.called, &known, (clock, home));
            self.queue.push(line, self.reserved)
        });
        if !kept {
            self.queue.state.counters.add_dropped();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.written {
            tracing::error!(request = self.called.0, "a call ended without its record");
            self.send(None);
        }
    }
}
