//! Which replica has which task: another one knows nothing of it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Tasks that are remembered; the oldest are forgotten first.
const MOST: usize = 100_000;

/// Which replica has which task.
#[derive(Default)]
pub(super) struct Tasks(Mutex<Known>);

#[derive(Default)]
struct Known {
    places: HashMap<String, usize>,
    order: VecDeque<String>,
}

impl Tasks {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The replica at that place has made a task.
    pub(super) fn add(&self, id: String, place: usize) {
        let mut known = self.known();
        if known.places.insert(id.clone(), place).is_none() {
            known.order.push_back(id);
        }
        while known.order.len() > MOST {
            let oldest = known.order.pop_front().unwrap_or_default();
            known.places.remove(&oldest);
        }
    }

    /// The place of the one that has it.
    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.known().places.get(id).copied()
    }
}
