//! The sessions of clients: who opened them, what they wait for, when they end.

mod census;
mod ended;
mod id;
mod lasting;
mod outbox;
mod room;
mod sealed;
mod seen;
mod subscriptions;
mod table;
mod trail;
mod wishes;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use seen::Look;
use tokio::{sync::Notify, time::Instant};

pub use census::Census;
pub use id::random_id;
pub use outbox::{Outbox, Reader};
pub use sealed::{LIFE, Sealed};
pub use seen::Seen;
pub use subscriptions::Subscriptions;
pub use table::{Found, Sessions};
pub use trail::{EventId, PATIENCE, Trail};
pub use wishes::{Mark, Wish, Wishes, mark};

use crate::{
    call::{Client, Identity},
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
    /// What the client saw when it last looked.
    look: Mutex<Look>,
    /// It has looked another way, or what it looks with has been taken away.
    looked: Notify,
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
            look: Mutex::default(),
            looked: Notify::new(),
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

impl Busy {
    /// Its session.
    pub fn session(&self) -> &Session {
        &self.0
    }
}

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
