//! API keys: a name, and the hash of what its holder presents.
//!
//! ```toml
//! [keys.alice]
//! hash = "sha256:…"     # made by `mcpgate hash-key`
//! role = "analyst"
//! ```
//!
//! A key is 256 random bits, so one round of SHA-256 is enough: there is nothing to guess.

#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr, sync::Arc};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{KeyFault, expiry::Expiry};
use crate::{
    call::{Identity, KeyName, Networks, RoleName, Standing, Who},
    map::Map,
};

/// One `[keys.<name>]` table of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// `sha256:` and 64 hexadecimal digits, made by `mcpgate hash-key`.
    pub hash: KeyHash,
    /// What its holder may do; everything where no role is defined at all.
    pub role: Option<RoleName>,
    /// Who holds it, where that is not its own name: two keys of one caller share its sessions.
    pub caller: Option<KeyName>,
    /// The networks it may be used from; absent: all.
    #[serde(default)]
    pub from: Networks,
    /// When it stops being one.
    pub expires: Option<Expiry>,
    /// It is not one for the time being.
    #[serde(default)]
    pub disabled: bool,
}

/// The SHA-256 of a key. Written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
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

impl KeyHash {
    fn start(&self) -> [u8; 8] {
        let mut start = [0; 8];
        start
            .iter_mut()
            .zip(self.0)
            .for_each(|(to, from)| *to = from);
        start
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

/// Every key that opens the door, by the first bytes of its hash. Whoever shows a key cannot
/// choose those, so that how long it takes to look them up teaches nothing of the rest.
#[derive(Debug, Clone, Default)]
pub struct ApiKeys {
    by_start: Map<[u8; 8], Vec<Key>>,
    /// Under which start that of a name stands.
    starts: Map<KeyName, [u8; 8]>,
}

#[derive(Debug, Clone)]
struct Key {
    hash: KeyHash,
    who: Arc<Who>,
    from: Networks,
    expires: Option<Timestamp>,
    disabled: bool,
}

impl ApiKeys {
    /// The keys of a configuration. One that names no role may do this.
    pub fn new(keys: &IndexMap<KeyName, KeyConfig>, roleless: &Standing) -> Self {
        let key = |(name, key): (&KeyName, &KeyConfig)| {
            let standing = match &key.role {
                Some(role) => Standing::Role(role.clone()),
                None => roleless.clone(),
            };
            let holder = key.caller.as_ref().unwrap_or(name).clone();
            let id = Some(holder.as_str().into());
            Key {
                hash: key.hash,
                who: Arc::new(Who {
                    key: Some(name.clone()),
                    id,
                    until: key.expires.map(Expiry::seconds),
                    ..Who::of(Identity::Key(holder), standing)
                }),
                from: key.from.clone(),
                expires: key.expires.map(Expiry::at),
                disabled: key.disabled,
            }
        };
        let mut by_start: Map<_, Vec<Key>> = Map::default();
        for key in keys.iter().map(key) {
            by_start.entry(key.hash.start()).or_default().push(key);
        }
        let start = |(name, key): (&KeyName, &KeyConfig)| (name.clone(), key.hash.start());
        Self {
            by_start,
            starts: keys.iter().map(start).collect(),
        }
    }

    /// Whether there is none, so that nobody can be asked for one.
    pub fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    /// Who holds the key that was presented, from that address.
    ///
    /// # Errors
    /// When it opens nothing; how long that takes does not depend on why.
    pub fn find(&self, presented: &str, from: Option<IpAddr>) -> Result<&Arc<Who>, KeyFault> {
        let presented = hash_of(presented);
        let is_this = |key: &Key| bool::from(key.hash.0.ct_eq(&presented.0));
        // Those that begin alike; nearly always that is the one, or none.
        let key = compare(self.alike(&presented.start()), is_this).ok_or(KeyFault::Unknown)?;
        key.open(from)
    }

    /// The same for whoever would show the key of that name.
    ///
    /// # Errors
    /// When it would open nothing.
    pub fn named(&self, name: &KeyName, from: Option<IpAddr>) -> Result<&Arc<Who>, KeyFault> {
        let alike = self.starts.get(name).map(|start| self.alike(start));
        let mut keys = alike.unwrap_or_default().iter();
        let key = keys.find(|key| key.who.key.as_ref() == Some(name));
        key.ok_or(KeyFault::Unknown)?.open(from)
    }

    fn alike(&self, start: &[u8; 8]) -> &[Key] {
        self.by_start.get(start).map_or(&[], Vec::as_slice)
    }
}

impl Key {
    fn open(&self, from: Option<IpAddr>) -> Result<&Arc<Who>, KeyFault> {
        if self.disabled {
            return Err(KeyFault::Disabled);
        }
        let over = |expires: Timestamp| expires <= Timestamp::now();
        if self.expires.is_some_and(over) {
            return Err(KeyFault::Expired);
        }
        match self.from.admit(from) {
            true => Ok(&self.who),
            false => Err(KeyFault::Address),
        }
    }
}

/// The one that it is. All of them are compared, each in constant time: how long it takes teaches
/// nothing.
fn compare(keys: &[Key], mut is_this: impl FnMut(&Key) -> bool) -> Option<&Key> {
    let mut found = None;
    for key in keys {
        if is_this(key) {
            found = Some(key);
        }
    }
    found
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
