//! Every session.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use dashmap::DashMap;
use sha2::{Digest, Sha256};

use super::{Filter, Session};
use crate::{
    call::{Caller, Client},
    mcp::Revision,
    refusal::Refusal,
};

/// Every session.
#[derive(Debug)]
pub struct Sessions {
    by_id: DashMap<Arc<str>, Arc<Session>>,
    most: usize,
    idle: Duration,
}

impl Sessions {
    /// Room for `most` sessions; one that is idle for longer than `idle` ends.
    pub fn new(most: usize, idle: Duration) -> Self {
        Self {
            by_id: DashMap::new(),
            most,
            idle,
        }
    }

    /// Opens a session for a client that has said `capabilities` and `info` of itself.
    ///
    /// # Errors
    /// When there is no room.
    pub fn open(
        &self,
        caller: Caller,
        revision: Revision,
        capabilities: &str,
        info: &str,
    ) -> Result<Arc<Session>, Refusal> {
        if self.by_id.len() >= self.most {
            return Err(Refusal::SessionsFull);
        }
        // Without randomness an id could be guessed; better to open none.
        let id = random_id().ok_or(Refusal::SessionsFull)?;
        let client = Client::new(id.clone(), caller, revision, capabilities, info);
        let session = Arc::new(Session::new(client));
        self.by_id.insert(id, session.clone());
        Ok(session)
    }

    /// What stands for the requests of a stateless client: servers that keep sessions keep one
    /// for all requests of the same caller with the same capabilities.
    ///
    /// # Errors
    /// When there is no room.
    pub fn stateless(
        &self,
        caller: &Caller,
        capabilities: &str,
        info: &str,
    ) -> Result<Arc<Session>, Refusal> {
        let digest = Sha256::digest(format!("{caller}\n{capabilities}").as_bytes());
        let mut id = "stateless:".to_owned();
        for byte in digest.iter().take(16) {
            write!(id, "{byte:02x}").map_err(|_full| Refusal::SessionsFull)?;
        }
        if let Some(session) = self.by_id.get(id.as_str()) {
            return Ok(session.clone());
        }
        if self.by_id.len() >= self.most {
            return Err(Refusal::SessionsFull);
        }
        let id: Arc<str> = id.into();
        let revision = Revision::V2026_07_28;
        let client = Client::new(id.clone(), caller.clone(), revision, capabilities, info);
        let session = self
            .by_id
            .entry(id)
            .or_insert_with(|| Arc::new(Session::new(client)));
        Ok(session.clone())
    }

    /// What stands for a stateless client's stream of notifications.
    ///
    /// # Errors
    /// When there is no room.
    pub fn listen(&self, caller: Caller, filter: Filter) -> Result<Arc<Session>, Refusal> {
        if self.by_id.len() >= self.most {
            return Err(Refusal::SessionsFull);
        }
        let id: Arc<str> = random_id().ok_or(Refusal::SessionsFull)?;
        let client = Client::new(id.clone(), caller, Revision::V2026_07_28, "{}", "{}");
        let session = Session {
            filter: Some(filter),
            ..Session::new(client)
        };
        let session = Arc::new(session);
        self.by_id.insert(id, session.clone());
        Ok(session)
    }

    /// The session of that id, if this caller opened it.
    ///
    /// # Errors
    /// The same for an unknown session and for somebody else's.
    pub fn find(&self, id: &str, caller: &Caller) -> Result<Arc<Session>, Refusal> {
        let session = self.by_id.get(id).map(|session| session.clone());
        let mine = |session: &Arc<Session>| {
            session.client.caller == *caller && !session.client.revision.is_stateless()
        };
        session.filter(mine).ok_or(Refusal::SessionUnknown)
    }

    /// The session of that id, whoever opened it.
    pub fn get(&self, id: &str) -> Option<Arc<Session>> {
        self.by_id.get(id).map(|session| session.clone())
    }

    /// Forgets a session and closes its stream.
    pub fn remove(&self, id: &str) -> Option<Arc<Session>> {
        let (_, session) = self.by_id.remove(id)?;
        session.client.end();
        session.close();
        Some(session)
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.by_id.iter().map(|session| session.clone()).collect()
    }

    /// Whether a caller has any.
    pub fn has(&self, caller: &Caller) -> bool {
        self.by_id.iter().any(|session| session.caller() == caller)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Those that have been idle for too long.
    pub fn expired(&self) -> Vec<Arc<Session>> {
        let idle = self
            .by_id
            .iter()
            .filter(|session| session.idle_for() > self.idle);
        idle.map(|session| session.clone()).collect()
    }
}

/// 128 random bits in hexadecimal; nothing when the system has no randomness.
pub fn random_id() -> Option<Arc<str>> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).ok()?;
    let mut id = String::with_capacity(32);
    for byte in bits {
        write!(id, "{byte:02x}").ok()?;
    }
    Some(id.into())
}
