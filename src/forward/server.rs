//! The servers, and the link each of them has at the moment.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use futures_util::future::join_all;
use indexmap::IndexMap;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{ServerConfig, Upward, http::Http, level_params, stdio::Child, uri_params};
use crate::{
    call::{Client, Level, Reply, ServerName},
    exchange::Exchange,
    mcp::{Frame, Method},
    refusal::Refusal,
    route::Routed,
};

/// How long a server may take for what is not a call: a farewell, a log level.
pub(super) const COURTESY: Duration = Duration::from_secs(5);

/// A way to a running server.
#[derive(Clone)]
pub(super) enum Link {
    Child(Arc<Child>),
    Http(Arc<Http>),
}

impl Link {
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Refusal> {
        match self {
            Self::Child(child) => child.ask(method, params).await,
            Self::Http(http) => http.ask(method, params).await,
        }
    }

    fn is_shared(&self) -> bool {
        match self {
            Self::Child(_) => true,
            Self::Http(http) => http.is_shared(),
        }
    }

    async fn call(&self, routed: &Routed, exchange: &Arc<Exchange>) -> Result<Reply, Refusal> {
        match self {
            Self::Child(child) => child.call(routed, exchange).await,
            Self::Http(http) => http.call(routed, exchange).await,
        }
    }
}

/// How a server is doing, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct State {
    /// `connecting`, `up` or `down`.
    pub state: &'static str,
    /// Since when.
    pub since: jiff::Timestamp,
    /// `stdio` or `http`.
    pub transport: &'static str,
    /// The revision that was agreed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its own name and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it is not up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How often it had to be connected again.
    pub restarts: u32,
}

/// One `[servers.<name>]` table and what stands behind it.
pub struct Server {
    pub(super) name: ServerName,
    pub(super) config: ServerConfig,
    pub(super) max_message: usize,
    /// The tasks that see children out.
    pub(super) children: TaskTracker,
    link: ArcSwapOption<Link>,
    http: OnceLock<Arc<Http>>,
    state: Mutex<State>,
}

impl Server {
    fn new(
        name: &ServerName,
        config: &ServerConfig,
        max_message: usize,
        children: &TaskTracker,
    ) -> Self {
        let transport = if config.url.is_some() {
            "http"
        } else {
            "stdio"
        };
        let state = State {
            state: "connecting",
            since: jiff::Timestamp::now(),
            transport,
            revision: None,
            version: None,
            error: None,
            restarts: 0,
        };
        Self {
            name: name.clone(),
            config: config.clone(),
            max_message,
            children: children.clone(),
            link: ArcSwapOption::empty(),
            http: OnceLock::new(),
            state: Mutex::new(state),
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// How it is doing.
    pub fn state(&self) -> State {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.state;
        change(&mut state);
        if state.state != before {
            state.since = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or(state.since);
        }
    }

    pub(super) fn set_link(&self, link: Option<Link>) {
        self.link.store(link.map(Arc::new));
    }

    /// The link, or why there is none.
    pub(super) fn link(&self) -> Result<Arc<Link>, Refusal> {
        self.link.load_full().ok_or_else(|| {
            let state = self.state();
            let reason = state
                .error
                .unwrap_or_else(|| "it is still starting".to_owned());
            Refusal::Unavailable {
                server: self.name.to_string(),
                reason,
            }
        })
    }

    /// The way to a remote server; it outlives its connections.
    pub(super) fn http(&self, upward: &Arc<dyn Upward>) -> Result<Arc<Http>, Refusal> {
        if let Some(http) = self.http.get() {
            return Ok(http.clone());
        }
        let http = Http::new(&self.name, &self.config, self.max_message, upward.clone())?;
        Ok(self.http.get_or_init(|| http).clone())
    }

    async fn call(&self, routed: &Routed, exchange: &Arc<Exchange>) -> Result<Reply, Refusal> {
        let link = self.link()?;
        let limit = self.config.timeout;
        match timeout(limit, link.call(routed, exchange)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Refusal::TimedOut {
                server: self.name.to_string(),
                limit,
            }),
        }
    }
}

/// All servers, in the order of the file.
#[derive(Default)]
pub struct Servers {
    by_name: IndexMap<ServerName, Arc<Server>>,
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

    /// Each server under its name.
    pub fn iter(&self) -> impl Iterator<Item = (&ServerName, &Arc<Server>)> {
        self.by_name.iter()
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
            Some(server) => server.call(routed, exchange).await,
            None => Err(Refusal::NoRoute(routed.call().target.clone())),
        }
    }

    /// Passes a client's log level on: to its own sessions where it has some, and to the
    /// children that everybody shares the lowest level that anybody wants.
    pub async fn set_level(&self, client: &Client, level: Level, lowest: Level) {
        let set = self.by_name.values().map(async |server| {
            let Ok(link) = server.link() else { return };
            let asked = async {
                match link.as_ref() {
                    Link::Child(child) => {
                        let params = level_params(lowest);
                        child.ask(Method::LoggingSetLevel, &params).await.map(drop)
                    }
                    Link::Http(http) => http.set_level(client, &level_params(level)).await,
                }
            };
            // The client waits for the slowest of them, and not for long.
            if !matches!(timeout(COURTESY, asked).await, Ok(Ok(()))) {
                tracing::debug!(server = %server.name, "the log level could not be set");
            }
        });
        join_all(set).await;
    }

    /// Whether a server keeps one session for all clients, so that what one of them asks of it
    /// may touch the others.
    pub fn is_shared(&self, server: &ServerName) -> bool {
        let link = self.by_name.get(server).map(|server| server.link());
        matches!(link, Some(Ok(link)) if link.is_shared())
    }

    /// Tells a shared server that has just come up what is wanted of it.
    pub fn remind(&self, server: &ServerName, level: Option<Level>, uris: &[String]) {
        let level = level.map(|level| (Method::LoggingSetLevel, level_params(level)));
        let subscriptions = uris
            .iter()
            .map(|uri| (Method::ResourcesSubscribe, uri_params(uri)));
        self.ask_shared(server, level.into_iter().chain(subscriptions).collect());
    }

    /// Nobody wants to hear of a resource any more.
    pub fn unsubscribe(&self, server: &ServerName, uri: &str) {
        let end = (Method::ResourcesUnsubscribe, uri_params(uri));
        self.ask_shared(server, vec![end]);
    }

    /// Asks in the background, where the answers are of no use.
    fn ask_shared(&self, server: &ServerName, requests: Vec<(Method, String)>) {
        let Some(Ok(link)) = self.by_name.get(server).map(|server| server.link()) else {
            return;
        };
        if link.is_shared() {
            tokio::spawn(async move {
                let asked = requests
                    .iter()
                    .map(|(method, params)| link.ask(*method, params));
                drop(timeout(COURTESY, join_all(asked)).await);
            });
        }
    }

    /// A client's session is over: so are the sessions that servers keep for it.
    pub fn session_ended(&self, session: &str) {
        for server in self.by_name.values() {
            if let Ok(link) = server.link()
                && let Link::Http(http) = link.as_ref()
            {
                http.session_ended(session);
            }
        }
    }
}
