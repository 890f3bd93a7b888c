//! What waits for a client to read it, ahead of its answer.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

use crate::mcp::{Frame, Part};

/// How many messages may wait for a client that does not read.
const WAITING: usize = 1024;

/// What precedes an answer.
#[derive(Debug, Clone)]
pub enum Told {
    /// A notification.
    Message(Bytes),
    /// A question, and the number under which its answer is awaited.
    Question(u64, Box<Frame>),
}

impl Told {
    /// As a client reads it that is asked by request.
    pub fn into_message(self) -> Bytes {
        match self {
            Self::Message(message) => message,
            Self::Question(id, frame) => frame.with(&[(Part::Id, id.to_string().as_bytes())]),
        }
    }
}

/// What waits. Every call asks several times whether that is anything, and hardly ever it is: the
/// question costs no lock.
#[derive(Debug, Default)]
pub(super) struct Queue {
    told: Mutex<VecDeque<Told>>,
    some: AtomicBool,
}

impl Queue {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        !self.some.load(Ordering::Acquire)
    }

    /// Adds something; false when there is no room.
    pub(super) fn push(&self, more: Told) -> bool {
        let mut told = self.lock();
        if told.len() >= WAITING {
            return false;
        }
        told.push_back(more);
        self.some.store(true, Ordering::Release);
        true
    }

    /// What has waited for longest.
    pub(super) fn take(&self) -> Option<Told> {
        if self.is_empty() {
            return None;
        }
        let mut told = self.lock();
        let first = told.pop_front();
        self.some.store(!told.is_empty(), Ordering::Release);
        first
    }

    /// All of it, to be looked at or changed, but neither more nor less.
    pub(super) fn lock(&self) -> MutexGuard<'_, VecDeque<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
