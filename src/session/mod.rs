//! The sessions of clients: who opened them, what they wait for, when they end.

mod census;
mod ended;
mod id;
mod lasting;
mod outbox;
mod room;
mod sealed;
mod subscriptions;
mod table;
mod trail;
mod wishes;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

pub use census::Census;
pub use id::random_id;
pub use outbox::{Outbox, Reader};
pub use sealed::{LIFE, Sealed};
pub use subscriptions::Subscriptions;
pub use table::{Found, Sessions};
pub use trail::{EventId, PATIENCE, Trail};
pub use wishes::{Mark, Wish, Wishes, mark};

use crate::{
    call::{Caller, Client, Identity, KeyName, Sight},
    exchange::Exchange,
    mcp::{Frame, List, Method, Part},
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

/// What a client saw when it last looked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it saw.
    pub sight: Sight,
    /// The key that it showed.
    pub key: Option<KeyName>,
    /// Where it came from; nothing on a pipe.
    pub address: Option<IpAddr>,
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    /// What servers may know of it.
    pub client: Arc<Client>,
    /// What waits for its GET stream.
    pub outbox: Arc<Outbox>,
    /// The answers that the client can come back for.
    trails: Mutex<Vec<trail::Left>>,
    /// What a stateless client listens to; nothing for a session.
    filter: Option<Filter>,
    rebuilt: bool,
    /// What the client saw when it last looked; nothing where it may not look, or has not.
    seen: Mutex<Option<Seen>>,
    /// Those under way, by their ids: few, so that looking through them is fastest.
    calls: Mutex<Vec<(Bytes, Arc<Exchange>)>>,
    busy: AtomicUsize,
    born: Instant,
    /// When it was last busy, in milliseconds of its life.
    last_busy: AtomicU64,
}

impl Session {
    fn new(client: Client) -> Self {
        Self {
            client: Arc::new(client),
            outbox: Arc::default(),
            trails: Mutex::default(),
            filter: None,
            rebuilt: false,
            seen: Mutex::default(),
            calls: Mutex::default(),
            busy: AtomicUsize::new(0),
            born: Instant::now(),
            last_busy: AtomicU64::new(0),
        }
    }

    /// One that was there before a restart. Its events and questions are numbered on from
    /// `numbers`.
    fn again(client: Client, numbers: u64) -> Self {
        Self {
            outbox: Arc::new(Outbox::after(numbers)),
            rebuilt: true,
            ..Self::new(client.numbering_from(numbers))
        }
    }

    /// Whether it was there before a restart.
    pub fn is_rebuilt(&self) -> bool {
        self.rebuilt
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
        calls.iter().map(|(_, exchange)| exchange.clone()).collect()
    }

    /// Who opened it. Nobody else may use it.
    pub fn identity(&self) -> &Identity {
        &self.client.identity
    }

    /// Remembers what the client sees, so that it is told of what changes there.
    pub fn sees(&self, sight: &Sight, caller: &Caller) {
        let mut last = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let same = last.as_ref().is_some_and(|last| {
            last.sight == *sight && last.key == caller.key && last.address == caller.address
        });
        if !same {
            *last = Some(Seen {
                sight: sight.clone(),
                key: caller.key.clone(),
                address: caller.address,
            });
        }
    }

    /// What the client saw so, it sees so from now on; nothing: it may not look any more. Not where
    /// it has looked again meanwhile.
    pub fn sees_instead(&self, seen: &Seen, now: Option<Sight>) {
        let mut last = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() == Some(seen) {
            *last = now.map(|sight| Seen {
                sight,
                ..seen.clone()
            });
        }
    }

    /// The client has lost what it could look with: its streams tell it nothing more.
    pub fn sees_nothing(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What the client saw when it last looked; nothing where it may not look, or has not.
    pub fn sight(&self) -> Option<Sight> {
        let last = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|last| last.sight.clone())
    }

    /// The same, and how it looked.
    pub fn seen(&self) -> Option<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps it from ending of idleness: a call is under way, or a stream is open.
    pub fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Remembers a call, so that the client can cancel it.
    pub fn begin<'a>(&'a self, id: Bytes, exchange: &'a Arc<Exchange>) -> Underway<'a> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((id, exchange.clone()));
        drop(calls);
        self.busy.fetch_add(1, Ordering::Relaxed);
        Underway {
            session: self,
            exchange,
        }
    }

    /// The client has cancelled a call.
    pub fn cancel(&self, notification: Frame) {
        let Some(id) = notification.raw_bytes(Part::RequestId) else {
            return;
        };
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // A client that uses an id twice at once means the later call.
        if let Some((_, exchange)) = calls.iter().rfind(|(call, _)| *call == id) {
            exchange.withdraw(notification);
        }
    }

    fn idle_for(&self) -> Duration {
        self.idle_since()
            .map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// What kept it busy is over.
    fn rest(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_busy.store(now, Ordering::Relaxed);
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    /// Nothing while a call is under way, or a stream is open.
    fn idle_since(&self) -> Option<Instant> {
        let last_busy = Duration::from_millis(self.last_busy.load(Ordering::Relaxed));
        let is_idle = self.busy.load(Ordering::Relaxed) == 0;
        is_idle.then(|| self.born + last_busy)
    }
}

/// While this lives, its session is not idle.
#[derive(Debug)]
pub struct Busy(Arc<Session>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// While this lives, its call can be cancelled.
#[derive(Debug)]
pub struct Underway<'a> {
    session: &'a Session,
    exchange: &'a Arc<Exchange>,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let calls = &self.session.calls;
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |(_, held): &(Bytes, Arc<Exchange>)| Arc::ptr_eq(held, self.exchange);
        if let Some(place) = calls.iter().position(ours) {
            // In order: the later of two with one id is the one to cancel.
            calls.remove(place);
        }
        drop(calls);
        self.session.rest();
    }
}
