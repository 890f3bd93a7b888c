//! A key that somebody has written in clear, on the command line or in the environment.

use super::{KeyHash, hash_of};

/// Shorter ones can be guessed.
pub const SHORTEST_KEY: usize = 16;

/// A key that was given in clear: hashed at once, so that no log and no error can repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainKey {
    hash: KeyHash,
    weak: bool,
    sendable: bool,
}

impl From<&str> for PlainKey {
    fn from(key: &str) -> Self {
        // A header's value loses the space around it.
        let key = key.trim();
        Self {
            hash: hash_of(key),
            weak: key.len() < SHORTEST_KEY,
            sendable: !key.is_empty() && key.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        }
    }
}

impl PlainKey {
    /// What is kept of it.
    pub fn hash(self) -> KeyHash {
        self.hash
    }

    /// Whether it can be guessed.
    pub fn is_weak(self) -> bool {
        self.weak
    }

    /// Whether a client can send it in a header.
    pub fn is_sendable(self) -> bool {
        self.sendable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_remains_of_a_key_but_its_hash_and_how_good_it_is() {
        let strong = PlainKey::from(" hunter2-hunter2-hunter2\n");

        assert_eq!(strong.hash(), hash_of("hunter2-hunter2-hunter2"));
        assert!(!strong.is_weak() && strong.is_sendable());
        assert!(PlainKey::from("hunter2").is_weak());
        assert!(!format!("{strong:?}").contains("hunter"));
        for wrong in ["", " ", "schlüssel-schlüssel", "a\nb"] {
            assert!(!PlainKey::from(wrong).is_sendable(), "{wrong:?}");
        }
    }
}
