//! Tokens that were verified a moment ago.
//!
//! Clients send one token with each call, and to verify it (28 µs with RS256, 100 µs with ES256)
//! costs more than all the rest of a call does; to find it here costs 1 µs. What is kept is found
//! by the SHA-256 of the whole token, signature included.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use super::Claims;

/// How long, in seconds, a token is not verified again. That long a key which its issuer has
/// withdrawn may go on to work.
const LIFETIME: u64 = 60;
/// Tokens in each of the two generations.
const GENERATION: usize = 5_000;

type Digest = [u8; 32];

/// Tokens that were verified a moment ago, 10,000 of them at most.
#[derive(Default)]
pub(super) struct Verified(Mutex<Generations>);

/// When the young are too many they become the old, and the old are forgotten: the bound costs
/// no search for what to drop, however many tokens come.
#[derive(Default)]
struct Generations {
    young: HashMap<Digest, Entry>,
    old: HashMap<Digest, Entry>,
}

struct Entry {
    claims: Claims,
    /// Unix seconds.
    until: u64,
}

impl Verified {
    /// What the token said, if it would still be believed.
    pub(super) fn get(&self, digest: &Digest, now: u64) -> Option<Claims> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.young.get(digest).or_else(|| known.old.get(digest))?;
        (now < entry.until).then(|| entry.claims.clone())
    }

    /// Keeps what a token says, until `end` (Unix seconds) at the latest.
    pub(super) fn insert(&self, digest: Digest, claims: &Claims, now: u64, end: u64) {
        let entry = Entry {
            claims: claims.clone(),
            until: end.min(now.saturating_add(LIFETIME)),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= GENERATION {
            known.old = mem::take(&mut known.young);
        }
        known.young.insert(digest, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            issuer: "corp".into(),
            id: "sam".into(),
            email: None,
            roles: Vec::new(),
            until: 0,
        }
    }

    #[test]
    fn a_token_is_kept_for_a_minute_and_never_beyond_its_end() {
        let verified = Verified::default();
        verified.insert([1; 32], &claims(), 1000, 5000);
        verified.insert([2; 32], &claims(), 1000, 1010);

        for (digest, now, kept) in [
            ([1; 32], 1059, true),
            ([1; 32], 1060, false),
            ([2; 32], 1009, true),
            ([2; 32], 1010, false),
            ([3; 32], 1000, false),
        ] {
            assert_eq!(
                verified.get(&digest, now).is_some(),
                kept,
                "{digest:?} {now}"
            );
        }
    }

    #[test]
    fn however_many_tokens_come_the_number_kept_is_bounded() {
        let verified = Verified::default();
        let digest = |number: u32| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_be_bytes());
            digest
        };
        for number in 0..30_000 {
            verified.insert(digest(number), &claims(), 1000, 5000);
        }

        let known = verified.0.lock().unwrap();
        assert!(known.young.len() + known.old.len() <= 10_000);
        drop(known);
        assert!(verified.get(&digest(29_999), 1000).is_some());
        assert!(verified.get(&digest(25_001), 1000).is_some());
        assert!(verified.get(&digest(0), 1000).is_none());
    }
}
