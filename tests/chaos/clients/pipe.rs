//! A client on a pipe: `mcpgate stdio`, in front of the gateway.

use std::{fs, process::Stdio, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    ask::Ask,
    judge::Ending,
    session::{one_for_all, sorted},
    wire::Broken,
};
use crate::{Failure, gateway::program, world::World};

/// A client on a pipe.
pub(crate) struct Pipe {
    key: &'static str,
    number: usize,
    open: Option<Open>,
}

/// The process that it has launched.
struct Open {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Pipe {
    /// One that has launched nothing yet.
    pub(super) fn new(key: &'static str, number: usize) -> Self {
        Self {
            key,
            number,
            open: None,
        }
    }

    /// Asks, all at once; gives how each ended.
    pub(super) async fn turn(&mut self, world: &Arc<World>, asks: &[Ask]) -> Vec<Ending> {
        match self.asked(world, asks).await {
            Ok(messages) => sorted(world, (200, "(the pipe)"), messages, asks),
            Err(broken) => one_for_all(asks, &Ending::Broken(broken)),
        }
    }

    async fn asked(&mut self, world: &World, asks: &[Ask]) -> Result<Vec<Value>, Broken> {
        if self.open.is_none() {
            let launched = self.launch(world).map_err(|error| error.to_string())?;
            self.open = Some(launched);
            let hello = json!({
                "jsonrpc": "2.0", "id": "hello", "method": "initialize",
                "params": {
                    "protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": {"name": "chaos", "version": "0"},
                },
            });
            self.say(&hello.to_string()).await?;
            while self.next().await?["id"] != "hello" {}
            self.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
                .await?;
        }
        for ask in asks {
            let ask = json!({"jsonrpc": "2.0", "id": ask.id, "method": ask.method(), "params": ask.params()});
            self.say(&ask.to_string()).await?;
        }
        let (mut messages, mut missing) = (Vec::new(), asks.len());
        while missing > 0 {
            let message = self.next().await?;
            let told = message["method"].as_str().unwrap_or_default();
            if message.get("method").is_none() {
                missing -= 1;
            }
            if !told.ends_with("list_changed") {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    fn launch(&self, world: &World) -> Result<Open, Failure> {
        let folder = world.folder().join(format!("pipe-{}", self.number));
        fs::create_dir_all(&folder)?;
        let (address, key) = (world.address, self.key);
        let table = format!(
            "[servers.gate]\nurl = 'http://{address}/mcp'\nprefix = ''\ntimeout = '6s'\n\
             connect_timeout = '4s'\n\
             headers = {{ X-API-Key = '{key}' }}\n"
        );
        fs::write(folder.join("servers.toml"), table)?;
        let mut process = Command::new(program()?)
            .args(["stdio", "--log-level", "error"])
            .current_dir(&folder)
            .env("HOME", &folder)
            .env_remove("MCPGATE_CONFIG")
            .env_remove("MCPGATE_POLICIES")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take().ok_or("no stdin")?;
        let output = process.stdout.take().ok_or("no stdout")?;
        Ok(Open {
            process,
            input,
            lines: BufReader::new(output).lines(),
        })
    }

    async fn say(&mut self, line: &str) -> Result<(), Broken> {
        let open = self.open.as_mut().ok_or("it is not open")?;
        let written = open.input.write_all(format!("{line}\n").as_bytes()).await;
        written.map_err(|error| error.to_string())
    }

    async fn next(&mut self) -> Result<Value, Broken> {
        let open = self.open.as_mut().ok_or("it is not open")?;
        let line = open.lines.next_line().await;
        let line = line.map_err(|error| error.to_string())?;
        let line = line.ok_or("its output ended")?;
        serde_json::from_str(&line).map_err(|error| format!("not JSON: {error}"))
    }

    /// Closes the pipe, and waits for the end of the process.
    pub(super) async fn leave(self) -> Result<(), Broken> {
        let Some(mut open) = self.open else {
            return Ok(());
        };
        drop((open.input, open.lines));
        match open.process.wait().await {
            Ok(status) if status.success() => Ok(()),
            ended => Err(format!("`mcpgate stdio` ended with {ended:?}")),
        }
    }
}
