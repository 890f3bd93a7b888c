//! `san = "…"`: which of the names in a certificate is meant.

use std::iter::zip;

use serde::Deserialize;

use crate::call::{AltName, NameKind};

/// `dns:*.build.example.com`, `email:sam@example.com`, `uri:spiffe://example.org/*`. A `*` is any
/// text within one part: between dots in the name of a host, slashes in a URI, around the `@`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NamePattern(AltName);

impl NamePattern {
    /// Whether it means every name that the other one does: a `*` there is text like any other.
    pub fn covers(&self, other: &Self) -> bool {
        self.fits(&other.0)
    }

    /// Whether a name is one of those that are meant.
    pub fn fits(&self, name: &AltName) -> bool {
        let AltName { kind, text } = &self.0;
        let parts = |text: &str| -> Vec<String> {
            // Nobody tells hosts, mailboxes or schemes apart by case.
            let text = match kind {
                NameKind::Dns | NameKind::Email => text.to_ascii_lowercase(),
                NameKind::Uri => text.to_owned(),
            };
            text.split(kind.divider()).map(str::to_owned).collect()
        };
        let (ours, theirs) = (parts(text), parts(&name.text));
        name.kind == *kind
            && ours.len() == theirs.len()
            && zip(&ours, &theirs).all(|(pattern, part)| is_like(pattern, part))
    }
}

/// Whether a part is as the pattern says, in which each `*` is any text.
fn is_like(pattern: &str, part: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == part;
    };
    let Some(mut part) = part.strip_prefix(start) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, after)) = part.split_once(piece) else {
            return false;
        };
        part = after;
    }
    part.ends_with(last)
}

impl TryFrom<String> for NamePattern {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let words = "expected a name in a certificate, such as \"dns:build.example.com\", \
                     \"email:sam@example.com\" or \"uri:spiffe://example.org/build/*\"";
        let (kind, text) = written.split_once(':').ok_or(words)?;
        let mut kinds = NameKind::ALL.into_iter();
        let known = kinds.find(|(word, _)| word.eq_ignore_ascii_case(kind));
        let (_, kind) = known.ok_or(words)?;
        let text = text.trim().to_owned();
        let letters = |c: char| !c.is_whitespace() && !c.is_control() && c != '*';
        match text.contains(letters) {
            true => Ok(Self(AltName { kind, text })),
            false => Err(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_within_one_part() {
        for (pattern, name, fits) in [
            ("dns:a.example.com", "dns:a.example.com", true),
            ("DNS:a.example.com", "dns:A.Example.COM", true),
            ("dns:*.example.com", "dns:a.example.com", true),
            ("dns:*.example.com", "dns:a.b.example.com", false),
            ("dns:*.example.com", "dns:example.com", false),
            ("dns:build-*.example.com", "dns:build-7.example.com", true),
            ("dns:build-*.example.com", "dns:deploy-7.example.com", false),
            ("dns:a*b*c.example.com", "dns:axxbyyc.example.com", true),
            ("dns:a*b*c.example.com", "dns:ac.example.com", false),
            ("dns:a*a.example.com", "dns:a.example.com", false),
            // Who holds a wildcard is not each of those that it stands for.
            ("dns:a.example.com", "dns:*.example.com", false),
            ("email:*@example.com", "email:sam@example.com", true),
            (
                "email:*@example.com",
                "email:sam@example.com@evil.com",
                false,
            ),
            ("email:sam@example.com", "dns:sam@example.com", false),
            ("uri:spiffe://x.org/a/*", "uri:spiffe://x.org/a/b", true),
            ("uri:spiffe://x.org/a/*", "uri:spiffe://x.org/a/b/c", false),
            ("uri:spiffe://x.org/a/*", "uri:spiffe://x.org/A/b", false),
            ("uri:spiffe://*/a", "uri:spiffe://x.org/a", true),
        ] {
            let name = NamePattern::try_from(name.to_owned()).unwrap().0;
            let pattern_of = NamePattern::try_from(pattern.to_owned()).unwrap();
            assert_eq!(pattern_of.fits(&name), fits, "{pattern} for {name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in [
            "",
            "example.com",
            "ip:10.0.0.1",
            "dns:",
            "dns: ",
            "uri:*",
            "CN=x",
        ] {
            assert!(
                NamePattern::try_from(wrong.to_owned()).is_err(),
                "{wrong:?}"
            );
        }
    }
}
