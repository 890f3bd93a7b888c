//! Which server has which task, and whose it is (2025-11-25, Tasks; the tasks extension).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use crate::call::{Client, Identity, ServerName};

/// Tasks that are remembered; the oldest are forgotten first.
const MOST: usize = 100_000;

/// Where a task is, and for whom.
#[derive(Debug, Clone)]
pub struct Task {
    /// The server that has it.
    pub server: ServerName,
    /// Who asked for it: nobody else may know of it.
    pub identity: Identity,
    /// The session that asked for it, which hears of its progress.
    pub session: Arc<str>,
    /// The tool that made it, by its server's own name: who may no longer use that one may not go
    /// on with what it does.
    pub tool: Arc<str>,
}

/// The tasks that servers have made.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<String, Task>,
    order: VecDeque<String>,
}

impl Tasks {
    /// A server has made a task for a client.
    pub fn add(&self, id: &str, server: &ServerName, tool: &str, client: &Client) {
        let task = Task {
            server: server.clone(),
            identity: client.identity.clone(),
            session: client.session.clone(),
            tool: tool.into(),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Ids are the servers' own: who comes second must not take the first one's.
        let taken = known
            .by_id
            .get(id)
            .is_some_and(|known| known.server != task.server || known.identity != task.identity);
        if taken {
            return tracing::warn!(%server, "a task has the id of another one and cannot be reached");
        }
        if known.by_id.insert(id.to_owned(), task).is_none() {
            known.order.push_back(id.to_owned());
        }
        while known.order.len() > MOST {
            let oldest = known.order.pop_front().unwrap_or_default();
            known.by_id.remove(&oldest);
        }
    }

    /// The task of that id.
    pub fn get(&self, id: &str) -> Option<Task> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.by_id.get(id).cloned()
    }
}
