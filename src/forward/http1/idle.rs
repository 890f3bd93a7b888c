//! Connections that rest between two requests.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    runtime::{self, Handle},
    time::{Instant, sleep},
};

use super::connection::Connection;
use crate::{home, map::Table};

/// How often those are looked for that have rested for too long.
const SWEEP: Duration = Duration::from_secs(15);
/// How many may rest on one runtime.
const MOST: usize = 256;

/// Connections that rest. Each is used again only on the runtime that opened it: there it wakes
/// whoever waits for it, and no other core has to be told.
#[derive(Default)]
pub(super) struct Idle(Table<runtime::Id, Shelf>);

#[derive(Default)]
struct Shelf {
    /// The one that came last is used first, so that the others may be given up.
    resting: Vec<(Connection, Instant)>,
    /// Somebody sweeps it.
    swept: bool,
}

impl Idle {
    /// One that can be used.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut shelf = self.0.get_mut(&home::here()?)?;
        while let Some((mut connection, until)) = shelf.resting.pop() {
            if until > Instant::now() && connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Lets one rest for a while.
    pub(super) fn rest(self: &Arc<Self>, connection: Connection, rests: Duration) {
        // An answer may be read to its end elsewhere, or be dropped where there is no runtime.
        let here = home::here();
        let Some(here) = here.filter(|_| here == connection.home) else {
            return;
        };
        let mut shelf = self.0.entry(here).or_default();
        if shelf.resting.len() >= MOST {
            return;
        }
        shelf.resting.push((connection, Instant::now() + rests));
        if !shelf.swept
            && let Ok(runtime) = Handle::try_current()
        {
            shelf.swept = true;
            runtime.spawn(sweep(Arc::downgrade(self), here));
        }
    }
}

/// Closes those that have rested for too long, or were closed by the server, until none is left.
async fn sweep(idle: Weak<Idle>, shelf: runtime::Id) {
    loop {
        sleep(SWEEP).await;
        let Some(idle) = idle.upgrade() else { return };
        let Some(mut shelf) = idle.0.get_mut(&shelf) else {
            return;
        };
        let now = Instant::now();
        shelf
            .resting
            .retain_mut(|(connection, until)| *until > now && connection.is_quiet());
        if shelf.resting.is_empty() {
            shelf.resting = Vec::new();
            shelf.swept = false;
            return;
        }
    }
}
