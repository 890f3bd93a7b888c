//! What replicas say, as the words of the one server that they are.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    call::{Client, ServerName},
    exchange::Exchange,
    forward::{Answering, Audience, Server, Upward},
    mcp::{Frame, Method},
    route::Catalog,
};

/// One replica's way upward.
pub(super) struct Voice {
    /// What it is a replica of.
    pub(super) whole: Weak<Server>,
    pub(super) index: usize,
    pub(super) upward: Arc<dyn Upward>,
}

impl Voice {
    fn whole(&self, does: impl FnOnce(&Server, &super::Replicas)) {
        let whole = self.whole.upgrade();
        if let Some((whole, replicas)) = whole
            .as_ref()
            .and_then(|whole| Some((whole, whole.replicas.as_ref()?)))
        {
            does(whole, replicas);
        }
    }

    /// The replica is gone. Whoever leads in its place offers its own lists.
    fn lose(&self, whole: &Server, replicas: &super::Replicas) {
        if let Some(catalog) = replicas.lead.loses(self.index) {
            self.upward.offer(whole, catalog);
        }
    }
}

impl Upward for Voice {
    fn notice(
        &self,
        server: &ServerName,
        audience: Audience<'_>,
        calls: &[Arc<Exchange>],
        frame: Frame,
    ) {
        // Resources are watched at the one that leads; one that led before may still tell of them.
        let mut speaks = true;
        if frame.method() == Some(Method::ResourcesUpdated)
            && matches!(audience, Audience::Everybody)
        {
            self.whole(|_, replicas| speaks = replicas.lead.index() == Some(self.index));
        }
        if speaks {
            self.upward.notice(server, audience, calls, frame);
        }
    }

    fn waited(&self, server: &ServerName, time: Duration) {
        self.upward.waited(server, time);
    }

    fn question(&self, server: &ServerName, client: &Arc<Client>, frame: Frame) -> Answering {
        self.upward.question(server, client, frame)
    }

    fn offer(&self, _replica: &Server, catalog: Catalog) {
        self.whole(|whole, replicas| {
            if replicas.lead.offers(self.index, &catalog) {
                self.upward.offer(whole, catalog);
            }
        });
    }

    fn withdraw(&self, _replica: &Server) {
        self.whole(|whole, replicas| {
            self.lose(whole, replicas);
            if !replicas.lead.has_any() {
                self.upward.withdraw(whole);
            }
        });
    }

    fn is_watched(&self, server: &ServerName) -> bool {
        self.upward.is_watched(server)
    }

    fn settled(&self, replica: &Server) {
        self.whole(|whole, replicas| {
            if !replica.stands() {
                self.lose(whole, replicas);
            }
            // One that is there is enough; it is told what is wanted of it.
            let over = replica.stands() || replicas.lead.failed(self.index);
            if over {
                self.upward.settled(whole);
            }
        });
    }

    fn fell(&self, _replica: &Server) {
        self.whole(|whole, replicas| {
            self.lose(whole, replicas);
            // What was watched there is watched elsewhere.
            if replicas.lead.has_any() {
                self.upward.settled(whole);
            }
        });
    }
}
