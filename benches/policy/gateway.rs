//! The gateway as a process of its own, so that its CPU time is its own.

use std::{fs, net::SocketAddr, process::Stdio};

use mcpgate::authenticate::hash_of;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::Failure;

pub(super) const ROLES: usize = 50;
pub(super) const KEYS: usize = 500;

/// A gateway that runs.
pub(super) struct Running {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The key to show, if one is asked for.
    pub(super) key: Option<String>,
    _folder: TempDir,
}

impl Running {
    /// Starts one, with a policy or without.
    pub(super) async fn start(upstream: &str, policy: bool) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut servers =
            format!("[gateway]\nlisten = \"127.0.0.1:0\"\n[servers.up]\nurl = \"{upstream}\"\n");
        if policy {
            servers.push_str("[audit]\nfile = \"audit.jsonl\"\n");
            fs::create_dir(folder.path().join("policies"))?;
            fs::write(folder.path().join("policies/many.toml"), many())?;
        }
        let config = folder.path().join("servers.toml");
        fs::write(&config, servers)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcpgate"))
            .args(["serve", "--log-level", "warn", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stderr = child.stderr.take().ok_or("no stderr")?;
        let mut lines = BufReader::new(stderr).lines();
        let mut address = None;
        // The lists are told once the server has been asked for them.
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
            child,
            address: address.ok_or("the gateway says no address")?,
            key: policy.then(|| key(KEYS / 2)),
            _folder: folder,
        })
    }

    /// Seconds of CPU that it has used.
    pub(super) fn cpu(&self) -> Result<f64, Failure> {
        let id = self.child.id().ok_or("the gateway has ended")?;
        let ticks = |stat: &str| {
            // After the name, which may hold anything, utime and stime are the 12th and 13th.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
            let user: f64 = fields.next()?.parse().ok()?;
            let system: f64 = fields.next()?.parse().ok()?;
            Some(user + system)
        };
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // A tick is 10 ms on every Linux there is.
        Ok(ticks(&stat).ok_or("no such file of numbers")? / 100.0)
    }
}

fn key(number: usize) -> String {
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
            "[roles.role-{role}]\n{inherits}allow = [\"up/tool_{role}*\", \"up/tool_1*\"]\n\
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
