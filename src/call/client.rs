//! The session a call came in on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use super::Level;
use crate::mcp::Revision;

/// The session a call came in on, as far as servers are concerned.
#[derive(Debug)]
pub struct Client {
    /// The session's id. Servers that keep one session for each client go by it.
    pub session: Arc<str>,
    /// What was agreed at `initialize`.
    pub revision: Revision,
    /// The level it set, plus one; nothing yet is zero.
    level: AtomicU8,
    over: AtomicBool,
}

impl Client {
    /// A client that has just initialized.
    pub fn new(session: Arc<str>, revision: Revision) -> Self {
        Self {
            session,
            revision,
            level: AtomicU8::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// Its session has ended: servers need keep nothing for it, and open nothing any more.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether its session has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// The lowest level of log messages it asked for, if it did.
    pub fn level(&self) -> Option<Level> {
        let index = self.level.load(Ordering::Relaxed).checked_sub(1)?;
        Level::at(usize::from(index))
    }

    /// Remembers what it asked for.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8 + 1, Ordering::Relaxed);
    }
}
