//! `[roles.<name>]` and `[views.<name>]`, as a person writes them.

use indexmap::IndexMap;
use serde::Deserialize;

use crate::{
    authorise::RuleConfig,
    call::{Networks, RoleName, ServerName},
    forward::Secret,
    limit::LimitConfig,
};

/// One `[roles.<name>]` table.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleConfig {
    /// What it may do: `server/tool`, `prompt:server/name`, `resource:uri`, `*`.
    pub allow: Vec<RuleConfig>,
    /// What it may not do, whatever allows it.
    pub deny: Vec<RuleConfig>,
    /// Roles whose `allow`, `deny`, `headers` and `limits` hold for it too.
    pub inherits: Vec<RoleName>,
    /// The networks it may be used from; empty: all.
    pub from: Networks,
    /// Sent to servers over HTTP with each of its calls.
    pub headers: IndexMap<String, Secret>,
    /// How much each of those who have it may do.
    pub limits: Vec<LimitConfig>,
    /// The views it is bound to; empty: none.
    pub views: Vec<String>,
    /// Whether it may look at the gateway itself (`/stats`). Not inherited.
    pub admin: bool,
}

/// One `[views.<name>]` table: what is served under `/v/<name>/mcp` and `/v/<name>/sse`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewConfig {
    /// Its servers; empty: all.
    pub servers: Vec<ServerName>,
    /// Of what they offer, this; empty: all.
    pub allow: Vec<RuleConfig>,
    /// But not this.
    pub deny: Vec<RuleConfig>,
}

/// The `[anonymous]` table: what those may do who show nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnonymousConfig {
    /// Their role.
    pub role: RoleName,
}
