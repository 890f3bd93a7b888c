//! The sessions of clients: who opened them, what they wait for, when they end.

mod outbox;
mod subscriptions;

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use dashmap::DashMap;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

pub use outbox::{Outbox, Reader};
pub use subscriptions::Subscriptions;

use crate::{
    call::{Caller, Client},
    exchange::Exchange,
    mcp::{Frame, List, Method, Part, Revision},
    refusal::Refusal,
};

/// What a stateless client listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// Changes of the tools.
    pub tools: bool,
    /// Changes of the prompts.
    pub prompts: bool,
    /// Changes of the resources.
    pub resources: bool,
}

impl Filter {
    fn wants(self, list: List) -> bool {
        match list {
            List::Tools => self.tools,
            List::Prompts => self.prompts,
            List::Resources | List::Templates => self.resources,
        }
    }
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    /// What servers may know of it.
    pub client: Arc<Client>,
    /// What waits for its GET stream.
    pub outbox: Outbox,
    /// What a stateless client listens to; nothing for a session.
    filter: Option<Filter>,
    calls: Mutex<HashMap<Bytes, Arc<Exchange>>>,
    busy: AtomicUsize,
    born: Instant,
    /// When it was last busy, in milliseconds of its life.
    last_busy: AtomicU64,
}

impl Session {
    fn new(client: Client) -> Self {
        Self {
            client: Arc::new(client),
            outbox: Outbox::default(),
            filter: None,
            calls: Mutex::default(),
            busy: AtomicUsize::new(0),
            born: Instant::now(),
            last_busy: AtomicU64::new(0),
        }
    }

    /// Its id.
    pub fn id(&self) -> &Arc<str> {
        &self.client.session
    }

    /// Whether it is told of such changes: a session of all of them, a stateless client of those
    /// that it listens to.
    pub fn hears(&self, change: Method) -> bool {
        match (self.filter, change) {
            (Some(filter), Method::ListChanged(list)) => filter.wants(list),
            _ => !self.client.revision.is_stateless(),
        }
    }

    /// The calls under way on it.
    pub fn exchanges(&self) -> Vec<Arc<Exchange>> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.values().cloned().collect()
    }

    /// Who opened it. Nobody else may use it.
    pub fn caller(&self) -> &Caller {
        &self.client.caller
    }

    /// Keeps it from ending of idleness: a call is under way, or a stream is open.
    pub fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Remembers a call, so that the client can cancel it.
    pub fn begin(self: &Arc<Self>, id: Bytes, exchange: &Arc<Exchange>) -> Underway {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert(id.clone(), exchange.clone());
        drop(calls);
        Underway {
            id,
            exchange: exchange.clone(),
            busy: self.busy(),
        }
    }

    /// The client has cancelled a call.
    pub fn cancel(&self, notification: Frame) {
        let Some(id) = notification.raw_bytes(Part::RequestId) else {
            return;
        };
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exchange) = calls.get(&id) {
            exchange.withdraw(notification);
        }
    }

    fn idle_for(&self) -> Duration {
        if self.busy.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        let last_busy = Duration::from_millis(self.last_busy.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(last_busy)
    }
}

/// While this lives, its session is not idle.
#[derive(Debug)]
pub struct Busy(Arc<Session>);

impl Drop for Busy {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_busy.store(now, Ordering::Relaxed);
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// While this lives, its call can be cancelled.
#[derive(Debug)]
pub struct Underway {
    id: Bytes,
    exchange: Arc<Exchange>,
    busy: Busy,
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut calls = self
            .busy
            .0
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // A client that uses an id twice at once has replaced ours.
        if calls
            .get(&self.id)
            .is_some_and(|exchange| Arc::ptr_eq(exchange, &self.exchange))
        {
            calls.remove(&self.id);
        }
    }
}

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
        session.outbox.close();
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
