//! Ids that outlive the process: a session's id is all that is needed to rebuild it for the same
//! caller on the same path, sealed.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{call::Visit, mcp::Revision, seal::Key};

/// How this file writes what it seals. Another way is another number.
const VERSION: u8 = 1;
/// The longest id, in characters: it is in the head of each request.
const LONGEST: usize = 1024;
/// How long an id can be come back with.
pub const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The time of issue, the revision, the length of the capabilities.
const FIXED: usize = 8 + 1 + 2;
/// The shortest id, in characters: what stands for a stateless caller is shorter.
const SHORTEST: usize = (1 + Key::OVERHEAD + FIXED) * 4 / 3;

/// What the id of a session says to who has the key.
#[derive(Debug, PartialEq, Eq)]
pub struct Sealed {
    /// When it was made, since 1970.
    pub issued: Duration,
    /// What was agreed at `initialize`.
    pub revision: Revision,
    /// The client's `capabilities`, as it wrote them.
    pub capabilities: Box<str>,
    /// Its `clientInfo`, as it wrote it.
    pub info: Box<str>,
}

impl Sealed {
    /// The id that says this to nobody but the same caller on the same path; nothing when it
    /// would be longer than 1 KiB, or the system has no randomness.
    pub fn id(&self, key: &Key, visit: &Visit) -> Option<String> {
        let said = self.capabilities.len() + self.info.len();
        let length = 1 + Key::OVERHEAD + FIXED + said;
        if base64::encoded_len(length, false)? > LONGEST {
            return None;
        }
        let index = Revision::ALL.iter().position(|of| *of == self.revision)?;
        let mut secret = self.issued.as_secs().to_be_bytes().to_vec();
        secret.push(u8::try_from(index).ok()?);
        let of_capabilities = u16::try_from(self.capabilities.len()).ok()?;
        secret.extend(of_capabilities.to_be_bytes());
        secret.extend(self.capabilities.as_bytes());
        secret.extend(self.info.as_bytes());
        // The nonce in front makes each id another one.
        let mut bytes = vec![VERSION];
        bytes.extend(key.close(&purpose(visit), &secret)?);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What an id says; nothing if it was not made with this key, for this caller and path.
    pub fn open(key: &Key, visit: &Visit, id: &str) -> Option<Self> {
        if id.len() > LONGEST {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        if *bytes.first()? != VERSION {
            return None;
        }
        let secret = key.open(&purpose(visit), bytes.split_off(1))?;
        let (issued, rest) = secret.split_first_chunk()?;
        let (revision, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (capabilities, info) = std::str::from_utf8(rest).ok()?.split_at_checked(length)?;
        Some(Self {
            issued: Duration::from_secs(u64::from_be_bytes(*issued)),
            revision: *Revision::ALL.get(usize::from(*revision))?,
            capabilities: capabilities.into(),
            info: info.into(),
        })
    }

    /// Whether it was made too long ago.
    pub(super) fn is_over(&self) -> bool {
        now().saturating_sub(self.issued) > LIFE
    }
}

/// Who may use an id, where. The path has no line break in it, so that no two read the same.
fn purpose(visit: &Visit) -> String {
    format!("session\n{:?}\n{}", visit.extent, visit.caller.identity)
}

/// Whether an id may be one of these: no other is as long.
pub(super) fn may_be(id: &str) -> bool {
    id.len() >= SHORTEST
}

/// The time since 1970.
pub(super) fn now() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Extent, Standing};

    fn sealed(info: &str) -> Sealed {
        Sealed {
            issued: Duration::from_secs(7),
            revision: Revision::V2025_06_18,
            capabilities: r#"{"roots":{}}"#.into(),
            info: info.into(),
        }
    }

    #[test]
    fn an_id_says_what_was_sealed_to_the_same_key_caller_and_path_alone() {
        let key = Key::random().unwrap();
        let visit = Visit::local(Standing::Everything);
        let sealed = sealed(r#"{"name":"ä"}"#);
        let id = sealed.id(&key, &visit).unwrap();

        assert!(may_be(&id) && !may_be(&"0".repeat(42)));
        assert_ne!(sealed.id(&key, &visit).unwrap(), id);
        assert_eq!(Sealed::open(&key, &visit, &id), Some(sealed));
        assert_eq!(Sealed::open(&Key::random().unwrap(), &visit, &id), None);
        let mut elsewhere = Visit::local(Standing::Everything);
        elsewhere.extent = Extent::View("ops".into());
        assert_eq!(Sealed::open(&key, &elsewhere, &id), None);
    }

    #[test]
    fn an_id_with_any_bit_flipped_or_any_part_missing_says_nothing() {
        let key = Key::random().unwrap();
        let visit = Visit::local(Standing::Everything);
        let id = sealed("{}").id(&key, &visit).unwrap();
        for cut in 0..id.len() {
            assert_eq!(Sealed::open(&key, &visit, &id[..cut]), None, "{cut}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&id).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut touched = bytes.clone();
            touched[bit / 8] ^= 1 << (bit % 8);
            let touched = URL_SAFE_NO_PAD.encode(touched);
            assert_eq!(Sealed::open(&key, &visit, &touched), None, "{bit}");
        }
        // Nor is there another way to write the same bytes.
        for last in ["A", "B", "C", "D", "_"] {
            let other = format!("{}{last}", &id[..id.len() - 1]);
            assert!(other == id || Sealed::open(&key, &visit, &other).is_none());
        }
    }

    #[test]
    fn a_client_that_says_much_of_itself_gets_no_such_id() {
        let key = Key::random().unwrap();
        let visit = Visit::local(Standing::Everything);
        let lengths = (0..1024).map(|bytes| sealed(&"x".repeat(bytes)).id(&key, &visit));
        let longest = lengths.flatten().map(|id| id.len()).max();
        assert_eq!(longest, Some(LONGEST));
    }
}
