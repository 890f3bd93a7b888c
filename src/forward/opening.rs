//! How a peer of a pool comes about: launched or connected to, and greeted.

use std::sync::{Arc, atomic::Ordering};

use tokio::time::timeout;

use super::{
    initialize_params,
    instances::{Cell, Made},
    level_params,
    listing::{self, Greeting},
    peer::{Peer, Whose},
    pool::{Opener, Pool},
    sse, stdio, uri_params,
};
use crate::{
    mcp::{Method, message},
    refusal::Refusal,
};

impl Pool {
    /// Opens a peer, within the time that the config gives it.
    ///
    /// # Errors
    /// When it cannot be launched or reached, or does not greet as MCP has it.
    pub(super) async fn open(
        &self,
        whose: Whose,
        made: &Made,
    ) -> Result<(Arc<Peer>, Greeting), Refusal> {
        let limit = self.config.connect_timeout;
        let opened = timeout(limit, self.handshake(whose, made)).await;
        opened.unwrap_or_else(|_elapsed| {
            let server = self.outlet.server.to_string();
            let reason =
                format!("it did not come up within {limit:?} ([servers.{server}] connect_timeout)");
            Err(Refusal::Unavailable { server, reason })
        })
    }

    /// The place of a peer that serves somebody alone.
    ///
    /// # Errors
    /// When there are as many as there may be, and none of them is idle.
    pub(super) fn place(&self, key: &Arc<str>, made: &Made) -> Result<Cell, Refusal> {
        let most = match self.opener {
            Opener::Child { .. } => self.config.max_instances(),
            // They are no processes of this machine; sessions are bounded.
            Opener::Stream(..) => usize::MAX,
        };
        self.others.cell(key, made, most).ok_or_else(|| {
            let server = self.outlet.server.to_string();
            let reason =
                format!("all {most} instances are in use ([servers.{server}] max_instances)");
            Refusal::Unavailable { server, reason }
        })
    }

    async fn handshake(&self, whose: Whose, made: &Made) -> Result<(Arc<Peer>, Greeting), Refusal> {
        let client = match &whose {
            Whose::Everybody => None,
            Whose::Session(client) | Whose::User(client) => Some(client.clone()),
        };
        let peer = match &self.opener {
            Opener::Child { tasks } => {
                let command = (&self.config, &made.environment);
                let launched = stdio::launch(&self.outlet, command, self.max_message, whose, tasks);
                launched.map_err(|error| Refusal::Unavailable {
                    server: self.outlet.server.to_string(),
                    reason: format!("it cannot be started: {error}"),
                })?
            }
            Opener::Stream(stream) => {
                let (wire, headers) = stream.as_ref();
                let headers = (&headers.fixed, &made.headers);
                sse::connect(&self.outlet, wire, headers, whose).await?
            }
        };
        let guard = StopOnDrop(Some(peer.clone()));
        if self.is_stateless() {
            peer.stateless.store(true, Ordering::Relaxed);
            let answer = peer.ask(Method::ServerDiscover, "{}").await?;
            let result = listing::result(&self.outlet.server, "server/discover", &answer)?;
            let greeting = Greeting::discovered(result).ok_or_else(|| {
                let words = "`server/discover` does not name 2026-07-28";
                listing::garbled(&self.outlet.server, words)
            })?;
            guard.keep();
            return Ok((peer, greeting));
        }
        let params = initialize_params(client.as_deref());
        let answer = peer.ask(Method::Initialize, &params).await?;
        let greeting = Greeting::read(&self.outlet.server, &answer)?;
        peer.tell(message::notification(Method::Initialized, None));
        let level = client
            .as_ref()
            .and_then(|client| client.level())
            .filter(|_| greeting.can("logging"));
        if let Some(level) = level {
            peer.ask(Method::LoggingSetLevel, &level_params(level))
                .await?;
        }
        let watched = client.map(|client| client.watched(&self.outlet.server));
        for uri in watched.unwrap_or_default() {
            peer.ask(Method::ResourcesSubscribe, &uri_params(&uri))
                .await?;
        }
        guard.keep();
        Ok((peer, greeting))
    }
}

/// A peer that did not get through `initialize` is not left behind.
struct StopOnDrop(Option<Arc<Peer>>);

impl StopOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(peer) = &self.0 {
            peer.stop.cancel();
        }
    }
}
