//! One `[servers.<name>]` table, as a person writes it.

use std::{path::PathBuf, time::Duration};

use indexmap::IndexMap;
use serde::Deserialize;

/// A string in which `${VAR}` and `${file:/path}` were expanded when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Text(pub(crate) String);

/// A [`Text`] that prints as `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Secret(pub(crate) String);

impl Text {
    /// What it says.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// What it hides.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// One `[servers.<name>]` table. Exactly one of `command` and `url` is set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// The program to launch as a stdio server. A path with a slash is relative to the config file.
    pub command: Option<Text>,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<Text>,
    /// Added to the environment it inherits.
    #[serde(default)]
    pub env: IndexMap<String, Secret>,
    /// The folder it runs in; default: that of the config file.
    pub cwd: Option<PathBuf>,
    /// A streamable HTTP server.
    pub url: Option<Text>,
    /// Sent with each request to `url`.
    #[serde(default)]
    pub headers: IndexMap<String, Secret>,
    /// What its names are prefixed with, `""` for bare names; default: the table's name.
    pub prefix: Option<String>,
    /// How long one call may take.
    #[serde(default = "ServerConfig::default_timeout", with = "humantime_serde")]
    pub timeout: Duration,
    /// How long connecting and `initialize` may take.
    #[serde(
        default = "ServerConfig::default_connect_timeout",
        with = "humantime_serde"
    )]
    pub connect_timeout: Duration,
}

impl ServerConfig {
    fn default_timeout() -> Duration {
        Duration::from_secs(300)
    }

    fn default_connect_timeout() -> Duration {
        Duration::from_secs(60)
    }
}
