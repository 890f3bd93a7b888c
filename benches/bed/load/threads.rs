//! The threads of the clients, one for each core. A single one is busy all the time where nothing
//! stands between it and a server: then it is the clients that are measured.

use std::{future::pending, sync::OnceLock, thread};

use tokio::runtime::{Builder, Handle};

use crate::bed::Failure;

static ALL: OnceLock<Vec<Handle>> = OnceLock::new();

/// From now on clients are spread over threads of that name. Until then they stay where they are
/// opened.
pub(crate) fn start(name: &str) -> Result<(), Failure> {
    let mut all = Vec::new();
    for _ in 0..thread::available_parallelism()?.get() {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        all.push(runtime.handle().clone());
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || runtime.block_on(pending::<()>()))?;
    }
    ALL.set(all)
        .map_err(|_twice| "the clients have their threads".into())
}

/// Where a client is that has this number.
pub(super) fn of(number: usize) -> Handle {
    let all = ALL.get().map(Vec::as_slice).unwrap_or_default();
    let place = number.checked_rem(all.len());
    let found = place.and_then(|place| all.get(place));
    found.cloned().unwrap_or_else(Handle::current)
}
