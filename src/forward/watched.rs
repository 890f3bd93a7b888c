//! The resources of a stateless server that somebody wants to hear of, and what it knows of that.

use std::collections::BTreeSet;

use tokio::{sync::watch, time::timeout};

use super::server::COURTESY;

/// Resources, and how often they have changed.
#[derive(Default)]
struct Wanted {
    uris: BTreeSet<String>,
    change: u64,
}

/// What to hear of, and the last change of it that the server knows of.
#[derive(Default)]
pub(super) struct Watched {
    wanted: watch::Sender<Wanted>,
    known: watch::Sender<u64>,
}

impl Watched {
    /// Somebody wants to hear of a resource, or nobody does any more. Waits until the server knows.
    pub(super) async fn watch(&self, uri: &str, wanted: bool) {
        self.wanted.send_if_modified(|all| {
            let changed = match wanted {
                true => all.uris.insert(uri.to_owned()),
                false => all.uris.remove(uri),
            };
            all.change += u64::from(changed);
            changed
        });
        if wanted {
            let change = self.wanted.borrow().change;
            let mut known = self.known.subscribe();
            // A server that is away is told when it is back.
            drop(timeout(COURTESY, known.wait_for(|known| *known >= change)).await);
        }
    }

    /// For what tells the server.
    pub(super) fn reader(&self) -> Reader {
        Reader(self.wanted.subscribe())
    }

    /// The server knows of that change and all before it.
    pub(super) fn known(&self, change: u64) {
        self.known.send_replace(change);
    }

    /// The server does not want to know: there is nothing to wait for.
    pub(super) fn unknown(&self) {
        self.known.send_replace(u64::MAX);
    }
}

/// Sees what is wanted, and each change of it.
pub(super) struct Reader(watch::Receiver<Wanted>);

impl Reader {
    /// What is wanted now, and the change that it came with.
    pub(super) fn now(&mut self) -> (Vec<String>, u64) {
        let wanted = self.0.borrow_and_update();
        (wanted.uris.iter().cloned().collect(), wanted.change)
    }

    /// Waits until something else is.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await // nobody can want anything any more
        }
    }
}
