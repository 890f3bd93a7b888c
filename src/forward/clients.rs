//! The sessions that a remote server keeps for clients.

use std::sync::Arc;

use tokio::{sync::OnceCell, time::timeout};

use super::{headers::Extra, http::Http, upstream::Upstream, withdrawal::farewell};
use crate::{call::Client, map::Table, refusal::Refusal};

/// One session, once it is open.
type Cell = OnceCell<Arc<Upstream>>;

/// Each under the id of the client's own session.
pub(super) type Clients = Table<Arc<str>, Arc<Cell>>;

impl Http {
    /// The one connection for everybody, where the server keeps no sessions.
    fn shared(&self) -> Option<Arc<Upstream>> {
        self.own.load_full().filter(|own| own.id.is_none())
    }

    /// Whether there is one.
    pub(super) fn is_shared(&self) -> bool {
        self.shared().is_some()
    }

    /// The session that serves a client, for a request that carries this of its caller's.
    pub(super) async fn upstream(
        self: &Arc<Self>,
        client: &Arc<Client>,
        extra: &Extra,
    ) -> Result<Arc<Upstream>, Refusal> {
        if let Some(own) = self.shared() {
            return Ok(own);
        }
        let cell = match self.clients.get(&client.session) {
            Some(cell) => cell.clone(),
            None => self
                .clients
                .entry(client.session.clone())
                .or_default()
                .clone(),
        };
        if let Some(upstream) = cell.get() {
            upstream.carries(extra);
            return Ok(upstream.clone());
        }
        // In a task of its own: a caller that goes away meanwhile must not leave a session at
        // the server that nobody here knows of.
        let (http, client, extra) = (self.clone(), client.clone(), extra.clone());
        let opening = async move { http.open_for(&client, &extra, &cell).await };
        let opening = self.passages.spawn(opening);
        opening
            .await
            .unwrap_or_else(|error| Err(self.unopened(error.to_string())))
    }

    async fn open_for(
        self: &Arc<Self>,
        client: &Arc<Client>,
        extra: &Extra,
        cell: &Cell,
    ) -> Result<Arc<Upstream>, Refusal> {
        if self.passages.is_closed() {
            return Err(self.unopened("the gateway has taken leave of it".to_owned()));
        }
        let opened = cell.get_or_try_init(|| async {
            let opened = self.open(Some(client), extra).await;
            let outlet = &self.wire.outlet;
            opened.map_err(|trouble| match outlet.has_others && trouble.is_outage() {
                true => trouble.into_outage(&outlet.server),
                false => outlet.unopened(trouble.into_refusal(&outlet.server)),
            })
        });
        let upstream = match timeout(self.patience, opened).await {
            Ok(opened) => opened.cloned()?,
            Err(_elapsed) => {
                return Err(self.unopened(format!(
                    "it opens no session within {:?} ([servers.{}] connect_timeout)",
                    self.patience, self.wire.outlet.server
                )));
            }
        };
        // The client's session may have ended meanwhile, or all of them here: then nobody else
        // would end this one.
        let left = self.passages.is_closed();
        if !left && !client.is_over() {
            return Ok(upstream);
        }
        self.clients.remove(&client.session);
        self.dismiss(&upstream);
        Err(match client.is_over() {
            true => Refusal::SessionUnknown,
            false => self.unopened("it was stopped before it was used".to_owned()),
        })
    }

    fn unopened(&self, reason: String) -> Refusal {
        Refusal::Unavailable {
            server: self.wire.outlet.server.to_string(),
            reason,
        }
    }

    /// Forgets a session that the server has forgotten.
    pub(super) fn forget(&self, client: &Client, lost: &Arc<Upstream>) {
        lost.over.cancel();
        // It has started anew, perhaps with other lists; unless the gateway's own session is of
        // the time after that.
        let own = self.own.load_full();
        if own.is_none_or(|own| own.since < lost.since) {
            self.wire.outlet.changes.add_all();
        }
        let stale = |cell: &Arc<Cell>| {
            cell.get()
                .is_some_and(|upstream| Arc::ptr_eq(upstream, lost))
        };
        // Only the one that was lost: another caller may have opened a new one already.
        self.clients
            .remove_if(&client.session, |_, cell| stale(cell));
    }

    /// Ends the session held for a client.
    pub(super) fn session_ended(&self, session: &str) {
        let Some((_, cell)) = self.clients.remove(session) else {
            return;
        };
        if let Some(upstream) = cell.get() {
            self.dismiss(upstream);
        }
    }

    /// Ends a session with the server, once.
    pub(super) fn dismiss(&self, upstream: &Arc<Upstream>) {
        if upstream.over.is_cancelled() {
            return;
        }
        upstream.over.cancel();
        let (wire, upstream) = (self.wire.clone(), upstream.clone());
        self.passages
            .spawn(async move { farewell(&wire, &upstream).await });
    }
}
