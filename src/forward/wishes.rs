//! What clients want of a server beside their calls: to hear of resources, and log messages.

use std::sync::Arc;

use super::{link::Link, server::Server, servers::Sharing};
use crate::{
    call::{Client, Level},
    mcp::{Frame, Method, Part, fields},
    refusal::Refusal,
};

impl Server {
    /// A client wants to hear of a resource.
    ///
    /// # Errors
    /// When the server is not there, or refuses.
    pub(super) async fn subscribe(&self, uri: &str, client: &Arc<Client>) -> Result<(), Refusal> {
        match &self.replicas {
            Some(replicas) => replicas.subscribe(uri, client).await,
            None => self.link()?.subscribe(uri, Some(client)).await,
        }
    }

    /// Has a server that has come up again tell a client of its resources as before.
    pub(super) async fn revive(&self, client: &Arc<Client>) {
        for uri in client.watched(&self.name) {
            drop(self.subscribe(&uri, client).await);
        }
    }
}

impl Link {
    /// Somebody wants to hear of a resource of a stateless server, or nobody does any more.
    pub(super) async fn watch(&self, uri: &str, wanted: bool) {
        match self {
            Self::Pool(pool) => pool.watched.watch(uri, wanted).await,
            Self::Stateless(server) => server.watched.watch(uri, wanted).await,
            Self::Http(_) => {}
        }
    }

    /// Asks something of the gateway's own where a client's calls go.
    async fn ask_for(
        &self,
        client: &Arc<Client>,
        method: Method,
        params: &str,
    ) -> Result<Frame, Refusal> {
        match self {
            Self::Pool(pool) => pool.ask_for(client, method, params).await,
            Self::Http(http) => http.ask_for(client, method, params).await,
            Self::Stateless(_) => self.ask(method, params).await,
        }
    }

    /// A client wants to hear of a resource; without one, somebody whom the gateway stands for.
    pub(super) async fn subscribe(
        &self,
        uri: &str,
        client: Option<&Arc<Client>>,
    ) -> Result<(), Refusal> {
        if self.is_stateless() {
            self.watch(uri, true).await;
            return Ok(());
        }
        let params = super::uri_params(uri);
        let method = Method::ResourcesSubscribe;
        let answer = match client {
            Some(client) => self.ask_for(client, method, &params).await?,
            None => self.ask(method, &params).await?,
        };
        match answer.raw(Part::Error) {
            None => Ok(()),
            Some(error) => {
                let words = fields::field(error, "message").and_then(fields::string);
                tracing::debug!("a subscription is refused: {}", words.unwrap_or_default());
                Err(Refusal::Unanswered)
            }
        }
    }

    /// Nobody wants to hear of a resource any more; with a client, nobody whom its connection
    /// serves.
    pub(super) async fn unsubscribe(
        &self,
        uri: &str,
        client: Option<&Client>,
    ) -> Result<(), Refusal> {
        if self.is_stateless() {
            self.watch(uri, false).await;
            return Ok(());
        }
        let params = super::uri_params(uri);
        let method = Method::ResourcesUnsubscribe;
        match client {
            Some(client) => self.ask_held(client, method, &params).await,
            None => self.ask(method, &params).await.map(drop),
        }
    }

    /// Tells a server that has just come up what is wanted of it.
    pub(super) async fn remind(&self, level: Option<Level>, uris: &[String]) {
        if let Some(level) = level.filter(|_| !self.is_stateless()) {
            // It need not know of levels.
            drop(
                self.ask(Method::LoggingSetLevel, &super::level_params(level))
                    .await,
            );
        }
        for uri in uris {
            drop(self.subscribe(uri, None).await);
        }
    }

    /// Passes a client's log level on.
    pub(super) async fn set_level(
        &self,
        client: &Client,
        level: Level,
        lowest: Level,
    ) -> Result<(), Refusal> {
        if self.is_stateless() {
            return Ok(()); // each request carries it
        }
        let level = match self.sharing() {
            Sharing::Nobody => level,
            Sharing::Everybody | Sharing::Caller => lowest,
        };
        let params = super::level_params(level);
        self.ask_held(client, Method::LoggingSetLevel, &params)
            .await
    }

    /// Asks something where a client's calls go, if they have gone anywhere yet.
    async fn ask_held(&self, client: &Client, method: Method, params: &str) -> Result<(), Refusal> {
        match self {
            Self::Pool(pool) => pool.ask_held(client, method, params).await,
            Self::Http(http) => http.ask_held(client, method, params).await,
            Self::Stateless(_) => Ok(()),
        }
    }
}
