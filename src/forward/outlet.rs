//! Where everything goes that a server says and no call has asked for.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{Server, journal::Journal, queue::Queue};
use crate::{
    call::{Client, Identity, ServerName},
    exchange::Exchange,
    mcp::{Frame, List},
    refusal::Refusal,
    route::Catalog,
};

/// For whom a notification can be, as far as its link knows.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// One session, by its id.
    Session(&'a str),
    /// The sessions of one caller.
    Caller(&'a Identity),
    /// All sessions.
    Everybody,
}

/// What hears the servers: the pipeline.
pub trait Upward: Send + Sync {
    /// A notification for those of the audience whom it concerns, `calls` being the calls under
    /// way on that connection.
    fn notice(
        &self,
        server: &ServerName,
        audience: Audience<'_>,
        calls: &[Arc<Exchange>],
        frame: Frame,
    );

    /// A question of the server's to one client that belongs to no call of its. Nothing when it is
    /// gone, may not hear of the server any more, or does not answer such questions.
    fn question(&self, server: &ServerName, client: &Arc<Client>, frame: Frame) -> Answering;

    /// The server has come up, or its lists have changed: this is what it offers now.
    fn offer(&self, server: &Server, catalog: Catalog);

    /// The server offers nothing any more.
    fn withdraw(&self, server: &Server);

    /// Whether somebody wants to hear of a resource of the server.
    fn is_watched(&self, server: &ServerName) -> bool;

    /// The first attempt to reach the server is over, well or badly.
    fn settled(&self, server: &Server);

    /// A call has waited for a place at the server, whether it got one or not.
    fn waited(&self, server: &ServerName, time: Duration);

    /// The server has fallen, and is connected to again.
    fn fell(&self, _server: &Server) {}
}

/// A client's answer, when it comes.
pub type Answering = Pin<Box<dyn Future<Output = Option<Frame>> + Send>>;

/// One server's way upward.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) server: ServerName,
    pub(super) upward: Arc<dyn Upward>,
    pub(super) changes: Arc<Changes>,
    /// What an operator can read.
    pub(super) journal: Arc<Journal>,
    /// Requests that were sent a second time.
    pub(super) retries: Arc<AtomicU64>,
    /// The places of its calls.
    pub(super) queue: Arc<Queue>,
    /// Whether there are other replicas for what this one has seen nothing of.
    pub(super) has_others: bool,
}

impl Outlet {
    pub(super) fn new(
        server: &ServerName,
        upward: Arc<dyn Upward>,
        journal: &Arc<Journal>,
        retries: &Arc<AtomicU64>,
        queue: &Arc<Queue>,
    ) -> Self {
        Self {
            server: server.clone(),
            upward,
            changes: Arc::default(),
            journal: journal.clone(),
            retries: retries.clone(),
            queue: queue.clone(),
            has_others: false,
        }
    }

    /// The same of a replica that has others beside it.
    pub(super) fn with_others(self) -> Self {
        Self {
            has_others: true,
            ..self
        }
    }

    /// Why nothing came about that a call needs first: of the call itself nothing was seen, so that
    /// another replica can carry it.
    pub(super) fn unopened(&self, refusal: Refusal) -> Refusal {
        if !self.has_others {
            return refusal;
        }
        let Refusal::Stopped { server, reason, .. } = refusal else {
            return refusal;
        };
        Refusal::Unavailable { server, reason }
    }

    pub(super) fn notice(&self, audience: Audience<'_>, calls: &[Arc<Exchange>], frame: Frame) {
        self.upward.notice(&self.server, audience, calls, frame);
    }
}

/// Which lists of a server have changed since they were fetched.
#[derive(Debug, Default)]
pub(super) struct Changes {
    lists: AtomicU8,
    came: Notify,
}

impl Changes {
    pub(super) fn add(&self, list: List) {
        // One notification stands for both lists of resources.
        let templates = if list == List::Resources {
            1 << List::Templates as u8
        } else {
            0
        };
        self.lists
            .fetch_or(1 << list as u8 | templates, Ordering::Relaxed);
        self.came.notify_one();
    }

    /// All of them may have changed.
    pub(super) fn add_all(&self) {
        List::ALL.into_iter().for_each(|list| self.add(list));
    }

    /// Waits for changes; several that came meanwhile are one.
    pub(super) async fn take(&self) -> Vec<List> {
        loop {
            let lists = self.lists.swap(0, Ordering::Relaxed);
            if lists != 0 {
                let changed = |list: &List| lists & 1 << *list as u8 != 0;
                return List::ALL.into_iter().filter(changed).collect();
            }
            self.came.notified().await;
        }
    }
}
