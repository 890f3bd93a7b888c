//! What a process may reach.
//!
//! Files by Landlock, which the kernel has since 5.13; sockets by a filter of system calls, since
//! Landlock knows of TCP alone, and of that since 6.7. Both hold for whatever the process starts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a process may reach beside the programs and libraries of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// Files and folders that it may read, and execute.
    pub read: Vec<PathBuf>,
    /// Those that it may change, too.
    pub write: Vec<PathBuf>,
    /// Whether it may reach the network, this machine's own included.
    pub network: bool,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            read: Vec::new(),
            write: Vec::new(),
            network: true,
        }
    }
}

impl Sandbox {
    /// Each path, and the key under which it stands.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let read = self.read.iter().map(|path| ("read", path.as_path()));
        read.chain(self.write.iter().map(|path| ("write", path.as_path())))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn apply(&self, _: &std::ffi::OsStr) -> std::io::Result<()> {
        Err(std::io::Error::other("`sandbox` needs Linux"))
    }
}
