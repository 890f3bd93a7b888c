//! What it is measured on, and with.

use std::{fs, process::Command};

use serde_json::{Value, json};

/// The machine, the versions and the date.
pub(super) fn describe() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let system = read("/etc/os-release");
    let system = system
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let memory = read("/proc/meminfo");
    let memory = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = memory.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    json!({
        "processor": model.map(|line| line.trim_start_matches([' ', '\t', ':'])),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": kib.map(|kib| kib.div_ceil(1024 * 1024)),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "system": system.map(|line| line.trim_matches('"')),
        "date": jiff::Zoned::now().date().to_string(),
        "mcpgate": env!("CARGO_PKG_VERSION"),
        "commit": said(Command::new("git").args(["rev-parse", "--short=10", "HEAD"])),
        "program": std::env::var("MCPGATE").ok(),
        "nginx": said(Command::new("nginx").arg("-v")).replace("nginx version: nginx/", ""),
        // It does not tell itself.
        "mcp_proxy": std::env::var("MCP_PROXY_VERSION").unwrap_or_default(),
        "rustc": said(Command::new("rustc").arg("--version")).replace("rustc ", ""),
    })
}

/// What a program says of itself.
fn said(command: &mut Command) -> String {
    let output = command
        .output()
        .map(|output| [output.stdout, output.stderr].concat());
    let output = output.unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
