//! A program that runs for a while, with its children.

use std::{fs, process::Stdio};

use tokio::process::{Child, Command};

use super::Failure;

/// A program that runs until this is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Launches one, with its stderr to be read.
    pub(crate) fn launch(command: &mut Command) -> Result<Self, Failure> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self(child))
    }

    /// What it writes to stderr, once.
    pub(crate) fn stderr(&mut self) -> Result<tokio::process::ChildStderr, Failure> {
        Ok(self.0.stderr.take().ok_or("stderr is read already")?)
    }

    /// Seconds that its threads and those of its children have run. The scheduler counts
    /// nanoseconds; what `stat` has is sampled by a clock tick, and wrong for work that comes in such
    /// small pieces.
    pub(crate) fn cpu(&self) -> Result<f64, Failure> {
        let mut nanoseconds = 0.0;
        for id in self.all()? {
            for thread in fs::read_dir(format!("/proc/{id}/task"))? {
                let run = fs::read_to_string(thread?.path().join("schedstat"))?;
                let run = run.split_whitespace().next().ok_or("an empty schedstat")?;
                nanoseconds += run.parse::<f64>()?;
            }
        }
        Ok(nanoseconds / 1e9)
    }

    /// The most memory that it and its children have had at a time each, in MiB.
    pub(crate) fn memory(&self) -> Result<f64, Failure> {
        let mut kib = 0.0;
        for id in self.all()? {
            let status = fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let number = line.and_then(|line| line.split_whitespace().next());
            kib += number.ok_or("no VmHWM")?.parse::<f64>()?;
        }
        Ok(kib / 1024.0)
    }

    fn all(&self) -> Result<Vec<String>, Failure> {
        let id = self.0.id().ok_or("it has ended")?.to_string();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let children = children.split_whitespace().map(str::to_owned);
        Ok(children.chain([id]).collect())
    }
}
