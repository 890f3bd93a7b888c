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

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;

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
}

fn run(takes: &Receiver<Runtime>, over: &CancellationToken) {
    if let Ok(runtime) = takes.recv() {
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
