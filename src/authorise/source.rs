//! Where a rule was written, and how.

use std::{fmt, sync::Arc};

/// Where a rule was written: `policies/team.toml:12`, and how: `allow "files/*" of [roles.analyst]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    place: Arc<str>,
    rule: Arc<str>,
}

impl Source {
    /// A rule at `place`, in the words of its file.
    pub fn new(place: String, rule: String) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
        }
    }

    /// The file and the line.
    pub fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// The list it stands in, and its pattern. Conditions may hold secrets and are not repeated.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl From<String> for Source {
    fn from(place: String) -> Self {
        Self::new(place, String::new())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}
