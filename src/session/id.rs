//! Ids that nobody can guess.

use std::{fmt::Write as _, sync::Arc};

/// 128 random bits in hexadecimal; nothing when the system has no randomness.
pub fn random_id() -> Option<Arc<str>> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).ok()?;
    let mut id = String::with_capacity(32);
    for byte in bits {
        write!(id, "{byte:02x}").ok()?;
    }
    Some(id.into())
}
