//! Containers for the way of a call.
//!
//! The hash of the maps (foldhash, seeded at random) costs less than the standard library's, and is made for
//! keys that nobody outside can add at will: what the config, the servers and we ourselves name.
//! Where a stranger's word becomes a key that stays, the standard one has its place.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use dashmap::DashMap;
use foldhash::fast::RandomState;

/// A map.
pub type Map<K, V> = HashMap<K, V, RandomState>;

/// A map that many write to.
pub type Table<K, V> = DashMap<K, V, RandomState>;

/// A map in the order of the config.
pub type Ordered<K, V> = indexmap::IndexMap<K, V, RandomState>;

/// A list that several share and that is nearly always empty: then nothing is counted. All empty
/// `Arc<[T]>` are the same one, and cores that count it at once wait for each other.
#[derive(Debug)]
pub struct Few<T>(Option<Arc<[T]>>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Clone for Few<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(all: Vec<T>) -> Self {
        Self((!all.is_empty()).then(|| all.into()))
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        all.into_iter().collect::<Vec<T>>().into()
    }
}
