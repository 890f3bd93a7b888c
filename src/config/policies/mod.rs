//! `policies/*.toml`, merged.

mod check;
mod load;

use std::collections::HashMap;

use indexmap::IndexMap;

pub(super) use load::load;

use super::role::{AnonymousConfig, RoleConfig, ViewConfig};
use crate::{
    authenticate::{CertificateConfig, KeyConfig, TrustedHeadersConfig, jwt::TokenConfig},
    authorise::Source,
    call::{CertificateName, KeyName, RoleName},
    config::{test_case::TestConfig, wording},
    limit::{LimitConfig, LimitName},
};

/// Everything the policy files say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicyConfig {
    /// `[keys.*]`
    pub keys: IndexMap<KeyName, KeyConfig>,
    /// `[certificates.*]`: the first that names one counts.
    pub certificates: IndexMap<CertificateName, CertificateConfig>,
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
    /// `[[tests]]`, each with its place.
    pub tests: Vec<(String, TestConfig)>,
    /// Where each rule stands, by the path of its list.
    pub(super) sources: HashMap<[String; 3], Vec<Source>>,
}

impl PolicyConfig {
    /// Whether nobody can be asked who they are.
    pub fn asks_nobody(&self) -> bool {
        self.keys.is_empty()
            && self.certificates.is_empty()
            && self.tokens.is_empty()
            && self.trusted_headers.is_none()
    }

    /// The role of that name.
    ///
    /// # Errors
    /// When there is none; the words have the nearest.
    pub fn role(&self, name: &str) -> Result<&RoleName, String> {
        let known = || self.roles.keys().map(RoleName::as_str);
        let found = self.roles.get_key_value(name).map(|(name, _)| name);
        found.ok_or_else(|| wording::no_table("roles", name, known()))
    }

    /// The key of that name.
    ///
    /// # Errors
    /// As for a role.
    pub fn key(&self, name: &str) -> Result<&KeyName, String> {
        let known = || self.keys.keys().map(KeyName::as_str);
        let found = self.keys.get_key_value(name).map(|(name, _)| name);
        found.ok_or_else(|| wording::no_key(name, known()))
    }

    /// The name of that table of a certificate.
    ///
    /// # Errors
    /// As for a role.
    pub fn certificate(&self, name: &str) -> Result<&CertificateName, String> {
        let known = || self.certificates.keys().map(CertificateName::as_str);
        let found = self.certificates.get_key_value(name).map(|(name, _)| name);
        found.ok_or_else(|| wording::no_table("certificates", name, known()))
    }

    /// The view of that name.
    ///
    /// # Errors
    /// As for a role.
    pub fn view(&self, name: &str) -> Result<&str, String> {
        let known = || self.views.keys().map(String::as_str);
        let found = self
            .views
            .get_key_value(name)
            .map(|(name, _)| name.as_str());
        found.ok_or_else(|| wording::no_table("views", name, known()))
    }

    /// Whether nobody can come in over HTTP: there are roles, and no way to have one.
    pub fn shuts_everybody_out(&self) -> bool {
        self.asks_nobody() && self.anonymous.is_none() && !self.roles.is_empty()
    }

    /// Where the rules of a list stand: `["roles", "analyst", "allow"]`.
    pub fn sources(&self, list: [&str; 3]) -> &[Source] {
        let list = list.map(str::to_owned);
        self.sources.get(&list).map_or(&[], Vec::as_slice)
    }
}
