//! Which replica speaks for all: its lists are offered, and what is told to everybody comes from it.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use crate::route::Catalog;

/// No replica's place.
const NOBODY: usize = usize::MAX;

/// Which replica speaks for all.
pub(super) struct Lead {
    leader: AtomicUsize,
    known: Mutex<Box<[Known]>>,
}

/// What is known of one replica.
#[derive(Clone, Default)]
struct Known {
    /// What it offers, while it is there.
    catalog: Option<Catalog>,
    /// The first attempt to reach it is over.
    settled: bool,
}

impl Lead {
    pub(super) fn new(count: usize) -> Self {
        Self {
            leader: AtomicUsize::new(NOBODY),
            known: Mutex::new(vec![Known::default(); count].into()),
        }
    }

    fn known(&self) -> MutexGuard<'_, Box<[Known]>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the one that leads.
    pub(super) fn index(&self) -> Option<usize> {
        let index = self.leader.load(Ordering::Relaxed);
        (index != NOBODY).then_some(index)
    }

    /// A replica offers this; whether it speaks for all. Whoever leads goes on until it falls.
    pub(super) fn offers(&self, index: usize, catalog: &Catalog) -> bool {
        let mut known = self.known();
        if let Some(known) = known.get_mut(index) {
            known.catalog = Some(catalog.clone());
        }
        let leads = self.index().is_none_or(|leader| leader == index);
        if leads {
            self.leader.store(index, Ordering::Relaxed);
        }
        leads
    }

    /// A replica is gone. If it led, another does from now on: gives what that one offers.
    pub(super) fn loses(&self, index: usize) -> Option<Catalog> {
        let mut known = self.known();
        if let Some(known) = known.get_mut(index) {
            known.catalog = None;
        }
        if self.index() != Some(index) {
            return None;
        }
        let mut others = known.iter().enumerate();
        let next = others.find_map(|(index, known)| Some((index, known.catalog.clone()?)));
        let (leader, catalog) = next.unzip();
        self.leader
            .store(leader.unwrap_or(NOBODY), Ordering::Relaxed);
        catalog
    }

    /// The first attempt to reach a replica has failed; whether that is so of all.
    pub(super) fn failed(&self, index: usize) -> bool {
        let mut known = self.known();
        if let Some(known) = known.get_mut(index) {
            known.settled = true;
        }
        known.iter().all(|known| known.settled)
    }

    /// Whether any is there.
    pub(super) fn has_any(&self) -> bool {
        self.index().is_some()
    }
}
