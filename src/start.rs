//! The first moments: which servers have yet to be reached for the first time.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::call::ServerName;

/// Lists wait for servers that are still connecting, but not for long, and only once: many
/// clients ask for them once and never again.
#[derive(Debug)]
pub struct Start {
    awaited: Mutex<HashSet<ServerName>>,
    over: CancellationToken,
    deadline: Instant,
}

impl Start {
    /// Waits for these servers, for `patience` at most.
    pub fn new(servers: impl Iterator<Item = ServerName>, patience: Duration) -> Self {
        let awaited: HashSet<ServerName> = servers.collect();
        let over = CancellationToken::new();
        if awaited.is_empty() {
            over.cancel();
        }
        Self {
            awaited: Mutex::new(awaited),
            over,
            deadline: Instant::now() + patience,
        }
    }

    /// A server has been reached, or could not be.
    pub fn settled(&self, server: &ServerName) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.remove(server);
        if awaited.is_empty() {
            self.over.cancel();
        }
    }

    /// Whether nobody has to wait.
    pub fn is_over(&self) -> bool {
        self.over.is_cancelled() || Instant::now() >= self.deadline
    }

    /// Waits.
    pub async fn over(&self) {
        if timeout_at(self.deadline, self.over.cancelled())
            .await
            .is_err()
        {
            self.over.cancel();
        }
    }
}
