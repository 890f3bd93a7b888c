//! The gateway as a process of its own, so that its CPU time is its own.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use mcpgate::authenticate::hash_of;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::bed::{
    Failure,
    load::{Aim, Job},
    process::Process,
};

pub(crate) const ROLES: usize = 50;
pub(crate) const KEYS: usize = 500;

/// A gateway that runs.
pub(crate) struct Running {
    /// The process.
    pub(crate) process: Process,
    /// How to call its smallest tool.
    pub(crate) aim: Aim,
    _folder: TempDir,
}

impl Running {
    /// Starts one in front of the server at this URL, with a policy or without.
    pub(crate) async fn start(upstream: &str, policy: bool) -> Result<Self, Failure> {
        let servers = format!("[servers.up]\nurl = \"{upstream}\"\n");
        Self::in_front_of(&servers, policy).await
    }

    /// Starts one with these `[servers.*]`, and waits until it has their lists.
    pub(crate) async fn in_front_of(servers: &str, policy: bool) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut process = launch(&folder, "127.0.0.1:0", servers, policy)?;
        let stderr = process.stderr()?;
        let mut lines = BufReader::new(stderr).lines();
        let mut address: Option<SocketAddr> = None;
        // The lists are told once the servers have been asked for them.
        while let Some(line) = lines.next_line().await? {
            let url = line
                .split_once("http://")
                .and_then(|(_, url)| url.strip_suffix("/mcp"));
            address = address.or(url.and_then(|url| url.parse().ok()));
            if line.contains("tools,") {
                break;
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            process,
            aim: aim(address.ok_or("the gateway says no address")?, policy),
            _folder: folder,
        })
    }
}

/// How to call the smallest tool of a gateway.
pub(crate) fn aim(address: SocketAddr, policy: bool) -> Aim {
    Aim {
        address,
        path: "/mcp".to_owned(),
        key: policy.then(|| key(KEYS / 2)),
        stateless: false,
        job: Job::Call,
        tool: "up__tool_100".to_owned(),
        answer: r#""text":"42""#.to_owned(),
        least: 0,
    }
}

/// Launches one, or the one that `MCPGATE` names; its files are in `folder`.
pub(crate) fn launch(
    folder: &TempDir,
    listen: &str,
    servers: &str,
    policy: bool,
) -> Result<Process, Failure> {
    let config = write(folder.path(), listen, servers, policy)?;
    let program =
        env::var("MCPGATE").unwrap_or_else(|_unset| env!("CARGO_BIN_EXE_mcpgate").to_owned());
    let mut command = Command::new(program);
    if let Ok(profiles) = env::var("PROFILES") {
        // One file for each process.
        command.env("LLVM_PROFILE_FILE", format!("{profiles}/%p.profraw"));
    }
    command.args(["serve", "--log-level", "warn", "--config"]);
    Process::launch(command.arg(&config))
}

/// Writes its files into a folder, with a policy and the audit log or without; gives the config.
pub(crate) fn write(
    folder: &Path,
    listen: &str,
    servers: &str,
    policy: bool,
) -> Result<PathBuf, Failure> {
    let mut text = format!(
        "[gateway]\nlisten = \"{listen}\"\nmax_connections = 10000\nmax_sessions = 100000\nmax_sessions_per_caller = 100000\n{servers}"
    );
    if policy {
        text.push_str("[audit]\nfile = \"audit.jsonl\"\n");
        fs::create_dir(folder.join("policies"))?;
        fs::write(folder.join("policies/many.toml"), many())?;
    }
    let config = folder.join("servers.toml");
    fs::write(&config, text)?;
    Ok(config)
}

/// One of the keys that the policy knows.
pub(crate) fn key(number: usize) -> String {
    format!("mcpg_key_number_{number:04}")
}

/// 50 roles that inherit, allow, deny and limit; 500 keys that have them.
fn many() -> String {
    let mut text = String::new();
    for role in 0..ROLES {
        let inherits = match role {
            0 => String::new(),
            _ => format!("inherits = [\"role-{}\"]\n", role / 2),
        };
        text.push_str(&format!(
            "[roles.role-{role}]\n{inherits}\
             allow = [\"up/tool_{role}*\", \"up*/tool_1*\", \"up/large_*\", \"up/events_*\"]\n\
             deny = [\"*/delete_*\", \"up/tool_9{role}\"]\n\
             limits = [{{ calls = 100000000, per = \"1s\", each = [\"caller\", \"server\"] }}]\n"
        ));
    }
    for number in 0..KEYS {
        text.push_str(&format!(
            "[keys.key-{number}]\nhash = \"{}\"\nrole = \"role-{}\"\n",
            hash_of(&key(number)),
            number % ROLES
        ));
    }
    text
}
