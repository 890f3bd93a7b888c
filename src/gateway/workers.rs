//! A runtime for each core: a connection stays on one of them with all that is done for it, so
//! that a call wakes no other core, and shares no queue with one.
//!
//! What belongs to no connection (servers, sweeping) is on the runtime that the process began with.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, channel},
    },
    thread,
};

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

/// Runtimes, each on a thread of its own. They end when this is dropped, with all that is on them.
pub(super) struct Workers {
    all: Vec<Worker>,
    over: CancellationToken,
}

struct Worker {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
}

/// A connection's place on a worker, until it is dropped.
pub(super) struct Place {
    /// Where the connection is to be served.
    pub(super) runtime: Handle,
    connections: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts one for each core that the process may use; none where whoever runs the gateway has
    /// one thread for it: then that is the place for all connections.
    ///
    /// # Errors
    /// When the system has no room for them.
    pub(super) fn start() -> io::Result<Self> {
        let over = CancellationToken::new();
        let mut workers = Self {
            all: Vec::new(),
            over: over.clone(),
        };
        let alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        let cores = match alone {
            true => 0,
            false => thread::available_parallelism()?.get(),
        };
        for number in 0..cores {
            let over = over.clone();
            let (hands, takes) = channel();
            let thread = thread::Builder::new().name(format!("mcpgate-{number}"));
            // The thread first: without one, the runtime would be dropped here, within another one.
            thread.spawn(move || run(&takes, &over))?;
            let runtime = Builder::new_current_thread().enable_all().build()?;
            workers.all.push(Worker {
                runtime: runtime.handle().clone(),
                connections: Arc::default(),
            });
            drop(hands.send(runtime));
        }
        Ok(workers)
    }

    /// A place on the one with the fewest connections.
    pub(super) fn place(&self) -> Place {
        let fewest = self
            .all
            .iter()
            .min_by_key(|worker| worker.connections.load(Relaxed));
        let (runtime, connections) = fewest.map_or_else(
            || (Handle::current(), Arc::default()),
            |worker| (worker.runtime.clone(), worker.connections.clone()),
        );
        connections.fetch_add(1, Relaxed);
        Place {
            runtime,
            connections,
        }
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
        self.connections.fetch_sub(1, Relaxed);
    }
}
