//! What a certificate says of whoever holds it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::{
    Certificate as Parsed,
    der::{Decode, Tag, asn1::Any, oid::ObjectIdentifier},
    ext::pkix::{SubjectAltName, name::GeneralName},
    name::Name,
};

/// What a certificate says. Whether that is true is for whoever vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: Subject,
    /// What else its holder is called.
    pub names: Vec<AltName>,
    /// From when on it is valid.
    pub begins: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

/// A name of the certificate's holder, of a kind that can stand in a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AltName {
    /// What it names.
    pub kind: NameKind,
    /// As it stands in the certificate.
    pub text: String,
}

/// The kinds of names that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// A host.
    Dns,
    /// A mailbox.
    Email,
    /// Anything else: `spiffe://example.org/agent`.
    Uri,
}

impl NameKind {
    /// All of them, by the words that people write before a name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("dns", Self::Dns),
        ("email", Self::Email),
        ("uri", Self::Uri),
    ];

    /// What divides such a name into its parts.
    pub fn divider(self) -> char {
        match self {
            Self::Dns => '.',
            Self::Email => '@',
            Self::Uri => '/',
        }
    }
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = NameKind::ALL.iter().find(|(_, kind)| *kind == self.kind);
        let word = known.map_or("", |(word, _)| word);
        write!(f, "{word}:{}", self.text)
    }
}

impl Certificate {
    /// Reads one; nothing where it is not to be read.
    pub fn read(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::from_der(der).ok()?;
        let parsed = parsed.tbs_certificate();
        let alternative = parsed.get_extension::<SubjectAltName>().ok()?;
        let names = alternative.map(|(_, names)| names.0).unwrap_or_default();
        let validity = parsed.validity();
        let at = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
            Timestamp::from_second(seconds).ok()
        };
        Some(Self {
            subject: Subject::of(parsed.subject()),
            names: names.iter().filter_map(alt_name).collect(),
            begins: at(validity.not_before)?,
            expires: at(validity.not_after)?,
        })
    }

    /// Its names for people, without those that would be too much.
    pub fn shown(&self) -> String {
        let mut names: Vec<String> = self.names.iter().map(ToString::to_string).collect();
        if names.is_empty() || !self.subject.is_empty() {
            names.insert(0, format!("subject {}", self.subject));
        }
        let rest = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        let words = names.join(", ");
        match rest {
            0 => words,
            _ => format!("{words} and {rest} more"),
        }
    }
}

/// So many names are shown.
const SHOWN: usize = 6;

fn alt_name(name: &GeneralName) -> Option<AltName> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "theirs; others name nobody here"
    )]
    let (kind, text) = match name {
        GeneralName::DnsName(name) => (NameKind::Dns, name.as_str()),
        GeneralName::Rfc822Name(name) => (NameKind::Email, name.as_str()),
        GeneralName::UniformResourceIdentifier(name) => (NameKind::Uri, name.as_str()),
        _ => return None,
    };
    Some(AltName {
        kind,
        text: text.to_owned(),
    })
}

/// Whose a certificate is, as an X.500 name: `CN=alice,O=Example`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Subject {
    /// What each of its parts is, and says; nothing where that is not text.
    parts: Vec<(ObjectIdentifier, Option<String>)>,
    written: String,
}

impl Subject {
    fn of(name: &Name) -> Self {
        let part = |part: &x509_cert::attr::AttributeTypeAndValue| (part.oid, text(&part.value));
        Self {
            parts: name.iter().map(part).collect(),
            written: name.to_string(),
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether the other one says all that this does. What this says of a kind (`CN`), the other
    /// must say of it to the letter, and no more: not two names where one is expected.
    pub fn is_in(&self, other: &Self) -> bool {
        let all = |subject: &Self, kind: ObjectIdentifier| -> Vec<Option<String>> {
            let of_kind = subject.parts.iter().filter(|(known, _)| *known == kind);
            of_kind.map(|(_, text)| text.clone()).collect()
        };
        let kinds = self.parts.iter().map(|(kind, _)| *kind);
        !self.is_empty()
            && kinds.into_iter().all(|kind| {
                let said = all(self, kind);
                said.iter().all(Option::is_some) && said == all(other, kind)
            })
    }
}

impl TryFrom<String> for Subject {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let words = "expected the subject of a certificate, such as \"CN=alice,O=Example\"";
        let parts = written.split(',').map(str::trim).collect::<Vec<_>>();
        let name: Name = parts.join(",").parse().map_err(|_no_name| words)?;
        let subject = Self::of(&name);
        match subject.is_empty() || subject.parts.iter().any(|(_, text)| text.is_none()) {
            true => Err(words),
            false => Ok(subject),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_empty() {
            true => f.write_str("(empty)"),
            false => f.write_str(&self.written),
        }
    }
}

fn text(value: &Any) -> Option<String> {
    let tags = [Tag::Utf8String, Tag::PrintableString, Tag::Ia5String];
    let text = std::str::from_utf8(value.value()).ok()?;
    tags.contains(&x509_cert::der::Tagged::tag(value))
        .then(|| text.to_owned())
}

/// The certificate that a client has shown for its connection. Somebody has vouched for it.
#[derive(Debug)]
pub struct ClientCertificate {
    /// It, and those that lead from it to its authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// What it says; nothing where it is not to be read.
    pub says: Option<Certificate>,
    /// The number of those who have vouched for it last.
    vouched: AtomicU64,
}

impl ClientCertificate {
    /// One for which those with that number have vouched.
    pub fn new(chain: &[CertificateDer<'_>], vouched: u64) -> Self {
        let chain: Vec<_> = chain.iter().map(|der| der.clone().into_owned()).collect();
        Self {
            says: chain.first().and_then(|der| Certificate::read(der)),
            chain,
            vouched: vouched.into(),
        }
    }

    /// Until when it is valid, in Unix seconds.
    pub fn ends(&self) -> Option<u64> {
        let expires = self.says.as_ref()?.expires.as_second();
        Some(u64::try_from(expires).unwrap_or(0))
    }

    /// Whether those have vouched for it, or `ask` says that they do.
    pub fn is_vouched_by(&self, number: u64, ask: impl FnOnce() -> bool) -> bool {
        if self.vouched.load(Ordering::Relaxed) == number {
            return true;
        }
        let vouched = ask();
        if vouched {
            self.vouched.store(number, Ordering::Relaxed);
        }
        vouched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(written: &str) -> Subject {
        Subject::try_from(written.to_owned()).unwrap()
    }

    #[test]
    fn a_subject_covers_those_that_say_the_same_of_each_kind_and_more_of_others() {
        for (expected, theirs, is) in [
            ("CN=alice", "CN=alice", true),
            ("CN=alice", "CN=alice,O=Example,C=DE", true),
            ("O=Example, CN=alice", "CN=alice,O=Example", true),
            ("CN=alice", "CN=Alice", false),
            ("CN=alice", "CN=alice2", false),
            ("CN=alice", "O=alice", false),
            ("CN=alice", "CN=alice,CN=bob", false),
            ("CN=alice", "CN=bob,CN=alice", false),
            ("OU=a,OU=b", "OU=a,OU=b,CN=x", true),
            ("OU=a,OU=b", "OU=a", false),
            ("CN=alice,O=Example", "CN=alice", false),
            ("CN=a\\,b", "CN=a\\,b", true),
        ] {
            let covered = subject(expected).is_in(&subject(theirs));
            assert_eq!(covered, is, "{expected} in {theirs}");
        }
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        for wrong in ["", "alice", "=alice", "XYZ=alice", "CN=#0401ff"] {
            assert!(Subject::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }
}
