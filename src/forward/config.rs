//! One `[servers.<name>]` table, as a person writes it.
//!
//! ```toml
//! [servers.files]
//! command = "npx"
//! args = ["-y", "@modelcontextprotocol/server-filesystem", "/srv/docs"]
//! ```
//!
//! Every key, with its default and its reason, is in the shipped `servers.toml`.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use indexmap::IndexMap;
use serde::Deserialize;

use super::{BreakerConfig, Trust, size::Size, urls::Urls};
use crate::{call::Networks, launch::Sandbox, mcp::Revision};

/// A string in which `${VAR}` and `${file:/path}` were expanded when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Text(pub(crate) String);

impl Text {
    /// The text, expanded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A [`Text`] that prints as `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Secret(pub(crate) String);

impl Secret {
    /// The value itself: for the wire and the child, never for a log.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `transport = "http" | "sse"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Streamable HTTP.
    Http,
    /// The legacy HTTP+SSE of 2024-11-05.
    Sse,
}

/// `scope = "shared" | "session" | "user"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// One instance for everybody. It can ask clients nothing: it could not say whom.
    Shared,
    /// One for each client session.
    Session,
    /// One for each caller.
    User,
}

/// `start = "eager" | "lazy"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// It is launched with the gateway.
    Eager,
    /// It is launched with the gateway to say what it offers, and then by the first who needs it.
    Lazy,
}

/// One `[servers.<name>]` table. Exactly one of `command` and `url` is set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// The program to launch as a stdio server. A path with a slash is relative to the config
    /// file; the word `mcpgate` is this very program.
    pub command: Option<Text>,
    /// Its arguments.
    pub args: Vec<Text>,
    /// Added to the environment it inherits.
    pub env: IndexMap<String, Secret>,
    /// The folder it runs in; default: that of the config file. Always set once loaded.
    pub cwd: Option<PathBuf>,
    /// Where a remote server is; several addresses are replicas of one server.
    pub url: Option<Urls>,
    /// Sent with each request to `url`.
    pub headers: IndexMap<String, Secret>,
    /// The authorities that vouch for `url`, in PEM; default: those that this machine trusts.
    pub ca: Option<PathBuf>,
    /// How it speaks over `url`; default: found out.
    pub transport: Option<Transport>,
    /// The revision it speaks; default: found out. A stdio server that speaks an older one and
    /// "2026-07-28" is spoken to in the older one unless this says otherwise.
    pub revision: Option<Revision>,
    /// Who shares an instance of it; default: everybody for `command`, nobody for `url`.
    pub scope: Option<Scope>,
    /// Whether it is left alone until an operator enables it.
    pub disabled: bool,
    /// Whether the gateway is ready only while this server is up.
    pub required: bool,
    /// What its names are prefixed with, `""` for bare names; default: the table's name.
    pub prefix: Option<String>,
    /// The networks that it is there for; empty: all. Others see nothing of it.
    pub from: Networks,
    /// Headers of clients that are passed on to `url`.
    pub forward_headers: Vec<String>,
    /// Whether the caller's own `Authorization` is passed on to `url`.
    pub forward_authorization: bool,
    /// Whether calls carry in `_meta` who makes them.
    pub caller_meta: bool,
    /// How long a call may go without an answer, progress, or a question to the client.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long a call may take in all.
    #[serde(with = "humantime_serde")]
    pub timeout_total: Duration,
    /// How long connecting and `initialize` may take.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long opening one connection to `url` may take, its TLS included.
    #[serde(with = "humantime_serde")]
    pub dial_timeout: Option<Duration>,
    /// When calls fail at once because too many before them have failed.
    pub breaker: Option<BreakerConfig>,
    /// How many calls it serves at once; default: 1,024.
    pub max_in_flight: Option<usize>,
    /// How many calls wait for one of those to end; default: 1,024.
    pub queue: Option<usize>,
    /// How long they wait, within `timeout`; default: 10 s.
    #[serde(with = "humantime_serde")]
    pub queue_wait: Option<Duration>,
    /// How often it is asked whether it is still there, if it has no stream that would tell.
    #[serde(with = "humantime_serde")]
    pub check_interval: Option<Duration>,
    /// How much memory of its own its process may use.
    pub memory: Option<Size>,
    /// How long its process may use a processor, from its start.
    #[serde(with = "humantime_serde")]
    pub cpu: Option<Duration>,
    /// How many files, pipes and sockets its process may have open.
    pub open_files: Option<u64>,
    /// The user as whom it runs; default: that of the gateway.
    pub user: Option<String>,
    /// The group as which it runs; default: that of the user.
    pub group: Option<String>,
    /// How long it may take to end by itself, and again after SIGTERM.
    #[serde(with = "humantime_serde")]
    pub stop_timeout: Option<Duration>,
    /// What its process may reach; default: whatever its user may.
    pub sandbox: Option<Sandbox>,
    /// Whether it stays up from the start; default: it does.
    pub start: Option<Start>,
    /// How long nobody may need it until it is stopped; default: it is not.
    #[serde(with = "humantime_serde")]
    pub idle_stop: Option<Duration>,
    /// How many instances there may be at once, one for each session or user; default: 64.
    pub max_instances: Option<usize>,
    /// How many copies of it share the calls of everybody; default: 1.
    pub pool: Option<usize>,
    /// The `mcpgate` that sets its process up; without one, the program is launched directly.
    #[serde(skip)]
    pub launcher: Option<PathBuf>,
    /// Whom TLS to `url` trusts, read from `ca`; without it, those whom this machine does.
    #[serde(skip)]
    pub trust: Option<Trust>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            command: None,
            args: Vec::new(),
            env: IndexMap::new(),
            cwd: None,
            url: None,
            ca: None,
            headers: IndexMap::new(),
            transport: None,
            revision: None,
            scope: None,
            disabled: false,
            required: false,
            prefix: None,
            from: Networks::default(),
            forward_headers: Vec::new(),
            forward_authorization: false,
            caller_meta: false,
            timeout: Duration::from_secs(300),
            timeout_total: Duration::from_secs(3600),
            connect_timeout: Duration::from_secs(60),
            dial_timeout: None,
            breaker: None,
            max_in_flight: None,
            queue: None,
            queue_wait: None,
            check_interval: None,
            memory: None,
            cpu: None,
            open_files: None,
            user: None,
            group: None,
            stop_timeout: None,
            sandbox: None,
            start: None,
            idle_stop: None,
            max_instances: None,
            pool: None,
            launcher: None,
            trust: None,
        }
    }
}

impl ServerConfig {
    /// How often it is asked whether it is still there.
    pub fn check_interval(&self) -> Duration {
        self.check_interval.unwrap_or(Duration::from_secs(30))
    }

    /// How many instances there may be at once, beside the gateway's own.
    pub fn max_instances(&self) -> usize {
        self.max_instances.unwrap_or(64)
    }

    /// How many copies of it share the calls of everybody.
    pub fn pool(&self) -> usize {
        self.pool.unwrap_or(1)
    }

    /// How long its process may take to end by itself, and again after SIGTERM.
    pub fn stop_timeout(&self) -> Duration {
        self.stop_timeout.unwrap_or(Duration::from_secs(2))
    }

    /// How long opening one connection to `url` may take, its TLS included.
    pub fn dial_timeout(&self) -> Duration {
        self.dial_timeout.unwrap_or(Duration::from_secs(10))
    }

    /// Makes what is relative to the config file absolute, and finds the word `mcpgate`.
    pub(crate) fn resolve(&mut self, folder: &Path, program: &Path) {
        let absolute = |path: &Path| {
            let joined = folder.join(path);
            std::path::absolute(&joined).unwrap_or(joined)
        };
        if let Some(Text(command)) = &mut self.command {
            if command == "mcpgate" {
                *command = program.to_string_lossy().into_owned();
            } else if command.contains('/') {
                *command = absolute(Path::new(command)).to_string_lossy().into_owned();
            }
        }
        if let Some(ca) = &mut self.ca {
            *ca = absolute(ca);
        }
        if let Some(sandbox) = &mut self.sandbox {
            for path in sandbox.read.iter_mut().chain(&mut sandbox.write) {
                *path = absolute(path);
            }
        }
        self.cwd = Some(match &self.cwd {
            Some(cwd) => absolute(cwd),
            None => folder.to_path_buf(),
        });
    }
}
