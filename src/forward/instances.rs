//! The peers that serve one session or one caller each.

use std::sync::Arc;

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

/// The peers of some server, each under the session or the caller that it serves. What was made
/// with something else is another peer: a caller's role may change.
#[derive(Default)]
pub(super) struct Instances(DashMap<Arc<str>, Vec<(Made, Cell)>>);

impl Instances {
    /// The place of a peer. Where there would be too many, one that is idle goes.
    pub(super) fn cell(&self, key: &Arc<str>, made: &Made) -> Cell {
        let mut all = self.0.entry(key.clone()).or_default();
        all.retain(|(_, cell)| !cell.get().is_some_and(|peer| peer.life.is_over()));
        if let Some((_, cell)) = all.iter().find(|(with, _)| with == made) {
            return cell.clone();
        }
        if all.len() >= MOST {
            let idle =
                |(_, cell): &(Made, Cell)| cell.get().is_some_and(|peer| peer.pending.is_empty());
            let goes = all.iter().position(idle).unwrap_or_default();
            let (_, old) = all.remove(goes);
            stop(&old);
        }
        let cell = Cell::default();
        all.push((made.clone(), cell.clone()));
        cell
    }

    /// The peers that are open under a key.
    pub(super) fn open(&self, key: &str) -> Vec<Arc<Peer>> {
        let all = self.0.get(key);
        let all = all.iter().flat_map(|all| all.iter());
        all.filter_map(|(_, cell)| cell.get().cloned()).collect()
    }

    /// Whether a place is still one.
    pub(super) fn has(&self, key: &str, cell: &Cell) -> bool {
        let all = self.0.get(key);
        all.is_some_and(|all| all.iter().any(|(_, held)| Arc::ptr_eq(held, cell)))
    }

    /// Forgets a place.
    pub(super) fn forget(&self, key: &str, cell: &Cell) {
        if let Some(mut all) = self.0.get_mut(key) {
            all.retain(|(_, held)| !Arc::ptr_eq(held, cell));
        }
        self.0.remove_if(key, |_, all| all.is_empty());
    }

    /// Lets all go that stand under a key.
    pub(super) fn end(&self, key: &str) {
        let all = self.0.remove(key);
        for (_, cell) in all.iter().flat_map(|(_, all)| all) {
            stop(cell);
        }
    }

    /// Takes all out; none is stopped.
    pub(super) fn take_all(&self) -> Vec<Arc<Peer>> {
        let mut peers = Vec::new();
        self.0.retain(|_, all| {
            peers.extend(all.iter().filter_map(|(_, cell)| cell.get().cloned()));
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
