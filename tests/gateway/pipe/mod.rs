//! A gateway in this process, with children behind it and clients on pipes in front of it.

mod client;
mod process;

pub(crate) use client::Client;
pub(crate) use process::{Stdio, alive, gone, program, run, signal};

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use mcpgate::{
    call::ServerName,
    config::{self, Config, Environment, Paths},
    forward::State,
    gateway::Gateway,
    pipeline::Plan,
};
use serde_json::Value;
use tempfile::TempDir;

/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);

/// The result of `work`, which must not hang.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(result) => result,
        Err(_elapsed) => panic!("{what} hangs"),
    }
}

/// The table of a fake server with these flags.
pub(crate) fn server(name: &str, flags: &[&str]) -> String {
    let mut args = vec!["--name".to_owned(), name.to_owned()];
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    table(name, &fake(), &args)
}

/// The table of a server that this command line starts.
pub(crate) fn table(name: &str, program: &Path, args: &[String]) -> String {
    let command = Value::from(program.to_string_lossy().as_ref());
    format!(
        "[servers.{name}]\ncommand = {command}\nargs = {}\n",
        Value::from(args)
    )
}

/// The fake server: an example, which `cargo test` builds along.
pub(crate) fn fake() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/fake_server");
    assert!(
        program.exists(),
        "cargo build --example fake_server comes first"
    );
    program
}

/// A gateway on a config of its own.
pub(crate) struct Gate {
    gateway: Gateway,
    _folder: TempDir,
}

impl Gate {
    /// Starts on this `servers.toml`, and waits until every server is up or not to be had.
    pub(crate) async fn start(config: &str) -> Self {
        let gate = Self::begin(config);
        soon("the start", gate.gateway.pipeline().start.over()).await;
        gate
    }

    /// Starts, and waits for nothing.
    pub(crate) fn begin(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = load(folder.path(), text);
        Self {
            gateway: Gateway::start(&config),
            _folder: folder,
        }
    }

    /// What is in force.
    pub(crate) fn plan(&self) -> std::sync::Arc<Plan> {
        self.gateway.pipeline().plan()
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.gateway.pipeline().sessions.count()
    }

    /// A client that has initialized.
    pub(crate) async fn client(&self) -> Client {
        self.client_of("2025-11-25").await
    }

    /// A client that has initialized with that revision.
    pub(crate) async fn client_of(&self, revision: &str) -> Client {
        let mut client = self.stranger();
        client.initialize(revision).await;
        client
    }

    /// A client that has said nothing yet.
    pub(crate) fn stranger(&self) -> Client {
        Client::start(|pipe| tokio::spawn(self.gateway.serve_pipe_detached(pipe)))
    }

    /// How a server is doing, in a word.
    pub(crate) fn state(&self, server: &str) -> &'static str {
        self.state_of(server).state
    }

    /// How a server is doing.
    pub(crate) fn state_of(&self, server: &str) -> State {
        let name = ServerName::try_from(server.to_owned()).unwrap();
        let plan = self.plan();
        let found = plan.servers.iter().find(|(known, _)| **known == name);
        found.unwrap().1.state()
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        soon("the stop", self.gateway.stop()).await;
    }
}

/// Reads a `servers.toml` in that folder.
pub(crate) fn load(folder: &Path, text: &str) -> Config {
    let path = folder.join("servers.toml");
    std::fs::write(&path, text).unwrap();
    let environment = Environment {
        variable: &|_| None,
        program: Path::new(env!("CARGO_BIN_EXE_mcpgate")),
    };
    let config = config::load_with(&Paths::find(Some(path), None).unwrap(), &environment);
    // As the program does.
    config.unwrap().launched_through(environment.program)
}
