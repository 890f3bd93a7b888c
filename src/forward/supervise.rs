//! Keeps one server connected: in the background, again and again, until the gateway stops.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Changes, Upward, initialize_params,
    life::Life,
    listing::{self, Greeting},
    server::{Link, Server},
    stdio::Child,
};
use crate::{
    mcp::{List, Method, Revision, message},
    refusal::Refusal,
    route::Catalog,
};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A connection that stood this long was a good one.
const HEALTHY: Duration = Duration::from_secs(30);

impl Server {
    /// Connects, serves until the connection falls, pauses, connects again.
    pub async fn keep(self: Arc<Self>, upward: Arc<dyn Upward>, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = tokio::time::Instant::now();
            tokio::select! {
                () = self.live(&upward) => {}
                () = stop.cancelled() => break,
            }
            if started.elapsed() > HEALTHY {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = stop.cancelled() => break,
            }
        }
        self.leave().await;
    }

    /// One connection from its beginning to its end.
    async fn live(&self, upward: &Arc<dyn Upward>) {
        let connected = timeout(self.config.connect_timeout, self.connect(upward)).await;
        let limit = self.config.connect_timeout;
        let joined = connected.unwrap_or_else(|_elapsed| {
            Err(Refusal::TimedOut {
                server: self.name.to_string(),
                limit,
            })
        });
        match joined {
            Ok((link, greeting, catalog)) => {
                self.joined(&link, &greeting, &catalog);
                upward.offer(&self.name, catalog.clone());
                upward.settled(&self.name);
                self.follow(&link, &greeting, catalog, upward).await;
            }
            Err(refusal) => {
                self.fell(&refusal.to_string());
                upward.settled(&self.name);
            }
        }
    }

    async fn connect(
        &self,
        upward: &Arc<dyn Upward>,
    ) -> Result<(Link, Greeting, Catalog), Refusal> {
        if self.config.url.is_some() {
            let http = self.http(upward)?;
            let greeting = http.open_own().await?;
            let link = Link::Http(http);
            let catalog = self.fetch_all(&link, &greeting).await;
            return Ok((link, greeting, catalog));
        }
        let (name, config) = (&self.name, &self.config);
        let child = Child::launch(
            name,
            config,
            self.max_message,
            upward.clone(),
            &self.children,
        )
        .map_err(|error| Refusal::Unavailable {
            server: self.name.to_string(),
            reason: format!("it cannot be started: {error}"),
        })?;
        let guard = StopOnDrop(Some(child.clone()));
        let answer = child
            .ask(Method::Initialize, &initialize_params(Revision::LATEST))
            .await?;
        let greeting = Greeting::read(&self.name, &answer)?;
        child.tell(message::notification(Method::Initialized, None));
        let link = Link::Child(child);
        let catalog = self.fetch_all(&link, &greeting).await;
        guard.keep();
        Ok((link, greeting, catalog))
    }

    async fn fetch_all(&self, link: &Link, greeting: &Greeting) -> Catalog {
        let mut catalog = greeting.catalog();
        self.fetch(link, greeting, &List::ALL, &mut catalog).await;
        catalog
    }

    /// Fetches lists into a catalog. One that cannot be had keeps its old items.
    async fn fetch(&self, link: &Link, greeting: &Greeting, lists: &[List], catalog: &mut Catalog) {
        for list in lists.iter().copied().filter(|list| greeting.has(*list)) {
            let ask = |params: String| async move { link.ask(list.method(), &params).await };
            let limit = self.config.timeout;
            let fetched = timeout(limit, listing::fetch(&self.name, list, ask)).await;
            let fetched = fetched.unwrap_or_else(|_elapsed| {
                Err(Refusal::TimedOut {
                    server: self.name.to_string(),
                    limit,
                })
            });
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
        greeting: &Greeting,
        mut catalog: Catalog,
        upward: &Arc<dyn Upward>,
    ) {
        let (life, changes): (Life, &Changes) = match link {
            Link::Child(child) => (child.life.clone(), &child.changes),
            Link::Http(http) => (http.life(), &http.changes),
        };
        loop {
            let lists = tokio::select! {
                () = life.over() => break,
                lists = changes.take() => lists,
            };
            let before = catalog.clone();
            self.fetch(link, greeting, &lists, &mut catalog).await;
            if catalog != before {
                upward.offer(&self.name, catalog.clone());
            }
        }
        self.fell(&life.reason());
    }

    fn joined(&self, link: &Link, greeting: &Greeting, catalog: &Catalog) {
        self.set(|state| {
            state.state = "up";
            state.revision = Some(greeting.revision.clone());
            state.version = Some(greeting.version.clone());
            state.error = None;
        });
        self.set_link(Some(link.clone()));
        tracing::info!(
            server = %self.name,
            version = greeting.version,
            revision = greeting.revision,
            tools = catalog.items(List::Tools).len(),
            "server is up"
        );
    }

    fn fell(&self, reason: &str) {
        // A remote server's sessions do not hang on ours: calls go on trying it.
        if self.config.url.is_none() {
            self.set_link(None);
        }
        self.set(|state| {
            state.state = "down";
            state.error = Some(reason.to_owned());
            state.restarts += 1;
        });
        tracing::warn!(server = %self.name, "server is down: {reason}");
    }

    /// Ends what stands. The child's own task sees it out.
    async fn leave(&self) {
        let Ok(link) = self.link() else { return };
        self.set_link(None);
        match link.as_ref() {
            Link::Child(child) => child.stop(),
            Link::Http(http) => http.leave().await,
        }
    }
}

/// A child that did not get through `initialize` is not left behind.
struct StopOnDrop(Option<Arc<Child>>);

impl StopOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(child) = &self.0 {
            child.stop();
        }
    }
}
