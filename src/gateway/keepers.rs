//! The tasks that keep servers connected: one for each, until it is taken out of the plan.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::workers::Workers;
use crate::{
    call::ServerName,
    forward::{Server, Servers, Upward},
    pipeline::Pipeline,
};

/// The tasks that keep servers connected.
pub(super) struct Keepers {
    pub(super) pipeline: Arc<Pipeline>,
    /// Their end is the gateway's.
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// They outlive all connections: servers that were opened for one are looked after there.
    pub(super) workers: Workers,
    terms: Mutex<HashMap<ServerName, CancellationToken>>,
}

impl Keepers {
    /// Keeps nothing yet.
    pub(super) fn new(pipeline: Arc<Pipeline>, workers: Workers) -> Self {
        Self {
            pipeline,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            workers,
            terms: Mutex::default(),
        }
    }

    /// Connects a server, and keeps it connected.
    pub(super) fn keep(&self, server: &Arc<Server>) {
        let term = self.stop.child_token();
        let mut terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        terms.insert(server.name().clone(), term.clone());
        let upward: Arc<dyn Upward> = self.pipeline.clone();
        let (server, stop, place) = (server.clone(), self.stop.clone(), self.workers.place());
        let runtime = place.runtime.clone();
        let keeping = async move {
            server.clone().keep(upward, term).await;
            // At the gateway's own end nobody is waited for.
            stop.run_until_cancelled(server.drain()).await;
            server.leave().await;
            drop(place);
        };
        self.tasks.spawn_on(keeping, &runtime);
    }

    /// Lets a server go that stands in the plan no longer. Calls that have begun under `before` end
    /// first.
    pub(super) fn dismiss(&self, server: &Arc<Server>, before: &Arc<Servers>) {
        server.dismiss(before);
        let mut terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(term) = terms.remove(server.name()) {
            term.cancel();
        }
    }
}
