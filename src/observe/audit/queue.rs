//! The lines that wait to be written, and whose turn it is.
//!
//! Lines, not records: a line is made where the call ends, so that nothing which that core has in
//! its cache is touched by another one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{State, shown::Shown};

/// How much may wait, in bytes; beyond it lines come without their arguments.
const MOST: usize = 16 * 1024 * 1024;
/// How much memory is kept for the next lines, in bytes.
const KEPT: usize = 1024 * 1024;

/// The lines that wait.
pub(super) struct Queue {
    pub(super) state: State,
    /// Whose arguments are shown.
    pub(super) shown: Shown,
    /// How many records may wait.
    records: usize,
    waiting: Mutex<Waiting>,
    woken: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    records: usize,
    /// Records of calls under way, for which there is room.
    reserved: usize,
    /// The writer sleeps until it is woken.
    asleep: bool,
    /// The writer is to look even if there is no line.
    look: bool,
    closing: bool,
}

/// What the writer has been woken for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// To write, soon.
    Lines,
    /// To write what there is, at once.
    Last,
    /// There is nothing, and nothing will come.
    Over,
}

impl Queue {
    pub(super) fn new(records: usize, shown: Shown) -> Self {
        Self {
            state: State::default(),
            shown,
            records: records.max(1),
            waiting: Mutex::default(),
            woken: Condvar::new(),
        }
    }

    /// Keeps room for one record, if there is some.
    pub(super) fn reserve(&self) -> bool {
        let mut waiting = self.waiting();
        let has_room = self.has_room(&waiting);
        waiting.reserved += usize::from(has_room);
        has_room
    }

    /// Adds a line, which `reserved` room is kept for or not; false if there is none.
    pub(super) fn push(&self, line: &[u8], reserved: bool) -> bool {
        let mut waiting = self.waiting();
        if reserved {
            waiting.reserved = waiting.reserved.saturating_sub(1);
        } else if !self.has_room(&waiting) {
            return false;
        }
        waiting.lines.extend_from_slice(line);
        waiting.records += 1;
        self.wake(waiting);
        true
    }

    /// Whether the arguments of another record may wait.
    pub(super) fn takes_arguments(&self) -> bool {
        self.waiting().lines.len() < MOST
    }

    /// Has the writer look.
    pub(super) fn look(&self) {
        let mut waiting = self.waiting();
        waiting.look = true;
        self.wake(waiting);
    }

    /// No more records but those that room is kept for.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.closing = true;
        self.wake(waiting);
    }

    /// Waits for something to do.
    pub(super) fn wait(&self) -> Woken {
        let mut waiting = self.waiting();
        loop {
            let over = waiting.closing && waiting.reserved == 0;
            if std::mem::take(&mut waiting.look) || !waiting.lines.is_empty() {
                return if over { Woken::Last } else { Woken::Lines };
            }
            if over {
                return Woken::Over;
            }
            waiting.asleep = true;
            let woken = self.woken.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Adds all that waits to the batch; false if that was nothing.
    pub(super) fn take(&self, batch: &mut Vec<u8>) -> bool {
        let mut waiting = self.waiting();
        waiting.records = 0;
        if waiting.lines.is_empty() {
            return false;
        }
        if batch.is_empty() {
            std::mem::swap(batch, &mut waiting.lines);
        } else {
            batch.append(&mut waiting.lines);
        }
        // The lines of a bad moment must not be paid for ever after.
        waiting.lines.shrink_to(KEPT);
        true
    }

    fn has_room(&self, waiting: &Waiting) -> bool {
        !waiting.closing && waiting.records + waiting.reserved < self.records
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let asleep = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if asleep {
            self.woken.notify_one();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
