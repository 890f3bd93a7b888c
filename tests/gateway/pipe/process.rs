//! The real binary, and what remains of processes.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio as Pipe},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
};

use super::soon;

/// The program under test, on the config in that folder.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_mcpgate")));
    command
        .current_dir(folder)
        .env_remove("MCPGATE_CONFIG")
        .env_remove("MCPGATE_POLICIES")
        .env_remove("MCPGATE_LOG")
        .env_remove("MCPGATE_KEY")
        .env_remove("API_KEYS")
        .env_remove("ALLOWED_IPS")
        .env_remove("RATE_LIMIT")
        .env_remove("MAX_CONNECTIONS")
        .env_remove("CORS_ORIGINS")
        .env_remove("COLUMNS") // how wide help is
        .env("HOME", folder)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("RUNTIME_DIRECTORY")
        .env_remove("XDG_STATE_HOME")
        .env_remove("STATE_DIRECTORY")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("LISTEN_FDS")
        .env_remove("WATCHDOG_USEC")
        .stdin(Pipe::null())
        .kill_on_drop(true);
    command
}

/// Runs the program on that `servers.toml` to its end.
pub(crate) async fn run(config: &str, words: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("servers.toml"), config).unwrap();
    let output = program(folder.path()).args(words).output();
    soon("the program", output).await.unwrap()
}

/// Whether there is such a process, and it is not a zombie.
pub(crate) fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Waits until a process that is not ours is gone: nothing tells of that but `/proc`.
pub(crate) async fn gone(pid: u32) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let looks = async {
        while alive(pid) {
            ticks.tick().await;
        }
    };
    soon("the end of a process", looks).await;
}

/// `mcpgate stdio` as a client launches it.
pub(crate) struct Stdio {
    pub(crate) child: Child,
    pub(crate) input: ChildStdin,
}

impl Stdio {
    /// Launches it.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::of(program(folder).arg("stdio"))
    }

    /// Launches that command.
    pub(crate) fn of(command: &mut Command) -> Self {
        command
            .stdin(Pipe::piped())
            .stdout(Pipe::piped())
            .stderr(Pipe::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        Self { child, input }
    }

    /// Writes a line.
    pub(crate) async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        soon("writing", self.input.write_all(line.as_bytes()))
            .await
            .unwrap();
    }

    /// Reads a line.
    pub(crate) async fn line(&mut self) -> String {
        let out = self.child.stdout.as_mut().unwrap();
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            line.push(soon("reading", out.read_u8()).await.unwrap());
        }
        String::from_utf8(line).unwrap()
    }

    /// Closes its input; gives the rest of its output and its exit status.
    pub(crate) async fn close(self) -> Output {
        let Self { child, input } = self;
        drop(input);
        soon("the end of mcpgate stdio", child.wait_with_output())
            .await
            .unwrap()
    }
}

/// Sends a signal.
pub(crate) async fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .await;
    assert!(sent.unwrap().success(), "no process {pid}");
}
