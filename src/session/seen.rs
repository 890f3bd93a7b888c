//! What a client saw when it last looked, and how long its streams may tell it of that.

use std::{
    net::IpAddr,
    sync::{MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::timeout;

use super::Session;
use crate::call::{Caller, KeyName, Sight};

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

/// The last look of a client.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Nothing where it may not look, or has not.
    seen: Option<Seen>,
    /// When what it showed is over, in Unix seconds; nothing: never.
    until: Option<u64>,
    /// A reload has taken away what it looked with.
    barred: bool,
}

/// How much longer streams may go on.
enum Lease {
    Over,
    For(Duration),
    Endless,
}

impl Session {
    /// Remembers what the client sees, so that it is told of what changes there.
    pub fn sees(&self, sight: &Sight, caller: &Caller) {
        let mut look = self.look();
        let same = look.seen.as_ref().is_some_and(|last| {
            last.sight == *sight && last.key == caller.key && last.address == caller.address
        });
        if same && look.until == caller.until {
            return;
        }
        *look = Look {
            seen: Some(Seen {
                sight: sight.clone(),
                key: caller.key.clone(),
                address: caller.address,
            }),
            until: caller.until,
            barred: false,
        };
        drop(look);
        self.looked.notify_waiters();
    }

    /// What the client saw so, it sees so from now on; nothing: it may not look any more, and its
    /// streams end. Not where it has looked again meanwhile.
    pub fn sees_instead(&self, seen: &Seen, now: Option<Sight>) {
        let mut look = self.look();
        if look.seen.as_ref() != Some(seen) {
            return;
        }
        look.barred = now.is_none();
        look.seen = now.map(|sight| Seen {
            sight,
            ..seen.clone()
        });
        drop(look);
        self.looked.notify_waiters();
    }

    /// The client has lost what it could look with: its streams tell it nothing more.
    pub fn sees_nothing(&self) {
        self.look().seen = None;
    }

    /// What the client saw when it last looked; nothing where it may not look, or has not.
    pub fn sight(&self) -> Option<Sight> {
        self.look().seen.as_ref().map(|last| last.sight.clone())
    }

    /// The same, and how it looked.
    pub fn seen(&self) -> Option<Seen> {
        self.look().seen.clone()
    }

    /// Whether its streams may go on: what the client has shown last is not over, and no reload has
    /// taken it away.
    pub fn may_listen(&self) -> bool {
        !matches!(self.lease(), Lease::Over)
    }

    /// Waits until its streams may not go on.
    pub async fn lapsed(&self) {
        loop {
            // Before looking, so that what happens in between is not missed.
            let looked = self.looked.notified();
            match self.lease() {
                Lease::Over => return,
                Lease::Endless => looked.await,
                // Either way it is looked again.
                Lease::For(time) => drop(timeout(time, looked).await),
            }
        }
    }

    fn lease(&self) -> Lease {
        let look = self.look();
        match (look.barred, look.until) {
            (true, _) => Lease::Over,
            (false, None) => Lease::Endless,
            (false, Some(until)) => left(until).map_or(Lease::Over, Lease::For),
        }
    }

    fn look(&self) -> MutexGuard<'_, Look> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time until then; nothing where it has passed.
fn left(until: u64) -> Option<Duration> {
    // A clock before 1970 is broken: everything is over then, rather than nothing.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or(Duration::MAX);
    let left = Duration::from_secs(until).checked_sub(now)?;
    (!left.is_zero()).then_some(left)
}
