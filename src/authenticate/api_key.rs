//! API keys: a name, and the hash of what its holder presents.
//!
//! ```toml
//! [keys.alice]
//! hash = "sha256:…"     # made by `mcpgate hash-key`
//! ```
//!
//! A key is 256 random bits, so one round of SHA-256 is enough: there is nothing to guess.

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::call::KeyName;

/// One `[keys.<name>]` table of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// `sha256:` and 64 hexadecimal digits, made by `mcpgate hash-key`.
    pub hash: KeyHash,
}

/// The SHA-256 of a key. Written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyHash([u8; 32]);

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        // The text is not repeated: people paste the key itself here.
        parse(&written).ok_or(
            "expected `sha256:` and 64 hexadecimal digits, as `mcpgate hash-key` prints them",
        )
    }
}

fn parse(written: &str) -> Option<KeyHash> {
    let digits = written.strip_prefix("sha256:")?.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(value).ok()?;
        }
    }
    Some(KeyHash(hash))
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        f.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Every key that opens the door.
#[derive(Debug, Clone, Default)]
pub struct ApiKeys(Vec<(KeyHash, KeyName)>);

impl ApiKeys {
    /// The keys of a configuration.
    pub fn new(keys: &IndexMap<KeyName, KeyConfig>) -> Self {
        let pairs = keys.iter().map(|(name, key)| (key.hash, name.clone()));
        Self(pairs.collect())
    }

    /// Whether there is none, so that nobody can be asked for one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who holds the key that was presented.
    pub fn find(&self, presented: &str) -> Option<&KeyName> {
        let presented = hash_of(presented);
        let mut holder = None;
        // All of them, each in constant time: how long it takes teaches nothing.
        for (hash, name) in &self.0 {
            if bool::from(hash.0.ct_eq(&presented.0)) {
                holder = Some(name);
            }
        }
        holder
    }
}

/// The hash under which a key is stored.
pub fn hash_of(key: &str) -> KeyHash {
    KeyHash(Sha256::digest(key.as_bytes()).into())
}

/// A new key, which only its holder keeps, and its hash, which only the gateway keeps.
///
/// # Errors
///
/// When the system has no randomness to give.
pub fn generate() -> Result<(String, KeyHash), getrandom::Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    // The prefix lets secret scanners, and people, tell what it is.
    let key = format!("mcpg_{}", hexadecimal(&random));
    let hash = hash_of(&key);
    Ok((key, hash))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(held: &[(&str, &str)]) -> ApiKeys {
        let pair = |(name, key): &(&str, &str)| {
            let name = KeyName::try_from((*name).to_owned()).unwrap();
            (name, KeyConfig { hash: hash_of(key) })
        };
        ApiKeys::new(&held.iter().map(pair).collect())
    }

    #[test]
    fn a_key_is_known_by_its_holder() {
        let keys = keys(&[("alice", "a"), ("bob", "b")]);

        assert_eq!(keys.find("a").map(KeyName::as_str), Some("alice"));
        assert_eq!(keys.find("b").map(KeyName::as_str), Some("bob"));
    }

    #[test]
    fn an_unknown_key_has_no_holder() {
        let keys = keys(&[("alice", "a")]);

        for stranger in ["", "A", "a ", "aa", &hash_of("a").to_string()] {
            assert_eq!(keys.find(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_generated_key_is_found_by_its_hash_and_never_repeats() {
        let (key, hash) = generate().unwrap();

        assert_eq!(key.len(), "mcpg_".len() + 64);
        assert_eq!(hash, hash_of(&key));
        assert_ne!(key, generate().unwrap().0);
    }

    #[test]
    fn a_hash_reads_back_as_it_was_written() {
        let hash = hash_of("");
        let written = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

        assert_eq!(hash.to_string(), written);
        assert_eq!(KeyHash::try_from(written.to_owned()), Ok(hash));
        assert_eq!(
            KeyHash::try_from(written.to_uppercase().replace("SHA", "sha")),
            Ok(hash)
        );
    }

    #[test]
    fn a_malformed_hash_is_refused() {
        let digits = "a".repeat(64);
        let cases = [
            String::new(),
            digits.clone(),
            format!("md5:{digits}"),
            format!("sha256:{digits}0"),
            format!("sha256:{}", digits.replace('a', "g")),
            format!("sha256:{}", "é".repeat(32)),
            "mcpg_1234".to_owned(),
        ];
        for case in cases {
            assert!(KeyHash::try_from(case.clone()).is_err(), "{case}");
        }
    }
}
