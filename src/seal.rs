//! Sealing: what somebody else keeps for us can neither be read, nor made up, nor be used for
//! anything but what it was made for.

use std::fmt;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// What seals and opens. It does not show itself.
pub struct Key(LessSafeKey);

impl Key {
    /// How many bytes it has.
    pub const LENGTH: usize = 32;
    /// How many more bytes there are sealed than open.
    pub const OVERHEAD: usize = NONCE_LEN + 16;

    /// The key of these bytes; nothing when they cannot be one.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// A key that nobody knows; nothing when the system has no randomness.
    pub fn random() -> Option<Self> {
        let mut bytes = [0; Self::LENGTH];
        getrandom::fill(&mut bytes).ok()?;
        Self::new(&bytes)
    }

    /// Seals `secret` for `purpose`; nothing when the system has no randomness.
    pub fn close(&self, purpose: &str, secret: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        // At random, and not counted: a key outlives its process. 2^32 of them are well apart.
        getrandom::fill(&mut nonce).ok()?;
        let mut sealed = secret.to_vec();
        let bound = Aad::from(purpose.as_bytes());
        let used = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(used, bound, &mut sealed)
            .ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for `purpose`; nothing if it was not, or has been touched.
    pub fn open(&self, purpose: &str, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = sealed.get(..NONCE_LEN)?.try_into().ok()?;
        let bound = Aad::from(purpose.as_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let secret = sealed.get_mut(NONCE_LEN..)?;
        Some(self.0.open_in_place(nonce, bound, secret).ok()?.to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}
