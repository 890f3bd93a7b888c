//! The one who writes: takes what waits in the queue, makes lines of it, and writes them at once.
//!
//! A thread of its own, because a disk can take seconds and the runtime's threads serve calls. It
//! gathers records for a moment before it writes: waking it for each would cost the callers more
//! than the record does.

use std::{io, sync::Arc, thread, time::Duration};

use tokio::{sync::mpsc::Receiver, time::Instant};
use tokio_util::sync::DropGuard;

use super::{
    Message, State,
    line::{self, Clock},
    shown::Shown,
    sink::Sink,
};

/// How long records are gathered.
const LINGER: Duration = Duration::from_millis(5);
/// How much is written at once, in bytes, about.
const BATCH: usize = 1 << 20;
/// How often trouble is told.
const TOLD: Duration = Duration::from_secs(60);

/// The one who writes.
pub(super) struct Writer {
    queue: Receiver<Message>,
    state: Arc<State>,
    shown: Shown,
    clock: Clock,
    required: bool,
    places: Vec<Place>,
    /// Lines that have yet to arrive everywhere.
    batch: Vec<u8>,
    /// When trouble may be told again.
    tells_from: Option<Instant>,
    closing: bool,
    /// Says that it is over, also if it ends by a panic.
    _over: DropGuard,
}

/// A place that lines go to, and how much of the batch has arrived there.
struct Place {
    sink: Box<dyn Sink>,
    arrived: usize,
}

impl Writer {
    pub(super) fn new(
        queue: Receiver<Message>,
        state: Arc<State>,
        (shown, required): (Shown, bool),
        sinks: Vec<Box<dyn Sink>>,
    ) -> Self {
        let place = |sink| Place { sink, arrived: 0 };
        Self {
            queue,
            _over: state.over.clone().drop_guard(),
            state,
            shown,
            clock: Clock::default(),
            required,
            places: sinks.into_iter().map(place).collect(),
            batch: Vec::new(),
            tells_from: None,
            closing: false,
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while self.turn() {}
        self.finish();
    }

    /// Waits for a message and writes whatever is there then; false when none will come.
    pub(super) fn turn(&mut self) -> bool {
        let Some(first) = self.queue.blocking_recv() else {
            return false;
        };
        self.take(first);
        if !self.closing {
            thread::sleep(LINGER);
        }
        loop {
            while self.batch.len() < BATCH
                && let Ok(message) = self.queue.try_recv()
            {
                self.take(message);
            }
            self.reopen_if_asked();
            let has_room = self.write();
            if !has_room || self.queue.is_empty() {
                return true;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Record(waiting) => {
                line::write(&mut self.batch, &waiting, &self.shown, &mut self.clock);
                self.state.put_down(waiting.weight);
            }
            Message::Look => self.state.looked(),
            Message::Close => {
                self.closing = true;
                self.queue.close();
            }
        }
    }

    /// Writes the batch; false where some of it has to wait.
    fn write(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        let mut trouble = None;
        for place in &mut self.places {
            trouble = place.write(&self.batch).err().or(trouble);
        }
        let arrived = self.places.iter().map(|place| place.arrived).min();
        let arrived = arrived.unwrap_or(self.batch.len());
        let done = self.batch.get(..arrived).unwrap_or_default();
        self.state.counters.add_written(lines(done));
        self.batch.drain(..arrived);
        for place in &mut self.places {
            place.arrived -= arrived;
        }
        match trouble {
            Some(error) => self.trouble(&error),
            None => self.recovered(),
        }
        self.batch.is_empty()
    }

    fn trouble(&mut self, error: &io::Error) {
        self.state.set_failing(true);
        if !self.required {
            // Nobody waits for these, and what comes next may be luckier.
            self.give_up();
        }
        let now = Instant::now();
        if self.tells_from.is_none_or(|from| from <= now) {
            self.tells_from = Some(now + TOLD);
            let failed = self.state.counters.failed();
            tracing::error!(failed, "the audit log cannot be written: {error}");
        }
    }

    fn recovered(&mut self) {
        if self.state.set_failing(false) {
            tracing::info!("the audit log is written again");
        }
    }

    fn give_up(&mut self) {
        self.state.counters.add_failed(lines(&self.batch));
        self.batch.clear();
        for place in &mut self.places {
            place.arrived = 0;
        }
    }

    fn reopen_if_asked(&mut self) {
        if !self.state.take_reopen() {
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
            let failed = self.state.counters.failed();
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
        self.state.set_failing(true);
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
