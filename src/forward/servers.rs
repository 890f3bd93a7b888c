//! All servers, in the order of the file.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use indexmap::IndexMap;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    ServerConfig,
    server::{COURTESY, Server},
};
use crate::{
    call::{Client, Level, Reply, ServerName},
    exchange::Exchange,
    map::Ordered,
    refusal::Refusal,
    route::Routed,
};

/// Clients whose subscriptions are made again at once, when a server is back.
const AT_ONCE: usize = 16;

/// With whom a client shares a connection, and so its subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// With all clients.
    Everybody,
    /// With the other sessions of its caller.
    Caller,
    /// With nobody.
    Nobody,
}

/// All servers, in the order of the file.
#[derive(Default)]
pub struct Servers {
    by_name: Ordered<ServerName, Arc<Server>>,
    children: TaskTracker,
}

impl Servers {
    /// One server for each table; nothing is launched yet.
    pub fn new(configs: &IndexMap<ServerName, ServerConfig>, max_message: usize) -> Self {
        let children = TaskTracker::new();
        let servers = configs.iter().map(|(name, config)| {
            (
                name.clone(),
                Arc::new(Server::new(name, config, max_message, &children)),
            )
        });
        Self {
            by_name: servers.collect(),
            children,
        }
    }

    /// The servers of another configuration: one whose table says the same is the same.
    pub fn after(&self, configs: &IndexMap<ServerName, ServerConfig>, max_message: usize) -> Self {
        let server = |(name, config): (&ServerName, &ServerConfig)| {
            let before = self.by_name.get(name);
            let server = match before.filter(|before| before.config == *config) {
                Some(same) => same.clone(),
                None => {
                    let server = Server::new(name, config, max_message, &self.children);
                    if let Some(before) = before {
                        server.succeed(before);
                    }
                    Arc::new(server)
                }
            };
            (name.clone(), server)
        };
        Self {
            by_name: configs.iter().map(server).collect(),
            children: self.children.clone(),
        }
    }

    /// The server of that name.
    pub fn get(&self, name: &ServerName) -> Option<&Arc<Server>> {
        self.by_name.get(name)
    }

    /// Whether it is this one that stands here under its name.
    pub fn have(&self, server: &Server) -> bool {
        let known = self.by_name.get(&server.name);
        known.is_some_and(|known| std::ptr::eq(&**known, server))
    }

    /// Each server under its name.
    pub fn iter(&self) -> impl Iterator<Item = (&ServerName, &Arc<Server>)> {
        self.by_name.iter()
    }

    /// How long the slowest may take to end.
    pub fn longest_stop(&self) -> Duration {
        let all = self.by_name.values().map(|server| server.config());
        let longest = all.map(ServerConfig::stop_timeout).max();
        // By itself, and then told to; and a moment to be killed.
        longest.unwrap_or_default() * 2 + Duration::from_secs(2)
    }

    /// Waits until no child is left. Nothing is launched any more by then.
    pub async fn gone(&self) {
        self.children.close();
        self.children.wait().await;
    }

    /// Sends a call to its server and brings the answer.
    ///
    /// # Errors
    /// When the server is not there, goes away, or takes too long.
    pub async fn send(&self, routed: &Routed, exchange: &Arc<Exchange>) -> Result<Reply, Refusal> {
        match self.by_name.get(routed.server()) {
            Some(server) => match &server.replicas {
                None => server.call(routed, exchange).await,
                // Boxed: one alone does not pay for its size.
                Some(replicas) => Box::pin(replicas.call(routed, exchange)).await,
            },
            None => Err(Refusal::NoRoute(routed.call().target.clone())),
        }
    }

    /// Passes a client's log level on: to what serves it alone, and to what everybody shares the
    /// lowest level that anybody wants.
    pub async fn set_level(&self, client: &Client, level: Level, lowest: Level) {
        let each = self.by_name.values().flat_map(|server| server.each());
        let set = each.map(async |server| {
            let Ok(link) = server.link() else { return };
            let asked = link.set_level(client, level, lowest);
            // The client waits for the slowest of them, and not for long.
            if !matches!(timeout(COURTESY, asked).await, Ok(Ok(()))) {
                tracing::debug!(server = %server.name, "the log level could not be set");
            }
        });
        futures_util::future::join_all(set).await;
    }

    /// With whom a client shares its connection to that server.
    pub fn sharing(&self, server: &ServerName) -> Sharing {
        let link = self
            .by_name
            .get(server)
            .and_then(|server| server.link().ok());
        link.map_or(Sharing::Everybody, |link| link.sharing())
    }

    /// A client that has no session wants to hear of a resource.
    ///
    /// # Errors
    /// When the server is not there, or refuses.
    pub async fn subscribe(
        &self,
        server: &ServerName,
        uri: &str,
        client: &Arc<Client>,
    ) -> Result<(), Refusal> {
        let Some(server) = self.by_name.get(server) else {
            return Err(Refusal::Unanswered);
        };
        // What serves this client may have to be opened first.
        let limit = server.config().connect_timeout + COURTESY;
        let asked = timeout(limit, server.subscribe(uri, client)).await;
        asked.unwrap_or(Err(Refusal::Unanswered))
    }

    /// Tells a server that has just come up what is wanted of it: on the connection that everybody
    /// shares, or on those of the clients that are `watching` resources of it.
    pub fn remind(
        &self,
        name: &ServerName,
        level: Option<Level>,
        uris: Vec<String>,
        watching: Vec<Arc<Client>>,
    ) {
        let Some(server) = self.by_name.get(name) else {
            return;
        };
        let Ok(link) = server.link() else { return };
        if !server.each().into_iter().any(Server::is_up) {
            return;
        }
        if link.sharing() == Sharing::Everybody {
            // One that rests is not launched for that.
            let up = server.each().into_iter().filter(|one| one.is_up());
            for one in up.filter_map(|one| one.link().ok()) {
                // Each replica can have something to log, but resources are watched at one of them.
                let uris = match one.is(&link) {
                    true => uris.clone(),
                    false => Vec::new(),
                };
                tokio::spawn(async move {
                    drop(timeout(COURTESY, one.remind(level, &uris)).await);
                });
            }
            return;
        }
        let limit = server.config().connect_timeout + COURTESY;
        let server = server.clone();
        let each = move |client: Arc<Client>| {
            let server = server.clone();
            async move { drop(timeout(limit, server.revive(&client)).await) }
        };
        tokio::spawn(stream::iter(watching).for_each_concurrent(AT_ONCE, each));
    }

    /// A client that has no session no longer wants to hear of a resource, nor does anybody whom
    /// its connection serves.
    pub async fn unsubscribe_for(&self, server: &ServerName, uri: &str, client: &Client) {
        let Some(server) = self.by_name.get(server) else {
            return;
        };
        // Where there are replicas, only one of them knows the client.
        for link in server.each().into_iter().filter_map(|one| one.link().ok()) {
            drop(timeout(COURTESY, link.unsubscribe(uri, Some(client))).await);
        }
    }

    /// Nobody wants to hear of a resource any more.
    pub fn unsubscribe(&self, server: &ServerName, uri: &str) {
        let Some(Ok(link)) = self.by_name.get(server).map(|server| server.link()) else {
            return;
        };
        if link.sharing() == Sharing::Everybody {
            let uri = uri.to_owned();
            tokio::spawn(
                async move { drop(timeout(COURTESY, link.unsubscribe(&uri, None)).await) },
            );
        }
    }

    /// A client's session is over, and so is what servers keep for it. `last`: its caller has
    /// no other session.
    pub fn session_ended(&self, client: &Client, last: bool) {
        for server in self.by_name.values() {
            match (&server.replicas, server.link()) {
                (Some(replicas), _) => replicas.session_ended(client, last),
                (None, Ok(link)) => link.session_ended(client, last),
                (None, Err(_)) => {}
            }
        }
    }
}
