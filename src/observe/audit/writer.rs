//! The one who writes: takes all lines that wait in the queue, and writes them at once.
//!
//! A thread of its own, because a disk can take seconds and the runtime's threads serve calls. It
//! lets lines gather for a moment before it writes: waking it for each would cost the callers more
//! than the line does.

use std::{io, sync::Arc, thread, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use super::{
    queue::{Queue, Woken},
    sink::Sink,
};

/// How long lines gather.
const LINGER: Duration = Duration::from_millis(10);
/// How often trouble is told.
const TOLD: Duration = Duration::from_secs(60);

/// The one who writes.
pub(super) struct Writer {
    queue: Arc<Queue>,
    required: bool,
    places: Vec<Place>,
    /// Lines that have yet to arrive everywhere.
    batch: Vec<u8>,
    /// When trouble may be told again.
    tells_from: Option<Instant>,
    /// Says that it is over, also if it ends by a panic.
    _over: DropGuard,
}

/// A place that lines go to, and how much of the batch has arrived there.
struct Place {
    sink: Box<dyn Sink>,
    arrived: usize,
}

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, required: bool, sinks: Vec<Box<dyn Sink>>) -> Self {
        let place = |sink| Place { sink, arrived: 0 };
        Self {
            _over: queue.state.over.clone().drop_guard(),
            queue,
            required,
            places: sinks.into_iter().map(place).collect(),
            batch: Vec::new(),
            tells_from: None,
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while self.turn() {}
        self.finish();
    }

    /// Waits for lines and writes those that are there then; false when none will come.
    pub(super) fn turn(&mut self) -> bool {
        match self.queue.wait() {
            Woken::Over => return false,
            Woken::Last => {}
            Woken::Lines => thread::sleep(LINGER),
        }
        self.queue.take(&mut self.batch);
        self.reopen_if_asked();
        self.write();
        true
    }

    /// Writes the batch; false where some of it has to wait.
    fn write(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        let mut trouble = None;
        for place in &mut self.places {
            let failed = place.write(&self.batch).err();
            trouble = failed.map(|error| (place.sink.place(), error)).or(trouble);
        }
        let arrived = self.places.iter().map(|place| place.arrived).min();
        let arrived = arrived.unwrap_or(self.batch.len());
        let done = self.batch.get(..arrived).unwrap_or_default();
        self.queue.state.counters.add_written(lines(done));
        self.batch.drain(..arrived);
        for place in &mut self.places {
            place.arrived -= arrived;
        }
        match trouble {
            Some((place, error)) => self.trouble(&place, &error),
            None => self.recovered(),
        }
        self.batch.is_empty()
    }

    fn trouble(&mut self, place: &str, error: &io::Error) {
        self.queue.state.set_failing(true);
        if !self.required {
            // Nobody waits for these, and what comes next may be luckier.
            self.give_up();
        }
        let now = Instant::now();
        if self.tells_from.is_none_or(|from| from <= now) {
            self.tells_from = Some(now + TOLD);
            let failed = self.queue.state.counters.failed();
            let meanwhile = match self.required {
                true => "calls are refused until it can be ([audit] required)",
                false => "records are lost until it can be; mcp_audit_failed_total counts them",
            };
            tracing::error!(
                failed,
                "the audit log {place} cannot be written: {error}; {meanwhile}"
            );
        }
    }

    fn recovered(&mut self) {
        if self.queue.state.set_failing(false) {
            let lost = self.queue.state.counters.failed();
            tracing::info!(lost, "the audit log is written again");
        }
    }

    fn give_up(&mut self) {
        self.queue.state.counters.add_failed(lines(&self.batch));
        self.batch.clear();
        for place in &mut self.places {
            place.arrived = 0;
        }
    }

    fn reopen_if_asked(&mut self) {
        if !self.queue.state.take_reopen() {
            return;
        }
        for place in &mut self.places {
            if let Err(error) = place.sink.reopen() {
                tracing::error!("the audit log cannot be opened again: {error}");
            }
        }
    }

    fn finish(&mut self) {
        if !self.batch.is_empty() && !self.write() {
            self.give_up();
            let failed = self.queue.state.counters.failed();
            tracing::error!(failed, "the last records of the audit log are lost");
        }
        for place in &mut self.places {
            if let Err(error) = place.sink.sync() {
                tracing::error!("the audit log may not outlast the machine: {error}");
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.state.set_failing(true);
    }
}

impl Place {
    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        while let Some(rest) = batch.get(self.arrived..).filter(|rest| !rest.is_empty()) {
            let (arrived, result) = self.sink.append(rest);
            self.arrived += arrived;
            result?;
        }
        Ok(())
    }
}

/// How many records these bytes are.
fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
