//! What a limit is called.

use crate::call::name;

name!(
    /// The name of a `[limits.<name>]` table, or `analyst.1` for the first in the list of a role.
    ///
    /// A table's name has no dot, so the two never meet. Names come from files alone: they may be
    /// labels of a metric.
    LimitName: 32, "_-",
    "the name of a limit is 1 to 32 letters, digits, `_` and `-`"
);

impl LimitName {
    /// The limit at `index`, from 0, in the list of that role.
    pub fn in_role(role: &str, index: usize) -> Self {
        Self(format!("{role}.{}", index.saturating_add(1)).into())
    }
}
