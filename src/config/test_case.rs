//! `[[tests]]`: what a policy is meant to say.

use std::net::IpAddr;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Fault, PolicyConfig, wording::no_table};
use crate::{
    authorise::Wanted,
    call::{RoleName, ServerName},
    forward::ServerConfig,
};

/// One `[[tests]]` entry: somebody, something, and whether they may.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestConfig {
    /// What it is about, for people.
    pub name: Option<String>,
    /// In which role.
    pub role: RoleName,
    /// What else is known of the caller, for conditions.
    #[serde(default)]
    pub caller: TestCaller,
    /// From where; absent: from this machine, which every `from` lets through.
    pub from: Option<IpAddr>,
    /// Under the path of this view; absent: `/mcp`.
    pub view: Option<String>,
    /// What is called: `server/tool`, `prompt:server/name`, `resource:server/uri`.
    pub target: Wanted,
    /// With these arguments; absent: none.
    pub args: Option<Map<String, Value>>,
    /// What has to come out.
    pub expect: Expect,
}

/// `caller = { … }` of a test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TestCaller {
    /// `caller.id`
    pub id: Option<String>,
    /// `caller.email`
    pub email: Option<String>,
    /// `caller.key`
    pub key: Option<String>,
    /// The table that names their certificate: it is `caller.id`, too.
    pub certificate: Option<String>,
}

/// `expect = "allow" | "deny"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// The call is allowed.
    Allow,
    /// It is refused.
    Deny,
}

impl TestConfig {
    /// Finds what is not there.
    pub(super) fn check(
        &self,
        policy: &PolicyConfig,
        servers: &IndexMap<ServerName, ServerConfig>,
    ) -> Result<(), Fault> {
        let role = policy.role(self.role.as_str());
        role.map_err(|words| Fault::at(["role"], words))?;
        if let Some(view) = &self.view {
            let view = policy.view(view);
            view.map_err(|words| Fault::at(["view"], words))?;
        }
        if let Some(key) = &self.caller.key {
            let key = policy.key(key);
            key.map_err(|words| Fault::at(["caller", "key"], words))?;
        }
        if let Some(certificate) = &self.caller.certificate {
            let certificate = policy.certificate(certificate);
            certificate.map_err(|words| Fault::at(["caller", "certificate"], words))?;
        }
        let server = &self.target.server;
        match servers.contains_key(server) {
            true => Ok(()),
            false => {
                let known = servers.keys().map(ServerName::as_str);
                let words = no_table("servers", server.as_str(), known);
                Err(Fault::at(["target"], words))
            }
        }
    }
}
