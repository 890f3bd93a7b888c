//! What a process may use.

use std::io;

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

/// What a process may use at most. Each process that it starts may use as much again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of its own, in bytes.
    pub memory: Option<u64>,
    /// Time on a processor, in seconds.
    pub cpu: Option<u64>,
    /// Files, pipes and sockets.
    pub open_files: Option<u64>,
}

impl Limits {
    pub(super) fn apply(&self) -> io::Result<()> {
        // Not the address space (RLIMIT_AS): node, Go and Java reserve gigabytes of it that they
        // never touch. What is reserved without being writable does not count here.
        set(Resource::RLIMIT_DATA, "memory", self.memory, 0)?;
        // Another second between being told (SIGXCPU) and being killed, so that the status says it.
        set(Resource::RLIMIT_CPU, "cpu", self.cpu, 1)?;
        set(Resource::RLIMIT_NOFILE, "open_files", self.open_files, 0)
    }
}

fn set(resource: Resource, key: &str, limit: Option<u64>, beyond: u64) -> io::Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    let set = setrlimit(resource, limit, limit.saturating_add(beyond));
    set.map_err(|error| super::because(format!("`{key}`"), error))
}
