//! How many sessions there are, for those who watch.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use super::Sessions;
use crate::{
    call::{Transport, Visit},
    mcp::Revision,
};

/// What is counted since the start.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) opened: AtomicU64,
    pub(super) displaced: AtomicU64,
}

/// How many sessions there are. What stands for clients without one counts as it takes room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// By how they were opened and what was agreed.
    pub sessions: BTreeMap<(Transport, Revision), u64>,
    /// Streams that somebody reads: GET streams, those of HTTP+SSE, and `subscriptions/listen`.
    pub streams: u64,
    /// Opened since the start.
    pub opened: u64,
    /// Of these, ended because others needed room.
    pub displaced: u64,
    /// Room for so many.
    pub most: u64,
}

impl Sessions {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Counts them all: for who asks now and then.
    pub fn census(&self) -> Census {
        let mut census = Census {
            opened: self.tally.opened.load(Ordering::Relaxed),
            displaced: self.tally.displaced.load(Ordering::Relaxed),
            most: self.room.most as u64,
            ..Census::default()
        };
        for session in &self.by_id {
            let client = &session.client;
            let kind = (client.transport, client.revision);
            *census.sessions.entry(kind).or_default() += 1;
            // A pipe is no stream that somebody opens.
            let streams = client.transport != Transport::Stdio && session.outbox.is_open();
            census.streams += u64::from(streams);
        }
        census
    }
}

impl Tally {
    pub(super) fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// How somebody comes in: on a pipe, or else so.
pub(super) fn way(visit: &Visit, otherwise: Transport) -> Transport {
    match visit.caller.address {
        Some(_) => otherwise,
        None => Transport::Stdio,
    }
}
