//! The audit log: one JSON line for each call, in a file that is rotated, on stdout, or both.
//!
//! ```text
//! {"time":"2026-03-04T05:06:07.008Z","request":17,"caller":"key:alice","role":"analyst",
//!  "key":"alice","address":"192.168.1.7","method":"tools/call","server":"files",
//!  "tool":"read_file","decision":"allowed","rule":"policies/team.toml:2 …","outcome":"ok",
//!  "microseconds":1234,"bytes_in":180,"bytes_out":4096,
//!  "arguments":{"path":"/srv/a","token":"*** (9 bytes)"}}
//! ```
//!
//! What is not known is left out. A call takes a [`Slot`] before it is served and writes its
//! [`Entry`] at the end; that makes the line, which waits in a bounded queue until one thread
//! writes it with others.
//!
//! Unless `required` is set, a record for which there is no room is dropped and counted, and so
//! are those that cannot be written. With it, a call is refused rather than not recorded: its slot
//! is room in the queue, kept from the start, and what cannot be written waits until it can.

mod config;
mod entry;
mod file;
mod line;
mod queue;
mod recent;
mod redact;
mod shown;
mod sink;
mod slot;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::{io, path::PathBuf, sync::Arc, thread, time::SystemTime};

pub use config::AuditConfig;
pub use entry::{Entry, Refused, Subject};
pub use slot::Slot;
pub use state::AuditCounters;

use file::LogFile;
use queue::Queue;
use shown::Shown;
use sink::{Sink, Stream};
use state::State;
use writer::Writer;

/// The audit log of one gateway.
pub struct Audit {
    queue: Arc<Queue>,
    required: bool,
}

/// Why a call cannot be recorded, under `required`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrecorded {
    /// As many records wait, and as many calls are under way, as may.
    #[error("the audit log has no room for another call ([audit] queue)")]
    Full,
    /// The last attempt to write failed, or the log is closed.
    #[error("the audit log cannot be written")]
    Failing,
}

/// Why there is no audit log.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// The file cannot be opened.
    #[error("the audit log {} cannot be opened: {} ([audit] file)", .0.display(), .1)]
    File(PathBuf, #[source] io::Error),
    /// Its thread cannot be started.
    #[error("the audit log cannot be started: {0}")]
    Thread(#[source] io::Error),
}

impl Audit {
    /// Opens the audit log and starts its writer; nothing if the config names no place for it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn start(config: &AuditConfig) -> Result<Option<Self>, Unopened> {
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if let Some(path) = &config.file {
            let file = LogFile::open(path, config);
            let file = file.map_err(|error| Unopened::File(path.clone(), error))?;
            sinks.push(Box::new(file));
        }
        if config.stdout {
            sinks.push(Box::new(Stream::new(io::stdout())));
        }
        if sinks.is_empty() {
            return Ok(None);
        }
        let (audit, writer) = Self::with(config, sinks);
        let thread = thread::Builder::new().name("mcpgate-audit".to_owned());
        let started = thread.spawn(|| writer.run());
        started.map_err(Unopened::Thread)?;
        Ok(Some(audit))
    }

    /// Both ends of the queue. Nothing is written before the writer runs.
    fn with(config: &AuditConfig, sinks: Vec<Box<dyn Sink>>) -> (Self, Writer) {
        let shown = Shown::new(&config.show_arguments);
        let queue = Arc::new(Queue::new(config.queue, shown));
        let writer = Writer::new(queue.clone(), config.required, sinks);
        let audit = Self {
            queue,
            required: config.required,
        };
        (audit, writer)
    }

    /// The slot of a call that comes in now. `request` is its id in the log.
    ///
    /// # Errors
    /// When the call must not be served, because it could not be recorded. Only with `required`.
    pub fn reserve(&self, request: u64) -> Result<Slot, Unrecorded> {
        if self.required {
            self.keep_room()?;
        }
        let called = (request, SystemTime::now());
        Ok(Slot::new(self.queue.clone(), self.required, called))
    }

    fn keep_room(&self) -> Result<(), Unrecorded> {
        if self.queue.state.is_failing() {
            // This call is refused, but has the writer try; the next one may be luckier.
            self.queue.look();
            return Err(Unrecorded::Failing);
        }
        match self.queue.reserve() {
            true => Ok(()),
            false => Err(Unrecorded::Full),
        }
    }

    /// What is counted.
    pub fn counters(&self) -> &AuditCounters {
        &self.queue.state.counters
    }

    /// Opens the file anew before the next line, for those who rotate it themselves.
    pub fn reopen(&self) {
        self.queue.state.ask_to_reopen();
        self.queue.look();
    }

    /// Ends the log: waits until every record is written, those of calls under way (with
    /// `required`) included, and is safe on the disk. How long that may take is for the caller to
    /// bound.
    pub async fn close(&self) {
        self.queue.close();
        self.queue.state.over.cancelled().await;
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.queue.close();
    }
}
