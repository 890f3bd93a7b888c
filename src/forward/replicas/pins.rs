//! Where the sessions of clients are: each stays at one replica, until that one cannot be had.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use dashmap::Entry;

use super::{Replica, Replicas, Tried, Worth};
use crate::{call::Client, forward::servers::Sharing, map::Table};

/// Each under what it is kept for: a session, or a caller.
type Held = Table<Arc<str>, Arc<Pin>>;

/// Where the sessions of clients are.
#[derive(Default)]
pub(super) struct Pins(Arc<Held>);

/// A client's session is at a replica. Calls hold on to it.
pub(super) struct Pin {
    pub(super) replica: Arc<Replica>,
    client: Arc<Client>,
    /// Another replica has the client now.
    moved: AtomicBool,
    key: Arc<str>,
    all: Weak<Held>,
}

impl Pins {
    fn new_at(&self, replica: &Arc<Replica>, client: &Arc<Client>, key: &Arc<str>) -> Arc<Pin> {
        replica.sessions.fetch_add(1, Ordering::Relaxed);
        Arc::new(Pin {
            replica: replica.clone(),
            client: client.clone(),
            moved: AtomicBool::new(false),
            key: key.clone(),
            all: Arc::downgrade(&self.0),
        })
    }
}

impl Pin {
    /// Whether the client has come back to this replica since it was moved away.
    fn is_back(&self) -> bool {
        let all = self.all.upgrade();
        let pin = all.and_then(|all| all.get(&self.key).map(|pin| pin.clone()));
        pin.is_some_and(|pin| Arc::ptr_eq(&pin.replica, &self.replica))
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.replica.sessions.fetch_sub(1, Ordering::Relaxed);
        // Only now: calls that were under way there have ended.
        if self.moved.load(Ordering::Relaxed)
            && !self.is_back()
            && let Ok(link) = self.replica.server.link()
        {
            link.session_ended(&self.client, true);
        }
    }
}

impl Replicas {
    /// Where a client's session is, or is to be opened: at another replica than before if that one
    /// has been tried, or refuses calls where others do not. Who comes later goes there, too.
    pub(super) fn pin(
        &self,
        client: &Arc<Client>,
        sharing: Sharing,
        tried: Tried,
    ) -> Option<Arc<Pin>> {
        let fits = |pin: &Arc<Pin>| {
            let replica = &pin.replica;
            let better = || self.best(tried).map(|best| best.worth());
            !tried.has(replica)
                && (replica.worth() != Worth::Refusing || better() == Some(Worth::Refusing))
        };
        let key = key(client, sharing);
        if let Some(pin) = self.pins.0.get(&key).map(|pin| pin.clone())
            && fits(&pin)
        {
            return Some(pin);
        }
        let new = || Some(self.pins.new_at(self.best(tried)?, client, &key));
        let (pin, before) = match self.pins.0.entry(key.clone()) {
            // Somebody was faster.
            Entry::Occupied(held) if fits(held.get()) => (held.get().clone(), None),
            Entry::Occupied(mut held) => {
                let pin = new()?;
                (pin.clone(), Some(held.insert(pin)))
            }
            Entry::Vacant(free) => {
                let pin = new()?;
                free.insert(pin.clone());
                (pin, None)
            }
        };
        if let Some(before) = before {
            before.moved.store(true, Ordering::Relaxed);
        }
        if client.is_over() {
            // Its end may have been just before: nobody else would forget this.
            self.pins.0.remove(&key);
        }
        Some(pin)
    }

    /// A client's session is over; `last`: its caller has no other.
    pub(in crate::forward) fn session_ended(&self, client: &Client, last: bool) {
        for link in self.links() {
            link.session_ended(client, last);
        }
        let sharing = self.sharing();
        if sharing != Sharing::Caller || last {
            drop(self.pins.0.remove(&key(client, sharing)));
        }
    }
}

fn key(client: &Client, sharing: Sharing) -> Arc<str> {
    match sharing {
        Sharing::Caller => client.identity.to_string().into(),
        Sharing::Nobody | Sharing::Everybody => client.session.clone(),
    }
}
