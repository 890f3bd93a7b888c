//! Where a rate keeps its counts: one cell for each key, and one for all who find no room.

use std::sync::Arc;

use dashmap::{DashMap, Entry};
use governor::{
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore, keyed::ShrinkableKeyedStateStore},
};

use super::{keys::Key, places::Places};

/// The cells of one rate. A clone is the same cells.
#[derive(Clone)]
pub(super) struct Cells(Arc<Inner>);

struct Inner {
    own: DashMap<Key, InMemoryState>,
    places: Places,
    /// Nobody passes uncounted, and nobody who has a cell is refused for those who have none.
    shared: InMemoryState,
}

impl Cells {
    /// Room for `most` keys.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            own: DashMap::new(),
            places: Places::new(most),
            shared: InMemoryState::default(),
        }))
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.places.is_full()
    }

    /// When the next call of `key` would be due, were there no burst. None: it has not called.
    pub(super) fn due(&self, key: Key) -> Option<Nanos> {
        match self.0.own.get(&key) {
            Some(cell) => due(&cell),
            None if self.is_full() => due(&self.0.shared),
            None => None,
        }
    }
}

/// Reads a cell: what refuses to replace it is still told what is in it.
fn due(cell: &InMemoryState) -> Option<Nanos> {
    cell.measure_and_replace(&NotKeyed::NonKey, Err::<((), Nanos), _>)
        .err()
        .flatten()
}

impl StateStore for Cells {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Inner {
            own,
            places,
            shared,
        } = &*self.0;
        if let Some(cell) = own.get(key) {
            return cell.measure_and_replace(&NotKeyed::NonKey, measure);
        }
        let cell = match own.entry(*key) {
            Entry::Occupied(cell) => cell.into_ref(),
            Entry::Vacant(place) if places.take() => place.insert(InMemoryState::default()),
            Entry::Vacant(place) => {
                drop(place);
                return shared.measure_and_replace(&NotKeyed::NonKey, measure);
            }
        };
        cell.measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

impl ShrinkableKeyedStateStore<Key> for Cells {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.own.retain(|_, cell| {
            let stays = due(cell).is_some_and(|due| due > drop_below);
            if !stays {
                self.0.places.give_back();
            }
            stays
        });
    }

    fn len(&self) -> usize {
        self.0.places.taken()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
impl Cells {
    /// How many there really are.
    pub(super) fn kept(&self) -> usize {
        self.0.own.len()
    }
}
