//! `servers.toml` and a policy file, as a whole.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Deserialize;

use super::{
    role::{AnonymousConfig, RoleConfig, ViewConfig},
    test_case::TestConfig,
};
use crate::{
    authenticate::{CertificateConfig, KeyConfig, TrustedHeadersConfig, jwt::TokenConfig},
    call::{CertificateName, KeyName, RoleName, ServerName, Sight},
    config::Fault,
    forward::ServerConfig,
    gateway::{GatewayConfig, Names},
    limit::{LimitConfig, LimitName},
    observe::{MetricsConfig, audit::AuditConfig, trace::TracesConfig},
};

/// `servers.toml`: what is behind, what listens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServersFile {
    #[serde(default)]
    pub(super) gateway: GatewayConfig,
    #[serde(default)]
    pub(super) audit: AuditConfig,
    pub(super) traces: Option<TracesConfig>,
    #[serde(default)]
    pub(super) metrics: MetricsConfig,
    #[serde(default)]
    pub(super) servers: IndexMap<ServerName, ServerConfig>,
}

/// One of `policies/*.toml`: who may do what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    #[serde(default)]
    pub(super) keys: IndexMap<KeyName, KeyConfig>,
    #[serde(default)]
    pub(super) certificates: IndexMap<CertificateName, CertificateConfig>,
    #[serde(default)]
    pub(super) roles: IndexMap<RoleName, RoleConfig>,
    #[serde(default)]
    pub(super) views: IndexMap<String, ViewConfig>,
    #[serde(default)]
    pub(super) limits: IndexMap<LimitName, LimitConfig>,
    #[serde(default)]
    pub(super) tokens: IndexMap<String, TokenConfig>,
    pub(super) trusted_headers: Option<TrustedHeadersConfig>,
    pub(super) anonymous: Option<AnonymousConfig>,
    #[serde(default)]
    pub(super) tests: Vec<TestConfig>,
}

impl ServersFile {
    /// What the types cannot say.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.gateway
            .check()
            .map_err(|fault| fault.under(["gateway"]))?;
        self.audit.check().map_err(|fault| fault.under(["audit"]))?;
        self.metrics
            .check()
            .map_err(|fault| fault.under(["metrics"]))?;
        if let Some(traces) = &self.traces {
            traces.check().map_err(|fault| fault.under(["traces"]))?;
        }

        let mut names = HashMap::new();
        for (name, server) in &self.servers {
            let place = ["servers", name.as_str()];
            if let Some(earlier) = names.insert(name.as_str().to_ascii_lowercase(), name) {
                // People and file systems mix them up, and so would a reader of the audit log.
                let message = format!("differs from [servers.{earlier}] only in case");
                return Err(Fault::at_key(place, message));
            }
            server
                .check()
                .and_then(|()| self.check_prefix(server))
                .map_err(|fault| fault.under(place))?;
        }
        let gated = self
            .servers
            .iter()
            .filter(|(_, server)| !server.from.is_empty());
        match gated.map(|(name, _)| name).nth(Sight::GATES) {
            None => Ok(()),
            Some(name) => {
                let message = format!("expected at most {} servers with `from`", Sight::GATES);
                Err(Fault::at_key(["servers", name.as_str(), "from"], message))
            }
        }
    }

    fn check_prefix(&self, server: &ServerConfig) -> Result<(), Fault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let prefix = server.prefix.as_deref().unwrap_or_default();
        match self.gateway.names {
            Names::Portable if !prefix.bytes().all(allowed) => Err(Fault::at(
                ["prefix"],
                "only letters, digits, `_` and `-` fit; others need `names = \"verbatim\"` \
                 in [gateway]",
            )),
            Names::Portable | Names::Verbatim => Ok(()),
        }
    }
}
