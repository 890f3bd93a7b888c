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
use tokio::time::Instant;

pub use outbox::{Outbox, Reader};
pub use subscriptions::Subscriptions;

use crate::{
    call::{Caller, Client},
    exchange::Exchange,
    mcp::{Frame, Part, Revision},
    refusal::Refusal,
};

/// One client's session.
#[derive(Debug)]
pub struct Session {
    /// What servers may know of it.
    pub client: Arc<Client>,
    /// Who opened it. Nobody else may use it.
    pub caller: Caller,
    /// What waits for its GET stream.
    pub outbox: Outbox,
    calls: Mutex<HashMap<Bytes, Arc<Exchange>>>,
    busy: AtomicUsize,
    born: Instant,
    /// When it was last busy, in milliseconds of its life.
    last_busy: AtomicU64,
}

impl Session {
    fn new(id: Arc<str>, caller: Caller, revision: Revision) -> Self {
        Self {
            client: Arc::new(Client::new(id, revision)),
            caller,
            outbox: Outbox::default(),
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

    /// Opens a session.
    ///
    /// # Errors
    /// When there is no room.
    pub fn open(&self, caller: Caller, revision: Revision) -> Result<Arc<Session>, Refusal> {
        if self.by_id.len() >= self.most {
            return Err(Refusal::SessionsFull);
        }
        // Without randomness an id could be guessed; better to open none.
        let id = random_id().ok_or(Refusal::SessionsFull)?;
        let session = Arc::new(Session::new(id.clone(), caller, revision));
        self.by_id.insert(id, session.clone());
        Ok(session)
    }

    /// The session of that id, if this caller opened it.
    ///
    /// # Errors
    /// The same for an unknown session and for somebody else's.
    pub fn find(&self, id: &str, caller: &Caller) -> Result<Arc<Session>, Refusal> {
        let session = self.by_id.get(id).map(|session| session.clone());
        session
            .filter(|session| session.caller == *caller)
            .ok_or(Refusal::SessionUnknown)
    }

    /// The session of that id, whoever opened it.
    pub fn get(&self, id: &str) -> Option<Arc<Session>> {
        self.by_id.get(id).map(|session| session.clone())
    }

    /// Forgets a session and closes its stream.
    pub fn remove(&self, id: &str) {
        if let Some((_, session)) = self.by_id.remove(id) {
            session.client.end();
            session.outbox.close();
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.by_id.iter().map(|session| session.clone()).collect()
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

/// 128 random bits in hexadecimal.
fn random_id() -> Option<Arc<str>> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).ok()?;
    let mut id = String::with_capacity(32);
    for byte in bits {
        write!(id, "{byte:02x}").ok()?;
    }
    Some(id.into())
}
