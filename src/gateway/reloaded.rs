//! What a reload has changed, for those who asked for it.

use std::fmt;

use crate::{call::ServerName, forward::Servers};

/// What a reload has changed. Policies are in force in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Reloaded {
    /// Servers that have come.
    pub added: Vec<String>,
    /// Servers that are gone.
    pub removed: Vec<String>,
    /// Servers that are started anew, since their tables have changed.
    pub changed: Vec<String>,
    /// Servers that stay as they are.
    pub unchanged: Vec<String>,
    /// Keys that differ from what runs, and take effect when the gateway is started again:
    /// `[gateway] listen`.
    pub needs_restart: Vec<String>,
}

impl Reloaded {
    /// Which servers came and went.
    pub(super) fn between(before: &Servers, after: &Servers) -> Self {
        let mut all = Self::default();
        for (name, server) in after.iter() {
            let place = match before.get(name) {
                None => &mut all.added,
                Some(_) if before.have(server) => &mut all.unchanged,
                Some(_) => &mut all.changed,
            };
            place.push(name.to_string());
        }
        let gone = |name: &&ServerName| after.get(name).is_none();
        let gone = before.iter().map(|(name, _)| name).filter(gone);
        all.removed = gone.map(ToString::to_string).collect();
        all
    }

    /// These keys of a table differ from what runs.
    pub(super) fn restart(&mut self, table: &str, keys: &[&str]) {
        let named = keys.iter().map(|key| format!("[{table}] {key}"));
        self.needs_restart.extend(named);
    }
}

/// `added web, changed files, 3 servers as before`
impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, servers) in [
            ("added", &self.added),
            ("removed", &self.removed),
            ("changed", &self.changed),
        ] {
            if !servers.is_empty() {
                write!(f, "{word} {}, ", servers.join(" "))?;
            }
        }
        match self.unchanged.len() {
            1 => f.write_str("1 server as before"),
            many => write!(f, "{many} servers as before"),
        }
    }
}
