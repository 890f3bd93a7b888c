//! The `[gateway]` table of `servers.toml`, as a person writes it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use http::uri::Authority;
use serde::Deserialize;

use super::TlsConfig;
use crate::{
    call::{Networks, RoleName},
    config::Fault,
};

/// The `[gateway]` table of `servers.toml`. What feeds the policy and the names takes effect with a
/// reload, the rest needs a restart.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Where `mcpgate serve` listens.
    pub listen: SocketAddr,
    /// Serve strangers on an address that is not loopback, although no key is configured.
    pub allow_unauthenticated: bool,
    /// Connections at once; beyond: 503.
    pub max_connections: usize,
    /// Connections of one address at once (IPv6: one /64); beyond: 503. Absent: half of all, and as
    /// many as there are for this machine.
    pub max_connections_per_address: Option<usize>,
    /// How long a client may take no byte of what it is sent.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// Sessions at once; beyond, the one that has been idle for longest ends for a newcomer, or
    /// `initialize` is refused with 503.
    pub max_sessions: usize,
    /// Sessions of one caller at once; beyond, one of its own ends.
    pub max_sessions_per_caller: usize,
    /// A session with no call in flight and no open stream ends after this long.
    #[serde(with = "humantime_serde")]
    pub session_idle: Duration,
    /// How long calls in flight may take to finish at the end.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
    /// Where the key of sessions, and what they want to hear of, are kept over restarts; empty:
    /// nowhere; absent: in the folder that the system has for such things.
    pub state_dir: Option<PathBuf>,
    /// Largest message, in bytes, from a client or a server.
    pub max_message: usize,
    /// Bytes of large requests in memory at once; beyond: 503. Absent: 512 MiB, or as much as eight of
    /// the largest messages.
    pub max_buffered: Option<usize>,
    /// `Host` values served besides loopback and the listen address (`gate.lan`, `gate.lan:8765`).
    pub allowed_hosts: Vec<String>,
    /// `Origin` values served besides loopback (`https://chat.lan`).
    pub allowed_origins: Vec<String>,
    /// Origins whose pages may call from a browser, and read what is answered; `*`: all.
    pub cors_origins: Vec<String>,
    /// What clients find the gateway at, if not what they write into `Host`.
    pub public_url: Option<String>,
    /// Where operators reach the running gateway; empty: nowhere; absent: in the folder that the
    /// system has for running programs.
    pub control_socket: Option<PathBuf>,
    /// How names are exposed.
    pub names: Names,
    /// The addresses that are served; empty: all.
    pub allowed_ips: Networks,
    /// Addresses that may read `/metrics` without a key, besides this machine itself.
    pub metrics_from: Networks,
    /// Proxies in front that may say for which address they ask (`X-Forwarded-For`).
    pub trusted_proxies: Networks,
    /// Failed sign-ins from one address in a minute; beyond: 429.
    pub failed_sign_ins: u32,
    /// What the client of `mcpgate stdio` may do; absent: everything.
    pub stdio_role: Option<RoleName>,
    /// Answer refused MCP requests with 403, 429 and 503 instead of 200.
    pub refuse_with_status: bool,
    /// Longest exposed name under `names = "portable"`, in characters.
    pub name_budget: usize,
    /// How long the first lists wait for servers that are still connecting.
    #[serde(with = "humantime_serde")]
    pub first_list_wait: Duration,
    /// Whether the files are read again when they change.
    pub watch: bool,
    /// With which certificate it serves HTTPS; absent: it serves HTTP.
    pub tls: Option<TlsConfig>,
}

/// `names = "portable" | "verbatim"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// `server__tool`, `^[a-zA-Z0-9_-]+$`, at most `name_budget` characters.
    Portable,
    /// Every character and length as the server wrote it.
    Verbatim,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8765)),
            allow_unauthenticated: false,
            max_connections: 1000,
            max_connections_per_address: None,
            write_timeout: Duration::from_secs(30),
            max_sessions: 10_000,
            max_sessions_per_caller: 1000,
            session_idle: Duration::from_secs(30 * 60),
            drain: Duration::from_secs(10),
            state_dir: None,
            max_message: 64 * 1024 * 1024,
            max_buffered: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            cors_origins: Vec::new(),
            public_url: None,
            allowed_ips: Networks::default(),
            metrics_from: Networks::default(),
            trusted_proxies: Networks::default(),
            failed_sign_ins: 20,
            stdio_role: None,
            refuse_with_status: false,
            control_socket: None,
            names: Names::Portable,
            name_budget: 50,
            first_list_wait: Duration::from_secs(5),
            watch: true,
            tls: None,
        }
    }
}

/// Each key with whether it differs from what runs.
macro_rules! differing {
    ($running:ident, $($key:ident),*) => {
        [$((stringify!($key), *$key != $running.$key)),*]
    };
}

impl GatewayConfig {
    /// The keys that differ from what runs and are looked at only when the gateway starts. The
    /// others feed the policy, and take effect at once.
    pub(super) fn restarts(&self, running: &Self) -> Vec<&'static str> {
        // By name, so that a new key has to be thought about.
        let Self {
            listen,
            allow_unauthenticated: _, // asked anew each time
            max_connections,
            max_connections_per_address,
            write_timeout,
            max_sessions,
            max_sessions_per_caller,
            session_idle,
            max_message,
            max_buffered,
            allowed_hosts,
            allowed_origins,
            cors_origins,
            public_url,
            names: _,
            allowed_ips: _,
            metrics_from: _,
            trusted_proxies: _,
            failed_sign_ins: _,
            stdio_role: _,
            refuse_with_status,
            name_budget: _,
            first_list_wait: _, // for the first moments alone
            watch,
            control_socket,
            state_dir,
            drain,
            tls,
        } = self;
        let keys = differing!(
            running,
            listen,
            max_connections,
            max_connections_per_address,
            write_timeout,
            max_sessions,
            max_sessions_per_caller,
            session_idle,
            max_message,
            max_buffered,
            allowed_hosts,
            allowed_origins,
            cors_origins,
            public_url,
            refuse_with_status,
            watch,
            control_socket,
            drain,
            state_dir
        );
        // Its files and settings are for the next connection; to begin with it, or to end, is not.
        let switched = ("tls", tls.is_some() != running.tls.is_some());
        let keys = keys.into_iter().chain([switched]);
        let differ = keys.filter(|(_, differs)| *differs);
        differ.map(|(key, _)| key).collect()
    }

    /// Bytes of large requests in memory at once.
    pub fn max_buffered(&self) -> usize {
        let usual = self.max_message.saturating_mul(8).max(512 * 1024 * 1024);
        self.max_buffered.unwrap_or(usual)
    }

    /// Finds what the types cannot say.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        for (key, is_zero) in [
            ("max_connections", self.max_connections == 0),
            (
                "max_connections_per_address",
                self.max_connections_per_address == Some(0),
            ),
            ("write_timeout", self.write_timeout.is_zero()),
            ("max_sessions", self.max_sessions == 0),
            ("max_sessions_per_caller", self.max_sessions_per_caller == 0),
            ("max_message", self.max_message == 0),
            ("failed_sign_ins", self.failed_sign_ins == 0),
            ("session_idle", self.session_idle.is_zero()),
        ] {
            if is_zero {
                return Err(Fault::at([key], "with 0 nobody would be served"));
            }
        }
        if self.max_buffered() < self.max_message {
            let message = "less than `max_message`: no message of that size could be read";
            return Err(Fault::at(["max_buffered"], message));
        }
        if !(16..=128).contains(&self.name_budget) {
            // Shorter leaves no room for a name beside its hash; longer, no client accepts.
            return Err(Fault::at(["name_budget"], "expected 16 to 128"));
        }
        let tls = self.tls.as_ref().map_or(Ok(()), TlsConfig::check);
        tls.map_err(|fault| fault.under(["tls"]))?;
        for (index, host) in self.allowed_hosts.iter().enumerate() {
            if !is_host(host) {
                let message = "expected a host as `Host` carries it, such as \"gate.lan:8765\"";
                return Err(Fault::at(["allowed_hosts", &index.to_string()], message));
            }
        }
        let on_the_web = |url: &String| {
            is_origin(url) && (url.starts_with("https://") || url.starts_with("http://"))
        };
        if !self.public_url.iter().all(on_the_web) {
            let message = "expected where clients find the gateway, such as \
                           \"https://gate.example.com\" (no path, no slash at the end)";
            return Err(Fault::at(["public_url"], message));
        }
        check_origins("allowed_origins", &self.allowed_origins, |_| false)?;
        check_origins("cors_origins", &self.cors_origins, |origin| origin == "*")
    }
}

fn check_origins(key: &str, origins: &[String], or: fn(&str) -> bool) -> Result<(), Fault> {
    for (index, origin) in origins.iter().enumerate() {
        if !is_origin(origin) && !or(origin) {
            let message = "expected an origin as browsers send it, such as \"https://chat.lan\" \
                           (no path, no slash at the end)";
            return Err(Fault::at([key, &index.to_string()], message));
        }
    }
    Ok(())
}

/// `https://gate.lan`, `http://gate.lan:8765`.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_, host)| host);
    host.is_some_and(is_host)
}

/// `gate.lan`, `gate.lan:8765`, `[::1]:8765`.
fn is_host(text: &str) -> bool {
    text.parse::<Authority>()
        .is_ok_and(|authority| !authority.host().is_empty() && !text.contains('@'))
}
