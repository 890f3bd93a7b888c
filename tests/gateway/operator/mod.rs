//! What an operator does with the gateway that runs: the real program, its socket, its servers.

mod commands;
mod hand;
mod socket;
mod top;

use std::{path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr},
};

use crate::{
    cli::{seen, stdout},
    pipe::{program, run, signal, soon},
};

/// `mcpgate serve`, in a folder that has its config.
struct Running {
    process: Child,
    said: Lines<BufReader<ChildStderr>>,
    url: String,
}

fn folder(servers: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[gateway]\nlisten = '127.0.0.1:0'\ncontrol_socket = 'gate.sock'\n\
         first_list_wait = '1m'\n{servers}"
    );
    std::fs::write(folder.path().join("servers.toml"), config).unwrap();
    folder
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("gate.sock")
}

impl Running {
    /// Serves, until it says that its servers are there.
    async fn start(folder: &TempDir) -> Self {
        let mut command = program(folder.path());
        command.arg("serve").stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut running = Self {
            process,
            said,
            url: String::new(),
        };
        let line = running.says(" serves ").await;
        running.url = line.split_once(" serves ").unwrap().1.to_owned();
        running.says(" tools, ").await;
        running
    }

    /// The next line with these words.
    async fn says(&mut self, words: &str) -> String {
        loop {
            let line = soon("its words", self.said.next_line()).await.unwrap();
            let line = line.expect("it says something else, and ends");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Ends it as a service manager does.
    async fn end(mut self) {
        signal("TERM", self.process.id().unwrap()).await;
        let status = soon("its end", self.process.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0));
    }

    async fn pid_of(&self, tool: &str) -> u32 {
        let words = ["call", "--url", &self.url, tool];
        let output = run("", &words).await;
        stdout(&output).trim().parse().unwrap()
    }
}

/// Exit code, stdout, stderr of a command in that folder.
async fn told(folder: &TempDir, words: &[&str]) -> (Option<i32>, String, String) {
    let output = program(folder.path()).args(words).output();
    seen(&soon("the command", output).await.unwrap())
}
