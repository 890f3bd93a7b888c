//! Maps for the way of a call.
//!
//! Their hash (foldhash, seeded at random) costs less than the standard library's, and is made for
//! keys that nobody outside can add at will: what the config, the servers and we ourselves name.
//! Where a stranger's word becomes a key that stays, the standard one has its place.

use std::collections::HashMap;

use dashmap::DashMap;
use foldhash::fast::RandomState;

/// A map.
pub type Map<K, V> = HashMap<K, V, RandomState>;

/// A map that many write to.
pub type Table<K, V> = DashMap<K, V, RandomState>;

/// A map in the order of the config.
pub type Ordered<K, V> = indexmap::IndexMap<K, V, RandomState>;
