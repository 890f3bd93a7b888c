//! The `[metrics]` table of `servers.toml`, as a person writes it.

use serde::Deserialize;

use crate::config::Fault;

/// The most that a page can hold.
const MOST: usize = 1_000_000;

/// The `[metrics]` table of `servers.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Tools that are counted apart, each once for each role that calls it; calls of further ones
    /// count as those of the tool `other`.
    pub max_tools: usize,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { max_tools: 10_000 }
    }
}

impl MetricsConfig {
    /// Finds what the types cannot say.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match self.max_tools <= MOST {
            true => Ok(()),
            false => Err(Fault::at(["max_tools"], "expected at most 1000000")),
        }
    }

    /// The keys that differ from what runs, and are looked at only when the gateway starts.
    pub fn restarts(&self, running: &Self) -> Vec<&'static str> {
        // By name, so that a new key has to be thought about.
        let Self { max_tools } = self;
        match *max_tools == running.max_tools {
            true => Vec::new(),
            false => vec!["max_tools"],
        }
    }
}
