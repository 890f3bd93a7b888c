//! `mcpgate serve` as a process of its own, whose folder outlives it.

use std::{
    fs,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use mcpgate::authenticate::hash_of;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
};

use super::{Client, within};
use crate::pipe::{program, signal};

/// A folder with this `servers.toml`, and a policy with the names and keys of callers.
pub(crate) fn folder(servers: &str, keys: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("servers.toml"), servers).unwrap();
    let tables = keys
        .iter()
        .map(|(name, key)| format!("[keys.{name}]\nhash = \"{}\"\n", hash_of(key)));
    fs::create_dir(folder.path().join("policies")).unwrap();
    let policy = folder.path().join("policies/keys.toml");
    fs::write(policy, tables.collect::<String>()).unwrap();
    folder
}

/// A process that serves.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) url: String,
    said: Arc<Mutex<String>>,
    lines: watch::Receiver<usize>,
}

impl Running {
    /// Serves the `servers.toml` of a folder on a port of its own.
    pub(crate) async fn start(folder: &Path) -> Self {
        let mut command = program(folder);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        Self::of(command).await
    }

    /// Runs a command until it serves.
    pub(crate) async fn of(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut all = BufReader::new(process.stderr.take().unwrap()).lines();
        let said: Arc<Mutex<String>> = Arc::default();
        let (count, lines) = watch::channel(0);
        let says = said.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = all.next_line().await {
                says.lock().unwrap().push_str(&(line + "\n"));
                count.send_modify(|count| *count += 1);
            }
        });
        let mut running = Self {
            process,
            url: String::new(),
            said,
            lines,
        };
        running.says(" serves ").await;
        let said = running.said();
        let (_, url) = said.split_once(" serves ").unwrap();
        let url = url.lines().next().unwrap();
        running.url = url.trim_end_matches("/mcp").to_owned();
        running
    }

    /// All that it has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// It says this, or has.
    pub(crate) async fn says(&mut self, words: &str) {
        let said = self.said.clone();
        let there = self
            .lines
            .wait_for(|_| said.lock().unwrap().contains(words));
        let came = within(words, there).await.is_ok();
        assert!(came, "it ended: {}", self.said());
    }

    /// A client of it that has sent nothing yet.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.url.clone())
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, name: &str) {
        signal(name, self.process.id().expect("it has ended")).await;
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        within("the end of it", self.process.wait()).await.unwrap()
    }

    /// Stops it as systemd does.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.signal("TERM").await;
        self.ended().await
    }
}
