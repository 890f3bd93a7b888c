//! What a client is given to bring back: sealed, so that it can neither be read, made up, nor
//! used by another caller, for another request, or too late.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::seal::Key;

/// What tells our state from that of a server which keeps its own.
const PREFIX: &str = "mcpgate.";

/// The key of one process. What is parked dies with the process, and so may its key.
pub struct Seal {
    key: Key,
    /// Tells our states from those of another gateway, which may be behind this one.
    prefix: String,
}

impl Seal {
    /// A key that nobody knows; nothing when the system has no randomness.
    pub fn new() -> Option<Self> {
        let mut tag = [0; 6];
        getrandom::fill(&mut tag).ok()?;
        Some(Self {
            key: Key::random()?,
            prefix: format!("{PREFIX}{}.", URL_SAFE_NO_PAD.encode(tag)),
        })
    }

    /// Whether a state is one of ours, sound or not.
    pub fn is_ours(&self, state: &str) -> bool {
        state.starts_with(&self.prefix)
    }

    /// Seals `secret` for `purpose`.
    pub fn close(&self, purpose: &str, secret: &[u8]) -> Option<String> {
        let text = URL_SAFE_NO_PAD.encode(self.key.close(purpose, secret)?);
        Some(format!("{}{text}", self.prefix))
    }

    /// Opens what was sealed for `purpose`; nothing if it was not, or has been touched.
    pub fn open(&self, purpose: &str, state: &str) -> Option<Vec<u8>> {
        let text = state.strip_prefix(&self.prefix)?;
        self.key.open(purpose, URL_SAFE_NO_PAD.decode(text).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_for_the_purpose_opens() {
        let seal = Seal::new().unwrap();
        let state = seal.close("alice tools/call x", b"secret").unwrap();
        assert!(seal.is_ours(&state) && !state.contains("secret"));
        assert!(!Seal::new().unwrap().is_ours(&state));
        assert_eq!(
            seal.open("alice tools/call x", &state).as_deref(),
            Some(&b"secret"[..])
        );
        assert_eq!(seal.open("bob tools/call x", &state), None);
        assert_eq!(
            Seal::new().unwrap().open("alice tools/call x", &state),
            None
        );
        let mut touched = state.into_bytes();
        let last = touched.len() - 3;
        touched[last] = if touched[last] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            seal.open("alice tools/call x", &String::from_utf8(touched).unwrap()),
            None
        );
        let prefix = seal.prefix.clone();
        assert_eq!(seal.open("", &prefix), None);
    }
}
