//! A program that runs for a while, with its children, and threads of our own.

use std::{fs, process::Stdio, time::Duration};

use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::Failure;

/// How long a program may take to end of itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that runs until this is dropped.
pub(crate) struct Process {
    child: Child,
    /// Whether its children do its work (nginx), or are servers that it launched.
    workers: bool,
}

impl Process {
    /// Launches one, with its stderr to be read.
    pub(crate) fn launch(command: &mut Command) -> Result<Self, Failure> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            child,
            workers: false,
        })
    }

    /// Its children's work counts as its own.
    pub(crate) fn with_workers(mut self) -> Self {
        self.workers = true;
        self
    }

    /// What it writes to stderr, once.
    pub(crate) fn stderr(&mut self) -> Result<tokio::process::ChildStderr, Failure> {
        Ok(self.child.stderr.take().ok_or("stderr is read already")?)
    }

    /// Has it end of itself, as a service manager does.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        let told = std::process::Command::new("kill")
            .args(["-TERM", &self.id()?])
            .status()?;
        let ended = timeout(PATIENCE, self.child.wait()).await??;
        match told.success() && ended.success() {
            true => Ok(()),
            false => Err(format!("it does not end well: {ended}").into()),
        }
    }

    /// Seconds that its threads and those of its workers have run.
    pub(crate) fn cpu(&self) -> Result<f64, Failure> {
        self.own()?.iter().map(|id| cpu_of(id)).sum()
    }

    /// Seconds that the servers which it launched have run.
    pub(crate) fn launched_cpu(&self) -> Result<f64, Failure> {
        match self.workers {
            true => Ok(0.0),
            false => children(&self.id()?)?.iter().map(|id| cpu_of(id)).sum(),
        }
    }

    /// The most memory that it and its workers have had at a time each, in MiB.
    pub(crate) fn peak(&self) -> Result<f64, Failure> {
        Ok(self.kib("VmHWM:")? / 1024.0)
    }

    /// Forgets the peak so far.
    pub(crate) fn forget_peak(&self) -> Result<(), Failure> {
        for id in self.own()? {
            // 5 resets the peak (proc(5)).
            fs::write(format!("/proc/{id}/clear_refs"), "5")?;
        }
        Ok(())
    }

    /// The memory that it and its workers have now, in KiB.
    pub(crate) fn resident(&self) -> Result<f64, Failure> {
        self.kib("VmRSS:")
    }

    fn kib(&self, what: &str) -> Result<f64, Failure> {
        let mut kib = 0.0;
        for id in self.own()? {
            let status = fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix(what));
            let number = line.and_then(|line| line.split_whitespace().next());
            kib += number.ok_or_else(|| format!("no {what}"))?.parse::<f64>()?;
        }
        Ok(kib)
    }

    fn id(&self) -> Result<String, Failure> {
        Ok(self.child.id().ok_or("it has ended")?.to_string())
    }

    fn own(&self) -> Result<Vec<String>, Failure> {
        let id = self.id()?;
        let workers = match self.workers {
            true => children(&id)?,
            false => Vec::new(),
        };
        // It first, so that it starts no new ones when all are ended.
        Ok([id].into_iter().chain(workers).collect())
    }
}

impl Drop for Process {
    /// Workers outlive a program that is killed.
    fn drop(&mut self) {
        if self.workers {
            let all = self.own().unwrap_or_default();
            let mut kill = std::process::Command::new("kill");
            drop(kill.arg("-KILL").args(all).status());
        }
    }
}

/// Seconds that the threads of ours which go by this name have run.
pub(crate) fn threads_cpu(name: &str) -> Result<f64, Failure> {
    let mut seconds = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        let thread = thread?.path();
        if fs::read_to_string(thread.join("comm"))?.trim() == name {
            seconds += ran(&thread)?;
        }
    }
    Ok(seconds)
}

fn cpu_of(id: &str) -> Result<f64, Failure> {
    let mut seconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        seconds += ran(&thread?.path())?;
    }
    Ok(seconds)
}

/// The scheduler counts nanoseconds; what `stat` has is sampled by a clock tick, and wrong for work
/// that comes in such small pieces.
fn ran(thread: &std::path::Path) -> Result<f64, Failure> {
    // A thread that has just ended is no reason to give up.
    let run = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    let run = run.split_whitespace().next().unwrap_or("0");
    Ok(run.parse::<f64>()? / 1e9)
}

fn children(id: &str) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let children = fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().map(str::to_owned));
    }
    Ok(all)
}
