//! Why a program was not started, for an operator: what is wrong, and which key says it.

use std::{env, path::Path};

use nix::libc::{EACCES, ENOENT};

use super::{ServerConfig, command};

/// Why the command was not started; `error` is what the system, or the launcher, says.
pub(super) fn because(config: &ServerConfig, error: &str) -> String {
    let program = command::program(config);
    let is = |number: i32| error.ends_with(&format!("(os error {number})"));
    // The launcher's own words name a key already.
    match error.starts_with('`') {
        false if is(ENOENT) => missing(config, program),
        false if is(EACCES) && config.sandbox.is_none() => {
            format!("`{program}` may not be executed: no program, or not for this user (`command`)")
        }
        _ => format!("{}: {error}", command::named(config)),
    }
}

fn missing(config: &ServerConfig, program: &str) -> String {
    if let Some(folder) = config.cwd.as_deref().filter(|folder| !folder.is_dir()) {
        return format!("there is no folder {} (`cwd`)", folder.display());
    }
    let is_path = program.contains('/');
    if is_path && Path::new(program).exists() {
        return format!(
            "what `{program}` is to be run by is not there: see its first line (`command`)"
        );
    }
    match is_path {
        true => format!("there is no `{program}` (`command`)"),
        false => format!(
            "no folder of PATH has `{program}`: {} (`command`)",
            hint(config)
        ),
    }
}

/// Where it was looked for.
fn hint(config: &ServerConfig) -> &'static str {
    match config.env.contains_key("PATH") || env::var_os("PATH").is_none() {
        true => "PATH is not the gateway's own (`env`)",
        false => "install it, or give its whole path",
    }
}
