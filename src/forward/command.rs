//! The command line of a child, and the environment it gets.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
};

use nix::libc::SIGXCPU;
use tokio::process::Command;

use super::{ServerConfig, environment::Environment, size::Size};
use crate::launch::{Identity, Limits, Setup};

/// What launches a server, with these variables over those of the config.
///
/// # Errors
/// When something is to be set up that only the launcher can.
pub(super) fn of(config: &ServerConfig, over: &Environment) -> io::Result<Command> {
    let setup = setup(config);
    let mut command = match &config.launcher {
        Some(launcher) => {
            let mut command = Command::new(launcher);
            command.args(setup.words()).arg(program(config));
            command
        }
        None if setup == Setup::here() => Command::new(program(config)),
        None => {
            let words = "limits, a user or a sandbox for a server need `mcpgate` as its launcher";
            return Err(io::Error::other(words));
        }
    };
    command.args(config.args.iter().map(|arg| arg.as_str()));
    set_environment(&mut command, config, over);
    if let Some(folder) = &config.cwd {
        command.current_dir(folder);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

fn set_environment(command: &mut Command, config: &ServerConfig, over: &Environment) {
    // Keys to this gateway are not for those behind it.
    command.env_remove("API_KEYS").env_remove("MCPGATE_KEY");
    // Nor is it theirs to speak to systemd in our name, or to find what it has handed over.
    for name in [
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "CREDENTIALS_DIRECTORY",
    ] {
        command.env_remove(name);
    }
    if config.user.is_some() {
        for name in Identity::VARIABLES {
            command.env_remove(name);
        }
    }
    command.envs(
        config
            .env
            .iter()
            .map(|(name, value)| (name, value.reveal())),
    );
    for (name, value) in over.iter() {
        match value {
            Some(value) => command.env(name, value),
            // The gateway's own variable of that name says nothing of the user.
            None => command.env_remove(name),
        };
    }
}

fn setup(config: &ServerConfig) -> Setup {
    let mut setup = Setup::here();
    setup.limits = Limits {
        memory: config.memory.map(Size::bytes),
        cpu: config.cpu.map(|cpu| cpu.as_secs()),
        open_files: config.open_files,
    };
    setup.identity = Identity {
        user: config.user.clone(),
        group: config.group.clone(),
    };
    setup.sandbox = config.sandbox.clone();
    setup
}

/// How a process ended, and which setting had it end.
pub(super) fn ended(config: &ServerConfig, status: ExitStatus) -> String {
    match (status.signal(), config.cpu) {
        (Some(SIGXCPU), Some(limit)) => format!("{status}, after {limit:?} of work (`cpu`)"),
        (_, _) => status.to_string(),
    }
}

/// What is launched, for a person.
pub(super) fn named(config: &ServerConfig) -> String {
    let folder = config.cwd.as_deref();
    let folder = folder.map(|folder| format!(" in {}", folder.display()));
    format!("`{}`{}", program(config), folder.unwrap_or_default())
}

/// What is launched.
pub(super) fn program(config: &ServerConfig) -> &str {
    let command = config.command.as_ref();
    command.map(|command| command.as_str()).unwrap_or_default()
}
