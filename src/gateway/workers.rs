//! A runtime for each core: a connection stays on one of them with all that is done for it, so
//! that a call wakes no other core, and shares no queue with one. So does a server with what is
//! said to it and by it; a call from another core has to wake that one.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, channel},
    },
    thread,
};

use futures_util::future::join_all;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::home;

/// Runtimes, each on a thread of its own. They end when this is dropped, with all that is on them.
pub(super) struct Workers {
    all: Vec<Worker>,
    over: CancellationToken,
}

struct Worker {
    runtime: Handle,
    taken: Arc<AtomicUsize>,
}

/// The place of a connection, or a server, on a worker, until it is dropped.
pub(super) struct Place {
    /// Where it is to be looked after.
    pub(super) runtime: Handle,
    taken: Arc<AtomicUsize>,
}

/// Whether they all work.
pub(super) struct Pulse(Vec<Handle>);

impl Workers {
    /// None: everything has its place on the runtime that it is started on.
    pub(super) fn none() -> Self {
        Self {
            all: Vec::new(),
            over: CancellationToken::new(),
        }
    }

    /// Starts one for each core that the process may use.
    ///
    /// # Errors
    /// When the system has no room for their threads.
    pub(super) fn start() -> io::Result<Self> {
        let mut workers = Self::none();
        for number in 0..thread::available_parallelism()?.get() {
            let over = workers.over.clone();
            let (hands, takes) = channel();
            let thread = thread::Builder::new().name(format!("mcpgate-{number}"));
            // The thread first: without one, the runtime would be dropped here, within another one.
            thread.spawn(move || run(&takes, &over))?;
            let runtime = Builder::new_current_thread().enable_all().build()?;
            workers.all.push(Worker {
                runtime: runtime.handle().clone(),
                taken: Arc::default(),
            });
            drop(hands.send(runtime));
        }
        Ok(workers)
    }

    /// A place on the one with the fewest.
    pub(super) fn place(&self) -> Place {
        let fewest = self
            .all
            .iter()
            .min_by_key(|worker| worker.taken.load(Relaxed));
        let (runtime, taken) = fewest.map_or_else(
            || (Handle::current(), Arc::default()),
            |worker| (worker.runtime.clone(), worker.taken.clone()),
        );
        taken.fetch_add(1, Relaxed);
        Place { runtime, taken }
    }

    /// What tells whether they all work.
    pub(super) fn pulse(&self) -> Pulse {
        Pulse(
            self.all
                .iter()
                .map(|worker| worker.runtime.clone())
                .collect(),
        )
    }
}

impl Pulse {
    /// Waits until each has done something that it was given now. One that has ended need not.
    pub(super) async fn beat(&self) {
        join_all(self.0.iter().map(|runtime| runtime.spawn(async {}))).await;
    }
}

fn run(takes: &Receiver<Runtime>, over: &CancellationToken) {
    if let Ok(runtime) = takes.recv() {
        home::settle(runtime.handle().id());
        runtime.block_on(over.cancelled());
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, sync::mpsc};

    use futures_util::poll;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn one_core_that_is_stuck_is_missed() {
        let workers = Workers::start().unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (tells, is_stuck) = oneshot::channel();
        let stuck = workers.place();
        let others = workers.all.iter().map(|worker| worker.runtime.clone());
        let others = Pulse(
            others
                .filter(|other| other.id() != stuck.runtime.id())
                .collect(),
        );
        let pulse = workers.pulse();
        pulse.beat().await;
        stuck.runtime.spawn(async move {
            tells.send(()).unwrap();
            held.recv().unwrap_err();
        });
        is_stuck.await.unwrap();

        let mut beat = pin!(pulse.beat());
        for _ in 0..8 {
            assert!(poll!(&mut beat).is_pending());
            others.beat().await;
        }
        drop(release);
        beat.await;
    }
}
