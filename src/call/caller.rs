//! Who is calling.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::Deserialize;

/// Who holds a key: the name of a `[keys.<name>]` table, as the audit log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// The name, as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
        if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err("the name of a key is 1 to 64 letters, digits, `_`, `-`, `.` and `@`")
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for KeyName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The user whose process speaks over stdin.
    Local,
    /// Somebody over HTTP, where no key is configured.
    Anonymous,
    /// The holder of the key of that name.
    Key(KeyName),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Key(name) => write!(f, "key:{name}"),
        }
    }
}
