//! The programs that servers are launched by: whether they are there.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{Finding, Report};
use crate::{call::ServerName, config::Config};

/// How to get what many servers want.
const KNOWN: [(&[&str], &str); 5] = [
    (
        &["npx", "npm", "node"],
        "install Node.js: `apt install nodejs npm`, `brew install node`, or https://nodejs.org",
    ),
    (
        &["uvx", "uv"],
        "install uv: `pipx install uv`, `brew install uv`, or https://docs.astral.sh/uv",
    ),
    (
        &["python", "python3"],
        "install Python: `apt install python3`",
    ),
    (
        &["docker", "podman"],
        "install it, or name the server's own program instead",
    ),
    (
        &["bun", "bunx", "deno"],
        "install it: https://bun.sh, https://deno.com",
    ),
];

/// Looks for the program of each server; gives the servers whose program is there.
pub(super) fn look(config: &Config, report: &mut Report) -> BTreeSet<ServerName> {
    let mut sound = BTreeSet::new();
    let path = env::var_os("PATH").unwrap_or_default();
    for (name, server) in &config.servers {
        let Some(command) = &server.command else {
            sound.insert(name.clone());
            continue;
        };
        let command = command.as_str();
        match found(command, &path) {
            Some(_) => {
                sound.insert(name.clone());
            }
            None => report.add(missing(name, command)),
        }
    }
    sound
}

fn found(command: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    if command.contains('/') {
        return Some(PathBuf::from(command)).filter(|path| executable(path));
    }
    let mut places = env::split_paths(path).map(|folder| folder.join(command));
    places.find(|place| executable(place))
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

fn missing(name: &ServerName, command: &str) -> Finding {
    if command.contains('/') {
        let (words, fix) = match Path::new(command).exists() {
            true => (
                format!("{name}: {command} is no program that can be executed"),
                format!("`chmod +x {command}`"),
            ),
            false => (
                format!("{name}: there is no {command}"),
                format!("`command` in [servers.{name}]"),
            ),
        };
        return Finding::problem("programs", words, fix);
    }
    let known = KNOWN.iter().find(|(names, _)| names.contains(&command));
    let fix = known.map_or(
        "install it, or write its whole path as `command`",
        |(_, fix)| fix,
    );
    let words = format!("{name}: `{command}` is not in PATH");
    Finding::problem("programs", words, fix)
}
