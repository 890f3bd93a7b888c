//! What `/proc` tells of processes.

use std::fs;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// What marks the processes of one gateway, and all that they have started.
pub(crate) const MARK: &str = "MCPGATE_CHAOS";

/// All processes that carry this mark, with what they were started by.
pub(crate) fn marked(mark: &str) -> Vec<(i32, String)> {
    let wanted = format!("{MARK}={mark}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Of a zombie there is nothing to read.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        if variables.any(|variable| variable == wanted.as_bytes()) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            found.push((pid, line));
        }
    }
    found
}

/// Sends a signal; whoever is gone by now need not have it.
pub(crate) fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap_or_default();
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holdings {
    /// Open file descriptors.
    pub(crate) files: usize,
    /// Resident memory, in KiB.
    pub(crate) memory: u64,
}

/// What a process holds now; nothing where it is gone.
pub(crate) fn holdings(pid: i32) -> Option<Holdings> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = line?.split_whitespace().next()?.parse().ok()?;
    Some(Holdings { files, memory })
}
