//! What a limit is called.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::Deserialize;

/// The name of a `[limits.<name>]` table, or `analyst.1` for the first in the list of a role.
///
/// A table's name has no dot, so the two never meet. Names come from files alone: they may be
/// labels of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct LimitName(Arc<str>);

impl LimitName {
    /// The limit at `index`, from 0, in the list of that role.
    pub fn in_role(role: &str, index: usize) -> Self {
        Self(format!("{role}.{}", index.saturating_add(1)).into())
    }

    /// The name, as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LimitName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=32).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err("the name of a limit is 1 to 32 letters, digits, `_` and `-`")
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for LimitName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
