//! Quick mode: a gateway with keys and limits, and no policy file.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use clap::Args;

use super::CliError;
use crate::{
    authenticate::{PlainKey, SHORTEST_KEY},
    config::Overrides,
};

/// Settings of `serve` that need no policy file.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Where it listens, instead of `[gateway] listen`")]
pub(super) struct Quick {
    /// Address and port
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["host", "port"])]
    listen: Option<SocketAddr>,
    /// The address alone, such as 0.0.0.0
    #[arg(long, value_name = "IP", value_parser = host)]
    host: Option<IpAddr>,
    /// The port alone
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    #[command(flatten)]
    policy: Policy,
}

/// An option beats its variable, and a variable that is empty counts as not set.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Without policy files (an option beats its variable)")]
struct Policy {
    /// A key that opens the gateway, beside those of policies/*.toml; may be repeated. Better in the
    /// environment: everybody on this machine sees options (`ps`) [env: API_KEYS, with commas]
    // Of a type that takes every text: an error of clap would repeat the key.
    #[arg(long = "api-key", value_name = "KEY")]
    api_keys: Vec<PlainKey>,
    /// Serve this address or network alone, instead of `[gateway] allowed_ips`; may be repeated
    /// [env: ALLOWED_IPS, with commas]
    #[arg(long = "allowed-ip", value_name = "IP|NET")]
    allowed_ips: Vec<String>,
    /// Calls in 60 seconds for each caller, or each address where nobody is asked who they are;
    /// it joins the limits of policies/*.toml [env: RATE_LIMIT]
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
    /// Connections at once, instead of `[gateway] max_connections` [env: MAX_CONNECTIONS]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// Let web pages of this origin call, instead of `[gateway] cors_origins`; may be repeated
    /// [env: CORS_ORIGINS, with commas]
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    cors_origins: Vec<String>,
}

impl Quick {
    /// What the options say, and where they say nothing the variables.
    ///
    /// # Errors
    /// When a variable is not what it should be.
    pub(super) fn overrides(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Overrides, CliError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let list = |own: Vec<String>, name: &str| match own.is_empty() {
            true => set(name).map(|value| listed(&value)).unwrap_or_default(),
            false => own,
        };
        let policy = self.policy;
        let mut keys = policy.api_keys;
        if keys.is_empty() {
            let listed = listed(&set("API_KEYS").unwrap_or_default());
            keys = listed.iter().map(|key| key.as_str().into()).collect();
        }
        Ok(Overrides {
            listen: self.listen,
            host: self.host,
            port: self.port,
            keys,
            allowed_ips: list(policy.allowed_ips, "ALLOWED_IPS"),
            rate_limit: number(policy.rate_limit, "RATE_LIMIT", set)?,
            max_connections: number(policy.max_connections, "MAX_CONNECTIONS", set)?,
            cors_origins: list(policy.cors_origins, "CORS_ORIGINS"),
        })
    }
}

/// A variable of this process.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Says what the files do not, for whoever wonders later. Keys stay unsaid.
pub(super) fn announce(overrides: &Overrides) {
    let others = Overrides {
        listen: None,
        host: None,
        port: None,
        keys: Vec::new(),
        ..overrides.clone()
    };
    if others != Overrides::default() || !overrides.keys.is_empty() {
        tracing::info!(
            api_keys = overrides.keys.len(),
            allowed_ips = ?others.allowed_ips,
            rate_limit = others.rate_limit,
            max_connections = others.max_connections,
            cors_origins = ?others.cors_origins,
            "from the command line and the environment, beside the files"
        );
    }
    for (index, key) in overrides.keys.iter().enumerate() {
        if key.is_weak() {
            tracing::warn!(
                "api-key-{} is shorter than {SHORTEST_KEY} characters and can be guessed; \
                 `mcpgate hash-key` makes one that cannot",
                index + 1
            );
        }
    }
}

fn listed(value: &str) -> Vec<String> {
    let parts = value.split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn number<T: FromStr>(
    own: Option<T>,
    name: &str,
    set: impl Fn(&str) -> Option<String>,
) -> Result<Option<T>, CliError> {
    let Some(value) = set(name).filter(|_| own.is_none()) else {
        return Ok(own);
    };
    // The value is not repeated: whoever mixes variables up may have put a key here.
    let wrong = |_no_number| CliError::Usage(format!("{name}: expected a whole number, 1 or more"));
    value.trim().parse().map(Some).map_err(wrong)
}

fn host(written: &str) -> Result<IpAddr, String> {
    match written {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => written
            .parse()
            .map_err(|_no_address| "expected an IP address, such as 0.0.0.0 or ::1".to_owned()),
    }
}
