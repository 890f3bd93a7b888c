//! Keeps one server connected: in the background, again and again, until it is told to stop.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Start, Upward,
    backoff::{self, Backoff},
    connect::Connection,
    life::{Life, reason},
    link::Link,
    listing::{self, Greeting},
    outlet::Outlet,
    server::Server,
};
use crate::{mcp::List, refusal::Refusal, route::Catalog};

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lived {
    /// It was not made.
    Unmet,
    /// It fell.
    Fell,
    /// Nobody needed it.
    Rested,
}

impl Server {
    /// Connects, serves until the connection falls, pauses, connects again. It never gives up. What
    /// stands when it is told to stop stands on, until [`Server::leave`].
    pub async fn keep(self: Arc<Self>, upward: Arc<dyn Upward>, stop: CancellationToken) {
        match &self.replicas {
            Some(replicas) => self.keep_each(replicas, &upward, &stop).await,
            None => self.keep_one(upward, stop).await,
        }
    }

    /// The same for one that has no replicas, or is one.
    pub(super) async fn keep_one(
        self: Arc<Self>,
        upward: Arc<dyn Upward>,
        stop: CancellationToken,
    ) {
        // It is kept once.
        drop(self.upward.set(Arc::downgrade(&upward)));
        let outlet = Outlet::new(
            &self.name,
            upward,
            &self.journal,
            &self.retries,
            &self.queue,
        );
        let outlet = match self.at {
            Some(_) => outlet.with_others(),
            None => outlet,
        };
        let mut orders = self.hand.orders();
        let mut backoff = Backoff::new(backoff::chance);
        // Some are launched to say what they offer, and then wait to be needed.
        let mut limit = match self.config.start {
            Some(Start::Lazy) => Some(Duration::ZERO),
            Some(Start::Eager) | None => self.config.idle_stop,
        };
        loop {
            if self.obey(&mut orders, &outlet, &stop).await {
                backoff = Backoff::new(backoff::chance);
            }
            let lived = tokio::select! {
                lived = self.live(&outlet, limit, &mut backoff) => lived,
                () = orders.come() => continue,
                () = stop.cancelled() => break,
            };
            if lived != Lived::Unmet {
                limit = self.config.idle_stop;
            }
            tokio::select! {
                () = self.pause(lived, &backoff) => {}
                () = orders.come() => {}
                () = stop.cancelled() => break,
            }
        }
    }

    /// Until the next connection is to be made.
    async fn pause(&self, lived: Lived, backoff: &Backoff) {
        let link = self.link().ok();
        let (Lived::Rested, Some(Link::Pool(pool))) = (lived, link.as_deref()) else {
            return sleep(backoff.pause()).await;
        };
        self.set(|state| state.state = "idle");
        tracing::info!(server = %self.name, "server is stopped: nobody needs it");
        pool.rest.wanted().await;
        self.set(|state| state.state = "connecting");
        tracing::debug!(server = %self.name, "server is needed again");
    }

    /// One connection from its beginning to its end; it ends after so long without work, too.
    async fn live(&self, outlet: &Outlet, limit: Option<Duration>, backoff: &mut Backoff) -> Lived {
        match self.connect(outlet).await {
            Ok((link, connection, greeting)) => {
                let up = Instant::now();
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
                    never = self.recover(&link) => match never {},
                    () = self.rest((&link, &connection), outlet, limit) => {
                        connection.stop().await;
                        return Lived::Rested;
                    }
                }
                backoff.failed(up.elapsed());
                self.fell(&life.reason(), backoff);
                let said = life
                    .last_words()
                    .map(|line| format!(", after saying `{line}`"));
                // Each time, as it is told each time that it is up.
                tracing::warn!(
                    server = %self.name,
                    at = self.at.as_deref(),
                    "server is down: {}{}; next attempt in {:.1?}",
                    life.reason(),
                    said.unwrap_or_default(),
                    backoff.pause()
                );
                outlet.upward.fell(self);
                Lived::Fell
            }
            Err(refusal) => {
                backoff.failed(Duration::ZERO);
                let reason = reason(refusal);
                self.fell(&reason, backoff);
                self.unmet(&reason, backoff);
                outlet.upward.settled(self);
                Lived::Unmet
            }
        }
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
    }

    /// Tells those who read what it said last; of a replica, which one it is.
    fn note(&self, words: &str) {
        let at = self.at.as_ref().map(|at| format!(" ({at})"));
        let at = at.unwrap_or_default();
        self.journal.write(&format!("mcpgate: {words}{at}"));
    }

    fn joined(&self, link: &Link, greeting: &Greeting, catalog: &Catalog) {
        self.set(|state| {
            state.state = "up";
            state.transport = link.transport();
            state.revision = Some(greeting.revision.clone());
            state.version = Some(greeting.version.clone());
            state.error = None;
            state.next_attempt = None;
        });
        self.journal.set_failing(false);
        if let Some(breaker) = &self.breaker {
            breaker.succeeded();
        }
        let (version, revision) = (&greeting.version, &greeting.revision);
        let tools = catalog.items(List::Tools).len();
        let words = format!("server is up: {version}, {revision}, {tools} tools");
        self.note(&words);
        tracing::info!(
            server = %self.name,
            at = self.at.as_deref(),
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

    fn fell(&self, reason: &str, backoff: &Backoff) {
        let pause = backoff.pause();
        self.set(|state| {
            state.state = "down";
            state.error = Some(reason.to_owned());
            state.last_error = Some(reason.to_owned());
            state.restarts += 1;
            state.next_attempt = jiff::Timestamp::now().checked_add(pause).ok();
        });
        self.note(&format!("server is down: {reason}"));
        if let Ok(link) = self.link()
            && let Link::Pool(pool) = link.as_ref()
        {
            pool.rest.failed(reason);
        }
    }

    /// Says that it did not come up, as often as somebody wants to read it.
    fn unmet(&self, reason: &str, backoff: &Backoff) {
        self.journal.set_failing(true);
        let (server, at, times) = (&self.name, self.at.as_deref(), backoff.failures());
        let pause = backoff.pause();
        match (times, backoff.is_told()) {
            (1, _) => tracing::warn!(%server, at, "server is down: {reason}"),
            (_, true) => tracing::warn!(
                %server,
                at,
                "server has failed {times} times in a row, next attempt in {pause:.1?}: {reason}"
            ),
            (_, false) => tracing::debug!(%server, at, times, "server is down: {reason}"),
        }
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
