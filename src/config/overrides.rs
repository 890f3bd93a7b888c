//! What the command line and the environment say beside the files.
//!
//! What `[gateway]` has too takes its place; keys and the limit join those of the policies. The
//! result is a [`Config`] like any other, and passes the same checks.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{Config, ConfigError, Fault};
use crate::{
    authenticate::{KeyConfig, PlainKey},
    call::{KeyName, Networks},
    limit::{Fact, LimitConfig, LimitName},
};

/// The name of the limit that `--rate-limit` makes.
const LIMIT: &str = "rate-limit";
/// The time in which its calls come back.
const PER: Duration = Duration::from_secs(60);

/// What the command line and the environment say. The default says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `--listen`: instead of `[gateway] listen`.
    pub listen: Option<SocketAddr>,
    /// `--host`: instead of its address.
    pub host: Option<IpAddr>,
    /// `--port`: instead of its port.
    pub port: Option<u16>,
    /// `--api-key`: keys without a role, beside those of the policies.
    pub keys: Vec<PlainKey>,
    /// `--allowed-ip`: instead of `[gateway] allowed_ips`.
    pub allowed_ips: Vec<String>,
    /// `--rate-limit`: calls in 60 seconds, beside the limits of the policies.
    pub rate_limit: Option<u32>,
    /// `--max-connections`: instead of `[gateway] max_connections`.
    pub max_connections: Option<usize>,
    /// `--cors-origin`: instead of `[gateway] cors_origins`.
    pub cors_origins: Vec<String>,
}

impl Config {
    /// The same with what the command line and the environment say.
    ///
    /// # Errors
    /// When they say something that cannot be, or that contradicts the files.
    pub fn overlay(mut self, overrides: &Overrides) -> Result<Self, ConfigError> {
        let gateway = &mut self.gateway;
        gateway.listen = overrides.listen.unwrap_or(gateway.listen);
        gateway
            .listen
            .set_ip(overrides.host.unwrap_or(gateway.listen.ip()));
        gateway
            .listen
            .set_port(overrides.port.unwrap_or(gateway.listen.port()));
        if !overrides.allowed_ips.is_empty() {
            let networks = Networks::read(&overrides.allowed_ips);
            gateway.allowed_ips = networks.map_err(|words| wrong(ALLOWED_IP, words))?;
        }
        if !overrides.cors_origins.is_empty() {
            gateway.cors_origins = overrides.cors_origins.clone();
            self.places.forget(["gateway", "cors_origins"]);
        }
        gateway.max_connections = overrides.max_connections.unwrap_or(gateway.max_connections);
        self.add_keys(&overrides.keys)?;
        if let Some(calls) = overrides.rate_limit {
            self.add_limit(calls)?;
        }
        let checked = self.gateway.check();
        checked.map_err(|fault| placed(fault.under(["gateway"])))?;
        self.policy.check(&self.servers).map_err(placed)?;
        Ok(self)
    }

    fn add_keys(&mut self, keys: &[PlainKey]) -> Result<(), ConfigError> {
        if !keys.is_empty() && !self.policy.roles.is_empty() {
            let message = "the policy files have roles, and a key that stands alone has none; \
                           write it into policies/keys.toml with its `role` \
                           (`mcpgate hash-key` makes a key and prints the lines)";
            return Err(wrong(API_KEY, message));
        }
        for (index, key) in keys.iter().enumerate() {
            let name = format!("api-key-{}", index + 1);
            if !key.is_sendable() {
                let message = format!("{name} is empty, or has characters that no header carries");
                return Err(wrong(API_KEY, message));
            }
            let mut held = self.policy.keys.iter();
            if let Some((other, _)) = held.find(|(_, other)| other.hash == key.hash()) {
                let message = format!("{name} is the same key as [keys.{other}]");
                return Err(wrong(API_KEY, message));
            }
            let taken = format!("[keys.{name}] stands in the policy files already; rename it");
            let name = KeyName::try_from(name).map_err(|words| wrong(API_KEY, words))?;
            let config = bare(*key);
            if self.policy.keys.insert(name, config).is_some() {
                return Err(wrong(API_KEY, taken));
            }
        }
        Ok(())
    }

    fn add_limit(&mut self, calls: u32) -> Result<(), ConfigError> {
        let policy = &mut self.policy;
        // Whoever is not asked who they are is told apart by address.
        let each = match (policy.asks_nobody(), &policy.anonymous) {
            (true, _) => BTreeSet::from([Fact::Address]),
            (false, Some(_)) => BTreeSet::from([Fact::Caller, Fact::Address]),
            (false, None) => BTreeSet::from([Fact::Caller]),
        };
        let limit = LimitConfig {
            calls: Some(calls),
            per: Some(PER),
            each,
            ..LimitConfig::default()
        };
        let name = LimitName::try_from(LIMIT.to_owned());
        let name = name.map_err(|words| wrong(RATE_LIMIT, words))?;
        if policy.limits.insert(name, limit).is_some() {
            let message = format!("[limits.{LIMIT}] stands in the policy files already; rename it");
            return Err(wrong(RATE_LIMIT, message));
        }
        Ok(())
    }
}

fn bare(key: PlainKey) -> KeyConfig {
    KeyConfig {
        hash: key.hash(),
        role: None,
        caller: None,
        from: Networks::default(),
        expires: None,
        disabled: false,
    }
}

const API_KEY: &str = "--api-key (API_KEYS)";
const ALLOWED_IP: &str = "--allowed-ip (ALLOWED_IPS)";
const RATE_LIMIT: &str = "--rate-limit (RATE_LIMIT)";
const MAX_CONNECTIONS: &str = "--max-connections (MAX_CONNECTIONS)";
const CORS_ORIGIN: &str = "--cors-origin (CORS_ORIGINS)";

fn wrong(option: &'static str, message: impl Into<String>) -> ConfigError {
    ConfigError::Option {
        option,
        message: message.into(),
    }
}

/// The files have passed before: what is wrong now has come from an option.
fn placed(fault: Fault) -> ConfigError {
    let path: Vec<&str> = fault.path().iter().map(String::as_str).collect();
    let option = match path.as_slice() {
        ["gateway", "max_connections", ..] => MAX_CONNECTIONS,
        ["gateway", "cors_origins", ..] => CORS_ORIGIN,
        ["limits", LIMIT, ..] => RATE_LIMIT,
        _ => return ConfigError::Unplaced(fault),
    };
    wrong(option, fault.message())
}
