//! How much of the gateway somebody sees.

use std::sync::Arc;

use super::{RoleName, ServerName};

/// The part of the gateway that a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Extent {
    /// `/mcp`: everything.
    #[default]
    All,
    /// `/v/<name>/mcp`: what `[views.<name>]` selects.
    View(Arc<str>),
    /// `/s/<server>/mcp`: one server alone, under its own names.
    Server(ServerName),
}

/// All that the lists somebody sees depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Sight {
    /// Where they came in.
    pub extent: Extent,
    /// Their role; nothing where no policy says what they may do.
    pub role: Option<RoleName>,
    /// Which of the servers that look at addresses are open to theirs: a bit for each.
    pub gates: u64,
}

impl Sight {
    /// How many servers may look at addresses: each is a bit of `gates`.
    pub const GATES: usize = 63;
}
