//! What the process takes of the machine, as the kernel says. Nothing where there is no `/proc`.

use std::fs;

use super::{
    page::Page,
    table::{CPU, FILES, MEMORY, MOST_FILES},
};

/// In how many parts the kernel splits a second for programs. Part of its interface on all
/// machines that Rust runs on.
const TICKS: f64 = 100.0;

pub(super) fn write(page: &mut Page) {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else {
        return;
    };
    // The name of the program is in brackets and may have blanks; from the state on, fields have none.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let field = |at: usize| fields.split(' ').nth(at)?.parse::<f64>().ok();
    if let (Some(user), Some(system)) = (field(11), field(12)) {
        page.one(&CPU, (user + system) / TICKS);
    }
    if let Some(bytes) = resident() {
        page.one(&MEMORY, bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is the folder itself.
        page.one(&FILES, open.count().saturating_sub(1) as f64);
    }
    if let Some(most) = most_files() {
        page.one(&MOST_FILES, most);
    }
}

fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
