//! Every session.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use http::{HeaderValue, header::AUTHORIZATION};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::{
    Filter, Session,
    census::{Tally, way},
    ended::Ended,
    id::random_id,
    room::Room,
    wishes::{Before, Wish},
};
use crate::{
    call::{Client, Identity, Transport, Visit},
    map::Table,
    mcp::Revision,
    refusal::Refusal,
    seal::Key,
};

/// In the ids of those that stand for a caller, whom nobody can name, and in no other.
const KEPT: char = ':';
/// What a client may say of itself, in bytes: it is kept as long as the session is.
const SAID: usize = 64 * 1024;

/// A session, and what it wants to hear of again.
pub type Found = (Arc<Session>, Option<Box<Wish>>);

/// Every session.
#[derive(Debug)]
pub struct Sessions {
    pub(super) by_id: Table<Arc<str>, Arc<Session>>,
    /// What seals ids; nothing when the system has no randomness.
    pub(super) key: OnceLock<Option<Key>>,
    pub(super) ended: Ended,
    pub(super) room: Room,
    pub(super) tally: Tally,
    pub(super) before: Before,
    /// Those that had to go for others, until somebody has taken leave of them.
    gone: Mutex<Vec<Arc<Session>>>,
    went: Notify,
    /// Held by who opens a session.
    opening: Mutex<()>,
    idle: Duration,
}

impl Sessions {
    /// Room for `most` sessions; one that is idle for longer than `idle` ends.
    pub fn new(most: usize, idle: Duration) -> Self {
        Self {
            by_id: Table::default(),
            key: OnceLock::new(),
            ended: Ended::default(),
            room: Room::new(most),
            tally: Tally::default(),
            before: Before::default(),
            gone: Mutex::default(),
            went: Notify::new(),
            opening: Mutex::default(),
            idle,
        }
    }

    /// Room for so many of each caller.
    #[must_use]
    pub fn of_each(mut self, most: usize) -> Self {
        self.room.most_each = most;
        self
    }

    /// Opens a session for a client that has said `capabilities` and `info` of itself. It ends
    /// with the connection, or with the process.
    ///
    /// # Errors
    /// When there is no room, or it has said too much.
    pub fn open(
        &self,
        visit: &Visit,
        revision: Revision,
        capabilities: &str,
        info: &str,
    ) -> Result<Arc<Session>, Refusal> {
        let way = way(visit, Transport::Sse);
        self.open_as((None, way), visit, revision, [capabilities, info])
    }

    /// Opens a session under this id, or one of random bits.
    pub(super) fn open_as(
        &self,
        (id, way): (Option<Arc<str>>, Transport),
        visit: &Visit,
        revision: Revision,
        [capabilities, info]: [&str; 2],
    ) -> Result<Arc<Session>, Refusal> {
        brief(capabilities, info)?;
        // Without randomness an id could be guessed; better to open none.
        let id = id.or_else(random_id).ok_or(Refusal::SessionsFull)?;
        let identity = visit.caller.identity.clone();
        let client = Client::new(id, identity, revision, capabilities, info).over(way);
        self.enter(Arc::new(Session::new(client.within(visit.extent.clone()))))
    }

    /// Gives a session its place, which may be that of another, and puts it in the table; gives the
    /// one of that id if another request was faster. One at a time: each has its place just while
    /// it stands in the table, and several who ask for the same one do not each have another go.
    ///
    /// # Errors
    /// When there is no room, or it has ended.
    pub(super) fn enter(&self, session: Arc<Session>) -> Result<Arc<Session>, Refusal> {
        let _turn = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = self.get(session.id()) {
            return Ok(first);
        }
        if let Some(goes) = self.room.take(&session)? {
            tracing::info!(caller = %goes.identity(), "session ended: idle, and others need room");
            self.remove(goes.id());
            self.leaving().push(goes);
            self.went.notify_one();
            Tally::add(&self.tally.displaced);
        }
        Tally::add(&self.tally.opened);
        self.by_id.insert(session.id().clone(), session.clone());
        // Asked last: who has ended it meanwhile has not found it here.
        if self.ended.has(session.id()) {
            self.remove(session.id());
            return Err(Refusal::SessionUnknown);
        }
        Ok(session)
    }

    /// Those that had to go for others: servers are still to hear of it. Waits until there are any.
    pub async fn gone(&self) -> Vec<Arc<Session>> {
        loop {
            let all = std::mem::take(&mut *self.leaving());
            if !all.is_empty() {
                return all;
            }
            self.went.notified().await;
        }
    }

    fn leaving(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands for the requests of a stateless client: servers that keep sessions keep one
    /// for all requests of the same caller, known by the same facts, with the same capabilities.
    ///
    /// # Errors
    /// When there is no room.
    pub fn stateless(
        &self,
        visit: &Visit,
        capabilities: &str,
        info: &str,
    ) -> Result<Arc<Session>, Refusal> {
        let way = way(visit, Transport::Http);
        self.kept(
            ("stateless", way),
            visit,
            Revision::V2026_07_28,
            [capabilities, info],
        )
    }

    /// What stands for the calls of somebody who speaks plain HTTP.
    ///
    /// # Errors
    /// When there is no room.
    pub fn plain(&self, visit: &Visit, info: &str) -> Result<Arc<Session>, Refusal> {
        self.kept(
            ("plain", Transport::Plain),
            visit,
            Revision::LATEST,
            ["{}", info],
        )
    }

    /// One for each caller, of which nobody is told the id.
    fn kept(
        &self,
        (kind, way): (&str, Transport),
        visit: &Visit,
        revision: Revision,
        [capabilities, info]: [&str; 2],
    ) -> Result<Arc<Session>, Refusal> {
        let (identity, extent) = (&visit.caller.identity, &visit.extent);
        // What a server's session is opened with must be the same for all who use it.
        let caller = &visit.caller;
        let facts = (&caller.standing, &caller.key, &caller.id, &caller.email);
        let shown = visit.header(&AUTHORIZATION).map(HeaderValue::as_bytes);
        let all = format!("{:?}", (identity, extent, capabilities, facts, shown));
        let digest = Sha256::digest(all.as_bytes());
        let mut id = format!("{kind}{KEPT}");
        for byte in digest.iter().take(16) {
            write!(id, "{byte:02x}").map_err(|_full| Refusal::SessionsFull)?;
        }
        if let Some(session) = self.by_id.get(id.as_str()) {
            return Ok(session.clone());
        }
        brief(capabilities, info)?;
        let client = Client::new(id.into(), identity.clone(), revision, capabilities, info);
        let client = client.over(way).within(extent.clone());
        self.enter(Arc::new(Session::new(client)))
    }

    /// What stands for a stateless client's stream of notifications.
    ///
    /// # Errors
    /// When there is no room.
    pub fn listen(&self, asker: &Client, filter: Filter) -> Result<Arc<Session>, Refusal> {
        let id = random_id().ok_or(Refusal::SessionsFull)?;
        let identity = asker.identity.clone();
        let client = Client::new(id, identity, Revision::V2026_07_28, "{}", "{}");
        let client = client.over(asker.transport);
        self.enter(Arc::new(Session {
            filter: Some(filter),
            ..Session::new(client.within(asker.extent.clone()))
        }))
    }

    /// The session of that id, if this caller opened it, by this path; perhaps before a restart, and
    /// then with what it wanted to hear of.
    ///
    /// # Errors
    /// The same for an unknown session and for somebody else's.
    pub fn find(&self, id: &str, visit: &Visit) -> Result<Found, Refusal> {
        let (session, wish) = match self.get(id) {
            Some(session) => (session, None),
            None => self.rebuild(id, visit)?,
        };
        let mine = session.client.identity == visit.caller.identity
            && session.client.extent == visit.extent
            && !session.client.revision.is_stateless()
            && !id.contains(KEPT);
        match mine {
            true => Ok((session, wish)),
            false => Err(Refusal::SessionUnknown),
        }
    }

    /// The session of that id, whoever opened it.
    pub fn get(&self, id: &str) -> Option<Arc<Session>> {
        self.by_id.get(id).map(|session| session.clone())
    }

    /// Forgets a session and closes its stream. Nobody can come back to it.
    pub fn remove(&self, id: &str) -> Option<Arc<Session>> {
        // First, so that it cannot be rebuilt in between.
        self.ended.add(id);
        let (_, session) = self.by_id.remove(id)?;
        self.room.leave(&session);
        session.client.end();
        session.close();
        Some(session)
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.by_id.iter().map(|session| session.clone()).collect()
    }

    /// Whether a caller has any.
    pub fn has(&self, identity: &Identity) -> bool {
        self.room.has(identity)
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

/// # Errors
/// When a client says more of itself than may be kept for each.
fn brief(capabilities: &str, info: &str) -> Result<(), Refusal> {
    match capabilities.len() + info.len() <= SAID {
        true => Ok(()),
        false => Err(Refusal::Params(
            "`capabilities` and `clientInfo` are longer than 64 KiB",
        )),
    }
}
