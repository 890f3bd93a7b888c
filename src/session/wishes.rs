//! What sessions want to hear of beside the answers to their calls, so that they hear of it again
//! when they are rebuilt after a restart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::{Sessions, sealed};
use crate::call::{Level, ServerName};

/// What a session wants to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The lowest level of log messages, if it has set one.
    pub level: Option<Level>,
    /// The resources that it has subscribed to.
    pub resources: Vec<(ServerName, String)>,
}

/// Stands for the id of a session, which cannot be told from it.
pub type Mark = String;

/// What is to be kept for a restart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// What those want now who can come back after it.
    pub now: HashMap<Mark, Wish>,
    /// How many have wanted too much for it to be kept.
    pub beyond: usize,
    /// Those that have come back since this was last asked: what they wanted before is over.
    pub taken: Vec<Mark>,
}

/// What was wanted before a restart, by those who have not come back yet.
#[derive(Debug, Default)]
pub(super) struct Before {
    wishes: Mutex<HashMap<Mark, Wish>>,
    taken: Mutex<Vec<Mark>>,
    changed: Notify,
}

impl Before {
    /// What the session of that id wanted. It is told once.
    pub(super) fn take(&self, id: &str) -> Option<Wish> {
        let mut wishes = lock(&self.wishes);
        if wishes.is_empty() {
            return None;
        }
        let (mark, wish) = wishes.remove_entry(&mark(id))?;
        lock(&self.taken).push(mark);
        Some(wish)
    }
}

impl Sessions {
    /// This was wanted before the restart: it is given to those who come back.
    pub fn wanted_before(&self, wishes: HashMap<Mark, Wish>) {
        *lock(&self.before.wishes) = wishes;
    }

    /// Somebody wants something else now.
    pub fn wishes_changed(&self) {
        self.before.changed.notify_one();
    }

    /// Waits until somebody does.
    pub async fn wishes_change(&self) {
        self.before.changed.notified().await;
    }

    /// What is to be kept for a restart, so many bytes of it at most.
    pub fn wishes(&self, most: usize) -> Wishes {
        let mut wishes = Wishes {
            taken: std::mem::take(&mut *lock(&self.before.taken)),
            ..Wishes::default()
        };
        let (mut room, lasting) = (most, self.all().into_iter());
        for session in lasting.filter(|session| sealed::may_be(session.id())) {
            let wish = Wish {
                level: session.client.level(),
                resources: session.client.all_watched(),
            };
            let left = room.checked_sub(wish.size());
            room = left.unwrap_or(room);
            match left {
                None => wishes.beyond += 1,
                Some(_) if wish == Wish::default() => {}
                Some(_) => drop(wishes.now.insert(mark(session.id()), wish)),
            }
        }
        wishes
    }
}

impl Wish {
    fn size(&self) -> usize {
        let resources = self.resources.iter();
        resources
            .map(|(server, uri)| server.as_str().len() + uri.len())
            .sum()
    }
}

/// What stands for the session of that id.
pub fn mark(id: &str) -> Mark {
    URL_SAFE_NO_PAD.encode(Sha256::digest(id))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
