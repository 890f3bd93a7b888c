//! Keeps one server connected: in the background, again and again, until it is told to stop.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use http::StatusCode;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Transport, Upward,
    answer::Trouble,
    headers::Headers,
    http::Http,
    life::{Life, reason},
    link::Link,
    listing::{self, Greeting},
    outlet::Outlet,
    pool::{Opener, Pool},
    server::{Connection, Server},
    stateless::Stateless,
    wire::Wire,
};
use crate::{
    mcp::{List, Revision},
    refusal::Refusal,
    route::Catalog,
};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How long a server may take to say that it does not know a question.
const PROBE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A connection that stood this long was a good one.
const HEALTHY: Duration = Duration::from_secs(30);

impl Server {
    /// Connects, serves until the connection falls, pauses, connects again. What stands when it is
    /// told to stop stands on, until [`Server::leave`].
    pub async fn keep(self: Arc<Self>, upward: Arc<dyn Upward>, stop: CancellationToken) {
        let outlet = Outlet::new(&self.name, upward, &self.journal);
        let mut orders = self.hand.orders();
        let mut pause = FIRST_PAUSE;
        loop {
            if self.obey(&mut orders, &outlet, &stop).await {
                pause = FIRST_PAUSE;
            }
            let started = tokio::time::Instant::now();
            tokio::select! {
                () = self.live(&outlet) => {}
                () = orders.come() => continue,
                () = stop.cancelled() => break,
            }
            if started.elapsed() > HEALTHY {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = orders.come() => {}
                () = stop.cancelled() => break,
            }
        }
    }

    /// One connection from its beginning to its end.
    async fn live(&self, outlet: &Outlet) {
        match self.connect(outlet).await {
            Ok((link, connection, greeting)) => {
                let guard = StopOnDrop(Some(&connection));
                let catalog = self.fetch_all(&link, &greeting).await;
                guard.keep();
                self.hold(&link);
                outlet.upward.offer(self, catalog.clone());
                // Who sees that it is up finds what it offers.
                self.joined(&link, &greeting, &catalog);
                outlet.upward.settled(self);
                let life = connection.life();
                tokio::select! {
                    () = self.follow(&link, life, &greeting, catalog, outlet) => {}
                    never = self.check(&link, life) => match never {},
                }
            }
            Err(refusal) => {
                self.fell(&reason(refusal));
                outlet.upward.settled(self);
            }
        }
    }

    /// Reaches the server by the link it was reached by before, or finds out which one it takes.
    async fn connect(&self, outlet: &Outlet) -> Result<(Link, Connection, Greeting), Refusal> {
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

    async fn fetch_all(&self, link: &Link, greeting: &Greeting) -> Catalog {
        let mut catalog = greeting.catalog();
        self.fetch(link, greeting, &List::ALL, &mut catalog).await;
        catalog
    }

    /// Fetches lists into a catalog, side by side: one that hangs must not cost the others. One
    /// that cannot be had keeps its old items.
    async fn fetch(&self, link: &Link, greeting: &Greeting, lists: &[List], catalog: &mut Catalog) {
        let (limit, setting) = Ord::min(
            (self.config.timeout, "timeout"),
            (self.config.connect_timeout, "connect_timeout"),
        );
        let wanted = lists.iter().copied().filter(|list| greeting.has(*list));
        let fetched = join_all(wanted.map(async |list| {
            let ask = |params: String| async move { link.ask(list.method(), &params).await };
            let fetched = timeout(limit, listing::fetch(&self.name, list, ask)).await;
            let server = self.name.to_string();
            let late = Refusal::TimedOut {
                server,
                limit,
                setting,
            };
            (list, fetched.unwrap_or(Err(late)))
        }));
        for (list, fetched) in fetched.await {
            match fetched {
                Ok(items) => catalog.set(list, items),
                // Servers that declare resources often know nothing of templates.
                Err(error) if list == List::Templates => tracing::debug!("{error}"),
                Err(error) => tracing::warn!(server = %self.name, "a list is missing: {error}"),
            }
        }
    }

    /// Refetches what changes, until the connection falls.
    async fn follow(
        &self,
        link: &Link,
        life: &Life,
        greeting: &Greeting,
        mut catalog: Catalog,
        outlet: &Outlet,
    ) {
        loop {
            let lists = tokio::select! {
                () = life.over() => break,
                lists = outlet.changes.take() => lists,
            };
            let before = catalog.clone();
            self.fetch(link, greeting, &lists, &mut catalog).await;
            if catalog != before {
                outlet.upward.offer(self, catalog.clone());
            }
        }
        self.fell(&life.reason());
    }

    fn joined(&self, link: &Link, greeting: &Greeting, catalog: &Catalog) {
        self.set(|state| {
            state.state = "up";
            state.transport = link.transport();
            state.revision = Some(greeting.revision.clone());
            state.version = Some(greeting.version.clone());
            state.error = None;
        });
        let (version, revision) = (&greeting.version, &greeting.revision);
        let tools = catalog.items(List::Tools).len();
        let words = format!("mcpgate: server is up: {version}, {revision}, {tools} tools");
        self.journal.write(&words);
        tracing::info!(
            server = %self.name,
            version,
            revision,
            tools,
            "server is up"
        );
    }

    /// Keeps the link for calls to find. The same one stays: calls under way are counted by it.
    fn hold(&self, link: &Link) {
        if !self.link.load().as_ref().is_some_and(|held| held.is(link)) {
            self.link.store(Some(Arc::new(link.clone())));
        }
    }

    fn fell(&self, reason: &str) {
        self.set(|state| {
            state.state = "down";
            state.error = Some(reason.to_owned());
            state.last_error = Some(reason.to_owned());
            state.restarts += 1;
        });
        self.journal
            .write(&format!("mcpgate: server is down: {reason}"));
        tracing::warn!(server = %self.name, "server is down: {reason}");
    }
}

/// A peer whose lists could not be fetched in time is not left behind.
struct StopOnDrop<'a>(Option<&'a Connection>);

impl StopOnDrop<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(Connection::Peer(peer)) = self.0 {
            peer.stop.cancel();
        }
    }
}
