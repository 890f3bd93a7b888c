//! Why a configuration was refused, in words for the person who wrote it.

use std::{io, net::SocketAddr, path::PathBuf};

use super::Fault;

/// Why a configuration was refused.
///
/// No message repeats a value from a file: any of them may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No config file in any of these places.
    #[error(
        "no config file; looked for{}\n\
         `mcpgate init` writes one, `mcpgate import` makes one of the servers that your MCP clients \
         have; or name yours with `--config FILE`",
        listed(.0)
    )]
    NotFound(Vec<PathBuf>),
    /// A file or folder that must be read cannot be.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// One place in one file is wrong. Lines and columns count from 1.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Wrong {
        /// The file, as it was named.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
        /// What is wrong, where, and what would be right.
        message: String,
    },
    /// Settings that came from no file, such as `--url`, are wrong.
    #[error("{0}")]
    Unplaced(Fault),
    /// An option of the command line, or its variable, is wrong.
    #[error("{option}: {message}")]
    Option {
        /// Both, as a person types them.
        option: &'static str,
        /// What is wrong.
        message: String,
    },
    /// See [`super::Config::may_serve`].
    #[error(
        "refusing to serve strangers on {0}: no key is configured; \
         add one to policies/keys.toml (`mcpgate hash-key` makes it), or give it as API_KEYS \
         in the environment, listen on 127.0.0.1, or set `allow_unauthenticated = true` in [gateway]"
    )]
    OpenToStrangers(SocketAddr),
}

fn listed(places: &[PathBuf]) -> String {
    places
        .iter()
        .map(|place| format!("\n  {}", place.display()))
        .collect()
}
