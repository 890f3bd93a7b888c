//! Groups of processes that end with the gateway, even if it is killed.

use std::{io, path::Path, sync::OnceLock};

use crate::launch::Guard;

/// One for all: it is this process that may be killed. Nothing where it could not be launched.
static GUARD: OnceLock<Option<Guard>> = OnceLock::new();

/// A group that is watched, until it is said that it has ended.
#[derive(Debug)]
pub(super) struct Guarded(u32);

impl Guarded {
    /// Has a group watched, by what this program launches.
    pub(super) fn watch(launcher: &Path, group: u32) -> Self {
        let start = || match Guard::start(launcher) {
            Ok(guard) => Some(guard),
            Err(error) => {
                tracing::warn!("what servers launch may outlive a gateway that is killed: {error}");
                None
            }
        };
        let guarded = Self(group);
        guarded.tell(GUARD.get_or_init(start).as_ref(), Guard::watch);
        guarded
    }

    /// Nobody is left in it.
    pub(super) fn over(self) {
        self.tell(GUARD.get().and_then(Option::as_ref), Guard::forget);
    }

    fn tell(&self, guard: Option<&Guard>, what: fn(&Guard, u32) -> io::Result<()>) {
        if let Some(Err(error)) = guard.map(|guard| what(guard, self.0)) {
            tracing::debug!("the guard of processes is gone: {error}");
        }
    }
}
