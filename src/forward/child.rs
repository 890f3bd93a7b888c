//! A child process: launched in a group of its own, listened to, stopped in stages.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{ChildStderr, ChildStdin, ChildStdout},
    time::timeout,
};

use super::{
    ServerConfig, command,
    environment::Environment,
    guarded::Guarded,
    journal::Journal,
    noise::{Fate, Flood},
    unstarted,
};
use crate::{call::ServerName, launch};

const SIGTERM: i32 = 15;
/// How long the system may take to kill.
const MOMENT: Duration = Duration::from_secs(2);
/// How many of its last lines on stderr are kept, and how much of each.
const TAIL: usize = 20;
const LINE: usize = 1000;
/// How many bytes of a line without an end are kept at once.
const PIECE: u64 = 64 * 1024;

/// A child and its ends of the pipes.
pub(super) struct Process {
    pub(super) child: Box<dyn ChildWrapper>,
    /// Where there is a program to launch a guard by.
    pub(super) guarded: Option<Guarded>,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// Launches the server's command, with these variables over those of the config.
///
/// # Errors
/// When it cannot be started: no such program, no such folder.
pub(super) fn launch(config: &ServerConfig, over: &Environment) -> io::Result<Process> {
    let spawned = command::of(config, over).and_then(|command| {
        let mut wrap = CommandWrap::from(command);
        wrap.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
        wrap.spawn()
    });
    let mut child = spawned.map_err(|error| {
        let words = unstarted::because(config, &error.to_string());
        io::Error::new(error.kind(), words)
    })?;
    let group = config.launcher.as_deref().zip(child.id());
    let guarded = group.map(|(launcher, group)| Guarded::watch(launcher, group));
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
        guarded,
        stdin,
        stdout,
        stderr,
    })
}

/// Stops a child whose stdin is closed already: wait, SIGTERM to its group, wait, SIGKILL.
///
/// The group is killed in any case: the child may have left children of its own behind.
pub(super) async fn stop(child: &mut dyn ChildWrapper, grace: Duration) {
    let left = timeout(grace, child.wait()).await.is_ok();
    if !left && child.signal(SIGTERM).is_ok() && timeout(grace, child.wait()).await.is_err() {
        tracing::warn!(
            pid = child.id(),
            "the child ignores SIGTERM and is killed after {grace:?} (`stop_timeout`)"
        );
    }
    // An error means that nobody is left in the group, which is what is wanted.
    drop(child.start_kill());
    drop(timeout(MOMENT, child.wait()).await);
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
        let (mut line, mut flood) = (Vec::new(), Flood::new());
        // A longer one is read in pieces: it may never end.
        while let Ok(1..) = (&mut lines).take(PIECE).read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            let text: String = text.trim_end().chars().take(LINE).collect();
            let is_told = launch::has_failed(&text);
            match flood.line() {
                // Why the server is down says it in better words.
                Fate::Shown(_) if is_told => {}
                // It has said the same at the attempt before.
                Fate::Shown(_) if self.journal.is_failing() => {
                    tracing::debug!(%server, "stderr: {text}");
                }
                Fate::Shown(0) => tracing::info!(%server, "stderr: {text}"),
                Fate::Shown(left_out) => {
                    tracing::info!(%server, left_out, "stderr: {text}");
                }
                Fate::LeftOut => {}
            }
            if !is_told {
                self.journal.write(&text);
            }
            self.keep(text);
            line.clear();
        }
        if flood.left_out() > 0 {
            tracing::info!(%server, left_out = flood.left_out(), "stderr: (too much)");
        }
    }

    fn keep(&self, line: String) {
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
