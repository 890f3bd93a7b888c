//! The peers that serve one session or one caller each.

use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use tokio::sync::OnceCell;

use super::{environment::Environment, headers::Extra, peer::Peer};

/// Peers of one caller that were made with different things.
const MOST: usize = 8;

/// A peer, once it is open.
pub(super) type Cell = Arc<OnceCell<Arc<Peer>>>;

/// What a peer is made with, beside what is the same for all.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Made {
    /// Of a child.
    pub(super) environment: Environment,
    /// Of the request that opens a stream.
    pub(super) headers: Extra,
}

/// A place, what its peer is made with, and its number: the lower, the older.
struct Place {
    made: Made,
    cell: Cell,
    number: u64,
}

impl Place {
    fn is_over(&self) -> bool {
        self.cell.get().is_some_and(|peer| peer.life.is_over())
    }

    fn is_idle(&self) -> bool {
        self.cell.get().is_some_and(|peer| peer.pending.is_empty())
    }
}

/// The peers of some server, each under the session or the caller that it serves. What was made
/// with something else is another peer: a caller's role may change.
#[derive(Default)]
pub(super) struct Instances {
    places: DashMap<Arc<str>, Vec<Place>>,
    /// How many there have been. Newcomers come one at a time.
    made: Mutex<u64>,
}

impl Instances {
    /// The place of a peer. Where there would be too many, one that is idle goes; nothing, if `most`
    /// are in use.
    pub(super) fn cell(&self, key: &Arc<str>, made: &Made, most: usize) -> Option<Cell> {
        let held = |all: &Vec<Place>| {
            let mut fit = all.iter().filter(|place| place.made == *made);
            fit.find(|place| !place.is_over())
                .map(|place| place.cell.clone())
        };
        if let Some(cell) = self.places.get(key).and_then(|all| held(&all)) {
            return Some(cell);
        }
        let mut number = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.make_room(most) {
            return None;
        }
        let mut all = self.places.entry(key.clone()).or_default();
        if let Some(cell) = held(&all) {
            return Some(cell);
        }
        if all.len() >= MOST {
            let goes = all.iter().position(Place::is_idle).unwrap_or_default();
            stop(&all.remove(goes).cell);
        }
        *number += 1;
        let cell = Cell::default();
        all.push(Place {
            made: made.clone(),
            cell: cell.clone(),
            number: *number,
        });
        Some(cell)
    }

    /// Sees to it that there are fewer than `most`, if it can: the oldest that is idle goes.
    fn make_room(&self, most: usize) -> bool {
        self.places.retain(|_, all| {
            all.retain(|place| !place.is_over());
            !all.is_empty()
        });
        let count: usize = self.places.iter().map(|all| all.len()).sum();
        if count < most {
            return true;
        }
        let idle = self.places.iter().flat_map(|all| {
            let idle = all.iter().filter(|place| place.is_idle());
            let each = idle.map(|place| (place.number, all.key().clone(), place.cell.clone()));
            each.collect::<Vec<_>>()
        });
        let Some((_, key, cell)) = idle.min_by_key(|(number, ..)| *number) else {
            return false;
        };
        self.forget(&key, &cell);
        stop(&cell);
        true
    }

    /// The peers that are open under a key.
    pub(super) fn open(&self, key: &str) -> Vec<Arc<Peer>> {
        let all = self.places.get(key);
        let all = all.iter().flat_map(|all| all.iter());
        all.filter_map(|place| place.cell.get().cloned()).collect()
    }

    /// Whether a place is still one.
    pub(super) fn has(&self, key: &str, cell: &Cell) -> bool {
        let all = self.places.get(key);
        all.is_some_and(|all| all.iter().any(|place| Arc::ptr_eq(&place.cell, cell)))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.places.iter().all(|all| all.is_empty())
    }

    /// Forgets a place.
    pub(super) fn forget(&self, key: &str, cell: &Cell) {
        if let Some(mut all) = self.places.get_mut(key) {
            all.retain(|place| !Arc::ptr_eq(&place.cell, cell));
        }
        self.places.remove_if(key, |_, all| all.is_empty());
    }

    /// Lets all go that stand under a key.
    pub(super) fn end(&self, key: &str) {
        let all = self.places.remove(key);
        for place in all.iter().flat_map(|(_, all)| all) {
            stop(&place.cell);
        }
    }

    /// Takes all out; none is stopped.
    pub(super) fn take_all(&self) -> Vec<Arc<Peer>> {
        let mut peers = Vec::new();
        self.places.retain(|_, all| {
            peers.extend(all.iter().filter_map(|place| place.cell.get().cloned()));
            false
        });
        peers
    }
}

fn stop(cell: &Cell) {
    if let Some(peer) = cell.get() {
        peer.stop.cancel();
    }
}
