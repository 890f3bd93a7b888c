//! A child process: launched in a group of its own, listened to, stopped in stages.

use std::{
    collections::VecDeque,
    io,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{ServerConfig, environment::Environment, journal::Journal};
use crate::call::ServerName;

const SIGTERM: i32 = 15;
/// How long a child has to leave after its stdin closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// How many of its last lines on stderr are kept, and how much of each.
const TAIL: usize = 20;
const LINE: usize = 1000;
/// How many bytes of a line without an end are kept at once.
const PIECE: u64 = 64 * 1024;

/// A child and its ends of the pipes.
pub(super) struct Process {
    pub(super) child: Box<dyn ChildWrapper>,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// Launches the server's command, with these variables over those of the config.
///
/// # Errors
/// When it cannot be started: no such program, no such folder.
pub(super) fn launch(config: &ServerConfig, over: &Environment) -> io::Result<Process> {
    let program = config
        .command
        .as_ref()
        .map(|command| command.as_str())
        .unwrap_or_default();
    let mut command = Command::new(program);
    command.args(config.args.iter().map(|arg| arg.as_str()));
    // Keys to this gateway are not for those behind it.
    command.env_remove("API_KEYS").env_remove("MCPGATE_KEY");
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
    if let Some(folder) = &config.cwd {
        command.current_dir(folder);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut wrap = CommandWrap::from(command);
    wrap.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
    let mut child = wrap.spawn().map_err(|error| {
        let folder = config
            .cwd
            .as_deref()
            .map(|folder| format!(" in {}", folder.display()));
        io::Error::new(
            error.kind(),
            format!("`{program}`{}: {error}", folder.unwrap_or_default()),
        )
    })?;
    let pipes = (
        child.stdin().take(),
        child.stdout().take(),
        child.stderr().take(),
    );
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(io::Error::other("the child has no pipes"));
    };
    Ok(Process {
        child,
        stdin,
        stdout,
        stderr,
    })
}

/// Stops a child whose stdin is closed already: wait, SIGTERM to its group, SIGKILL.
///
/// The group is killed in any case: the child may have left children of its own behind.
pub(super) async fn stop(child: &mut dyn ChildWrapper) {
    let left = timeout(GRACE, child.wait()).await.is_ok();
    if !left && child.signal(SIGTERM).is_ok() && timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!(pid = child.id(), "the child ignores SIGTERM and is killed");
    }
    // An error means that nobody is left in the group, which is what is wanted.
    drop(child.start_kill());
    drop(timeout(GRACE, child.wait()).await);
}

/// The last lines a child wrote to stderr.
#[derive(Debug)]
pub(super) struct Tail {
    lines: Mutex<VecDeque<String>>,
    /// What is there for longer, and not only of this child.
    journal: Arc<Journal>,
}

impl Tail {
    pub(super) fn new(journal: &Arc<Journal>) -> Self {
        Self {
            lines: Mutex::default(),
            journal: journal.clone(),
        }
    }

    /// Reads stderr to its end, into the log and the tail.
    pub(super) async fn follow(&self, server: &ServerName, stderr: ChildStderr) {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        // A longer one is read in pieces: it may never end.
        while let Ok(1..) = (&mut lines).take(PIECE).read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            let text: String = text.trim_end().chars().take(LINE).collect();
            tracing::info!(%server, "stderr: {text}");
            self.keep(text);
            line.clear();
        }
    }

    fn keep(&self, line: String) {
        self.journal.write(&line);
        let Ok(mut lines) = self.lines.lock() else {
            return;
        };
        if lines.len() == TAIL {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Its last few lines.
    pub(super) fn last(&self, count: usize) -> Vec<String> {
        let Ok(lines) = self.lines.lock() else {
            return Vec::new();
        };
        lines
            .iter()
            .skip(lines.len().saturating_sub(count))
            .cloned()
            .collect()
    }
}
