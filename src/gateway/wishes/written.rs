//! What the file says.

use std::{
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::{
    call::{Level, ServerName},
    session::{Mark, Wish},
};

/// How this file writes it. Another way is another number.
pub(super) const VERSION: u32 = 1;
/// The largest file, in bytes: beyond, what was written longest ago is left out.
pub(super) const MOST: usize = 4 * 1024 * 1024;
/// More than what stands around all, and around each.
const FRAME: usize = 64;

/// What it says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) version: u32,
    pub(super) sessions: BTreeMap<Mark, Entry>,
}

/// What one session wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Until when it can come back, in seconds since 1970.
    pub(super) until: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resources: Vec<(String, String)>,
}

impl Written {
    /// Nothing.
    pub(super) fn none() -> Self {
        Self {
            version: VERSION,
            sessions: BTreeMap::new(),
        }
    }

    /// What is not too old.
    pub(super) fn wishes(self) -> HashMap<Mark, Wish> {
        let today = seconds();
        let young = self
            .sessions
            .into_iter()
            .filter(|(_, entry)| entry.until > today);
        young.map(|(mark, entry)| (mark, entry.wish())).collect()
    }

    /// Leaves out what is too much, the oldest first; gives how many that are.
    pub(super) fn fit(&mut self) -> usize {
        let mut ages: Vec<_> = self
            .sessions
            .iter()
            .map(|(mark, entry)| (entry.until, mark))
            .collect();
        ages.sort_unstable_by(|one, other| other.cmp(one));
        let (mut room, mut beyond) = (MOST - FRAME, Vec::new());
        for (_, mark) in ages {
            let size = self.sessions.get(mark).map_or(0, Entry::size) + mark.len() + FRAME;
            match room.checked_sub(size) {
                Some(left) => room = left,
                None => beyond.push(mark.clone()),
            }
        }
        beyond
            .iter()
            .for_each(|mark| drop(self.sessions.remove(mark)));
        beyond.len()
    }
}

impl Entry {
    /// What a session wants that can come back until then.
    pub(super) fn of(wish: Wish, until: u64) -> Self {
        let resources = wish.resources.into_iter();
        Self {
            until,
            level: wish.level.map(|level| level.name().to_owned()),
            resources: resources
                .map(|(server, uri)| (server.to_string(), uri))
                .collect(),
        }
    }

    fn wish(self) -> Wish {
        let resources = self.resources.into_iter();
        let named = |(server, uri)| Some((ServerName::try_from(server).ok()?, uri));
        Wish {
            level: self.level.and_then(|level| Level::named(&level)),
            resources: resources.filter_map(named).collect(),
        }
    }

    /// In bytes.
    fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(MOST, |text| text.len())
    }
}

/// Since 1970.
pub(super) fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
