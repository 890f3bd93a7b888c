//! How a server is reached: by the link that it is known to take, or by the newest that it does.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokio::time::timeout;

use super::{
    Transport,
    answer::Trouble,
    headers::Headers,
    http::Http,
    life::Life,
    link::Link,
    listing::{self, Greeting},
    outlet::Outlet,
    peer::Peer,
    pool::{Opener, Pool},
    server::Server,
    stateless::Stateless,
    wire::Wire,
};
use crate::{mcp::Revision, refusal::Refusal};

/// How long a server may take to say that it does not know a question.
const PROBE: Duration = Duration::from_secs(5);

/// What a connection is followed by until it falls.
pub(super) enum Connection {
    /// The gateway's own peer.
    Peer(Arc<Peer>),
    /// The gateway's own session.
    Session(Life),
}

impl Connection {
    /// Ends a child, and waits until it is gone: the next one might want the same files.
    pub(super) async fn stop(&self) {
        if let Self::Peer(peer) = self {
            peer.stop.cancel();
            peer.life.gone().await;
        }
    }

    pub(super) fn life(&self) -> &Life {
        match self {
            Self::Peer(peer) => &peer.life,
            Self::Session(life) => life,
        }
    }
}

impl Server {
    /// Reaches the server by the link it was reached by before, or finds out which one it takes.
    pub(super) async fn connect(
        &self,
        outlet: &Outlet,
    ) -> Result<(Link, Connection, Greeting), Refusal> {
        let reached = async {
            match self.link.load_full() {
                Some(link) => self.reopen(&link).await,
                None => self.find(outlet).await,
            }
        };
        let limit = self.config.connect_timeout;
        timeout(limit, reached).await.unwrap_or_else(|_elapsed| {
            let server = self.name.to_string();
            let reason =
                format!("it did not come up within {limit:?} ([servers.{server}] connect_timeout)");
            Err(Refusal::Unavailable { server, reason })
        })
    }

    async fn reopen(&self, link: &Link) -> Result<(Link, Connection, Greeting), Refusal> {
        let (connection, greeting) = match link {
            Link::Pool(pool) => {
                let (peer, greeting) = pool.open_own().await?;
                (Connection::Peer(peer), greeting)
            }
            Link::Http(http) => {
                let opened = http.open_own().await;
                let greeting = opened.map_err(|trouble| trouble.into_refusal(&self.name))?;
                (Connection::Session(http.life()), greeting)
            }
            Link::Stateless(server) => {
                let known = server.discover().await?;
                let greeting = known.ok_or_else(|| {
                    // It has changed its mind: the next attempt finds out anew.
                    self.link.store(None);
                    listing::garbled(&self.name, "it no longer speaks 2026-07-28")
                })?;
                tokio::spawn(super::listen::listen(server.clone()));
                (Connection::Session(server.life()), greeting)
            }
        };
        Ok((link.clone(), connection, greeting))
    }

    /// Finds out which link the server takes: the newest first, as far as the config leaves it
    /// open (2026-07-28, Streamable HTTP, Backward Compatibility).
    async fn find(&self, outlet: &Outlet) -> Result<(Link, Connection, Greeting), Refusal> {
        if self.config.url.is_none() {
            let opener = Opener::Child {
                tasks: self.children.clone(),
            };
            return self.reopen(&Link::Pool(self.pool(outlet, opener))).await;
        }
        let wire = Wire::new(outlet.clone(), &self.config, self.max_message)?;
        let headers = || Headers::new(&self.name, &self.config);
        let stream = Opener::Stream(Box::new((wire.clone(), headers())));
        if self.config.transport == Some(Transport::Sse) {
            return self.reopen(&Link::Pool(self.pool(outlet, stream))).await;
        }
        if self.config.revision.is_none_or(Revision::is_stateless) {
            let server = Stateless::new(wire.clone(), headers());
            let asked = timeout(PROBE, server.discover()).await;
            if let Some(greeting) = asked.unwrap_or(Ok(None))? {
                tokio::spawn(super::listen::listen(server.clone()));
                let connection = Connection::Session(server.life());
                return Ok((Link::Stateless(server), connection, greeting));
            }
        }
        let http = Http::new(wire, headers(), self.config.connect_timeout);
        match http.open_own().await {
            Ok(greeting) => {
                let connection = Connection::Session(http.life());
                Ok((Link::Http(http), connection, greeting))
            }
            // So answers a server that has never heard of POST here.
            Err(Trouble::Status(
                StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED,
            )) if self.config.transport.is_none() => {
                self.reopen(&Link::Pool(self.pool(outlet, stream))).await
            }
            Err(trouble) => Err(trouble.into_refusal(&self.name)),
        }
    }

    fn pool(&self, outlet: &Outlet, opener: Opener) -> Arc<Pool> {
        Pool::new(outlet.clone(), &self.config, self.max_message, opener)
    }
}
