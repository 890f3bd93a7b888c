//! Room for sessions: how many there may be of all and of each caller, and which one goes for a
//! newcomer.
//!
//! Sessions stand in line by when they were last used, as far as is known here: a call does not
//! move them. Who is looked at too early is put where it belongs, so that nobody is looked at more
//! often than it is used.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Session;
use crate::{call::Identity, refusal::Refusal};

/// How long a session has been idle before it goes for somebody else's.
const RESTED: Duration = Duration::from_secs(10);
/// One that is busy is not looked at again for so long.
const BUSY: Duration = Duration::from_secs(1);

/// A place in line: since when it is idle, at the earliest, and what makes it the only one.
type Turn = (Instant, usize);
type Line = BTreeMap<Turn, Arc<Session>>;

/// The room there is.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) most: usize,
    pub(super) most_each: usize,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    all: Line,
    each: HashMap<Identity, Line>,
    turns: HashMap<usize, Instant>,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            most_each: most,
            places: Mutex::default(),
        }
    }

    /// Takes a place. Gives the session that has to go for it, if one has.
    ///
    /// # Errors
    /// When there is none, and nobody has been idle for long enough.
    pub(super) fn take(&self, session: &Arc<Session>) -> Result<Option<Arc<Session>>, Refusal> {
        let mut places = self.places();
        let identity = session.identity();
        let most_each = match identity {
            // Strangers are not one caller: one of them would end the sessions of all others.
            Identity::Anonymous => usize::MAX,
            Identity::Local
            | Identity::Key(_)
            | Identity::Certificate(_)
            | Identity::Token(..)
            | Identity::User(..) => self.most_each,
        };
        let own = places.each.get(identity).map_or(0, Line::len);
        let goes = if own >= most_each {
            let goes = places.longest_idle(Some(identity), Duration::ZERO);
            Some(goes.ok_or(Refusal::SessionsOfCaller)?)
        } else if places.all.len() >= self.most {
            let goes = places.longest_idle(None, RESTED);
            Some(goes.ok_or(Refusal::SessionsFull)?)
        } else {
            None
        };
        if let Some(goes) = &goes {
            places.remove(goes);
        }
        places.insert(session, Instant::now());
        Ok(goes)
    }

    /// Gives a place back.
    pub(super) fn leave(&self, session: &Arc<Session>) {
        self.places().remove(session);
    }

    /// Whether a caller has any.
    pub(super) fn has(&self, identity: &Identity) -> bool {
        self.places().each.contains_key(identity)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// The one that has been idle for longest, of a caller or of all, and for so long.
    fn longest_idle(&mut self, of: Option<&Identity>, at_least: Duration) -> Option<Arc<Session>> {
        let now = Instant::now();
        loop {
            let line = match of {
                Some(identity) => self.each.get(identity)?,
                None => &self.all,
            };
            let ((turn, _), session) = line.first_key_value()?;
            // All others stand behind it.
            if *turn + at_least > now {
                return None;
            }
            let (turn, session) = (*turn, session.clone());
            let since = session.idle_since().unwrap_or(now + BUSY);
            if since <= turn {
                return Some(session);
            }
            self.remove(&session);
            self.insert(&session, since);
        }
    }

    fn insert(&mut self, session: &Arc<Session>, since: Instant) {
        let place = place(session);
        let turn = (since, place);
        self.turns.insert(place, since);
        self.all.insert(turn, session.clone());
        let line = self.each.entry(session.identity().clone());
        line.or_default().insert(turn, session.clone());
    }

    fn remove(&mut self, session: &Arc<Session>) {
        let place = place(session);
        let Some(since) = self.turns.remove(&place) else {
            return;
        };
        self.all.remove(&(since, place));
        let Some(line) = self.each.get_mut(session.identity()) else {
            return;
        };
        line.remove(&(since, place));
        if line.is_empty() {
            self.each.remove(session.identity());
        }
    }
}

/// No two that are there have the same.
fn place(session: &Arc<Session>) -> usize {
    Arc::as_ptr(session).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{call::Client, mcp::Revision};

    fn session(number: usize) -> Arc<Session> {
        let identity = Identity::User(None, format!("{}", number % 2).into());
        let id = number.to_string().into();
        let client = Client::new(id, identity, Revision::LATEST, "{}", "{}");
        Arc::new(Session::new(client))
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_holds_whom_it_should_in_the_order_of_their_last_use() {
        let room = Room {
            most_each: 100,
            ..Room::new(4)
        };
        let mut sessions = Vec::new();
        for number in 0..4 {
            sessions.push(session(number));
            assert!(room.take(&sessions[number]).unwrap().is_none());
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        drop(sessions[0].busy());
        let _busy = sessions[1].busy();

        for (seconds, expected) in [(1, "2"), (1, "3"), (8, "0")] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            let goes = room.take(&session(7)).unwrap().unwrap();
            assert_eq!(**goes.id(), *expected);
        }
        assert!(room.take(&session(7)).is_err(), "nobody has rested");
        room.leave(&sessions[1]);
        assert!(room.take(&session(9)).unwrap().is_none());
        let places = room.places();
        assert_eq!((places.all.len(), places.turns.len()), (4, 4));
        assert_eq!(places.each.values().map(Line::len).sum::<usize>(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_newcomers_does_not_have_everybody_looked_at() {
        let room = Room::new(1000);
        let sessions: Vec<_> = (0..1000).map(session).collect();
        for session in &sessions {
            room.take(session).unwrap();
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        let busy: Vec<_> = sessions.iter().map(Session::busy).collect();
        assert!(room.take(&session(0)).is_err());
        // From now on nobody is looked at for a while, although all could go.
        drop(busy);
        let first = *room.places().all.first_key_value().unwrap().0;
        for _ in 0..1000 {
            assert!(room.take(&session(0)).is_err());
        }
        assert_eq!(*room.places().all.first_key_value().unwrap().0, first);
        tokio::time::advance(RESTED + BUSY).await;
        assert!(room.take(&session(0)).unwrap().is_some());
    }
}
