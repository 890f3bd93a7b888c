//! `policies/*.toml`, merged.

mod check;
mod load;

use std::collections::HashMap;

use indexmap::IndexMap;

pub(super) use load::load;

use super::role::{AnonymousConfig, RoleConfig, ViewConfig};
use crate::{
    authenticate::{KeyConfig, TrustedHeadersConfig, jwt::TokenConfig},
    authorise::Origin,
    call::{KeyName, RoleName},
    limit::{LimitConfig, LimitName},
};

/// Everything the policy files say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicyConfig {
    /// `[keys.*]`
    pub keys: IndexMap<KeyName, KeyConfig>,
    /// `[roles.*]`
    pub roles: IndexMap<RoleName, RoleConfig>,
    /// `[views.*]`
    pub views: IndexMap<String, ViewConfig>,
    /// `[limits.*]`
    pub limits: IndexMap<LimitName, LimitConfig>,
    /// `[tokens.*]`
    pub tokens: IndexMap<String, TokenConfig>,
    /// `[trusted_headers]`
    pub trusted_headers: Option<TrustedHeadersConfig>,
    /// `[anonymous]`
    pub anonymous: Option<AnonymousConfig>,
    /// Where each rule stands, by the path of its list.
    pub(super) origins: HashMap<[String; 3], Vec<Origin>>,
}

impl PolicyConfig {
    /// Whether nobody can be asked who they are.
    pub fn asks_nobody(&self) -> bool {
        self.keys.is_empty() && self.tokens.is_empty() && self.trusted_headers.is_none()
    }

    /// Where the rules of a list stand: `["roles", "analyst", "allow"]`.
    pub fn origins(&self, list: [&str; 3]) -> &[Origin] {
        let list = list.map(str::to_owned);
        self.origins.get(&list).map_or(&[], Vec::as_slice)
    }
}
