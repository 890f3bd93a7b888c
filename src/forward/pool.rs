//! The peers of one server: the gateway's own, and where the config says so one for each session
//! or each user, opened at its first call.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use http::HeaderMap;
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;

use super::{
    Scope, ServerConfig,
    listing::Greeting,
    outlet::Outlet,
    peer::{Peer, Whose},
    servers::Sharing,
    watched::Watched,
    wire::Wire,
};
use crate::{
    call::{Client, Reply},
    exchange::Exchange,
    mcp::{Frame, Method, Revision},
    refusal::Refusal,
    route::Routed,
};

/// How a peer comes about.
pub(super) enum Opener {
    /// A command is launched.
    Child {
        /// Sees children out.
        tasks: TaskTracker,
    },
    /// A stream of events is opened.
    Stream(Box<(Wire, HeaderMap)>),
}

/// A server's peers.
pub(super) struct Pool {
    pub(super) outlet: Outlet,
    pub(super) config: ServerConfig,
    pub(super) max_message: usize,
    pub(super) opener: Opener,
    scope: Scope,
    own: ArcSwapOption<Peer>,
    others: DashMap<Arc<str>, Arc<OnceCell<Arc<Peer>>>>,
    /// Whether the server's requests stand for themselves: then one peer serves everybody.
    stateless: AtomicBool,
    /// The resources that a stateless peer is to tell of.
    pub(super) watched: Arc<Watched>,
}

impl Pool {
    pub(super) fn new(
        outlet: Outlet,
        config: &ServerConfig,
        max_message: usize,
        opener: Opener,
    ) -> Arc<Self> {
        let default = match opener {
            Opener::Child { .. } => Scope::Shared,
            Opener::Stream(..) => Scope::Session,
        };
        Arc::new(Self {
            outlet,
            config: config.clone(),
            max_message,
            opener,
            scope: config.scope.unwrap_or(default),
            own: ArcSwapOption::empty(),
            others: DashMap::new(),
            stateless: AtomicBool::new(config.revision.is_some_and(Revision::is_stateless)),
            watched: Arc::default(),
        })
    }

    /// Opens the gateway's own peer. In a shared pool it serves everybody.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) async fn open_own(&self) -> Result<(Arc<Peer>, Greeting), Refusal> {
        let opened = self.open(Whose::Everybody).await;
        let (peer, greeting) = match opened {
            // It lives, but knows no `initialize`. The next one is asked as a stateless one.
            Err(Refusal::Garbled { .. })
                if self.config.revision.is_none()
                    && !self.is_stateless()
                    && matches!(self.opener, Opener::Child { .. }) =>
            {
                self.stateless.store(true, Ordering::Relaxed);
                let again = self.open(Whose::Everybody).await;
                again.inspect_err(|_| self.stateless.store(false, Ordering::Relaxed))?
            }
            opened => opened?,
        };
        self.own.store(Some(peer.clone()));
        if self.is_stateless() {
            tokio::spawn(super::hearing::listen(self.watched.clone(), peer.clone()));
        }
        Ok((peer, greeting))
    }

    /// Whether the server's requests stand for themselves.
    pub(super) fn is_stateless(&self) -> bool {
        self.stateless.load(Ordering::Relaxed)
    }

    /// Carries one call.
    ///
    /// # Errors
    /// When there is no peer for it, or it goes away.
    pub(super) async fn call(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        self.peer(&routed.call().client)
            .await?
            .call(routed, exchange)
            .await
    }

    /// Asks something on the gateway's own peer.
    ///
    /// # Errors
    /// When it is not there, or goes away.
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Refusal> {
        self.shared()?.ask(method, params).await
    }

    /// Asks something on the peer that serves a client.
    ///
    /// # Errors
    /// When it cannot be opened, or goes away.
    pub(super) async fn ask_for(
        &self,
        client: &Arc<Client>,
        method: Method,
        params: &str,
    ) -> Result<Frame, Refusal> {
        self.peer(client).await?.ask(method, params).await
    }

    /// As it is called in the config.
    pub(super) fn transport(&self) -> &'static str {
        match self.opener {
            Opener::Child { .. } => "stdio",
            Opener::Stream(..) => "sse",
        }
    }

    /// With whom a client shares its peer.
    pub(super) fn sharing(&self) -> Sharing {
        match self.scope {
            _ if self.is_stateless() => Sharing::Everybody,
            Scope::Shared => Sharing::Everybody,
            Scope::User => Sharing::Caller,
            Scope::Session => Sharing::Nobody,
        }
    }

    /// Asks something on the peer that serves a client, if there is one.
    ///
    /// # Errors
    /// When it goes away.
    pub(super) async fn ask_held(
        &self,
        client: &Client,
        method: Method,
        params: &str,
    ) -> Result<(), Refusal> {
        let peer = match self.scope {
            Scope::Shared => self.shared().ok(),
            Scope::Session | Scope::User => {
                let cell = self.others.get(&self.key(client)).map(|cell| cell.clone());
                cell.and_then(|cell| cell.get().cloned())
            }
        };
        let Some(peer) = peer.filter(|peer| !peer.life.is_over()) else {
            return Ok(());
        };
        peer.ask(method, params).await.map(drop)
    }

    /// A session is over; `last` says that its caller has no other.
    pub(super) fn session_ended(&self, client: &Client, last: bool) {
        if self.scope == Scope::Session || (self.scope == Scope::User && last) {
            let ended = self.others.remove(&self.key(client));
            if let Some(peer) = ended.and_then(|(_, cell)| cell.get().cloned()) {
                peer.stop.cancel();
            }
        }
    }

    /// Lets all of them go.
    pub(super) fn stop(&self) {
        let others = self.others.iter().filter_map(|cell| cell.get().cloned());
        for peer in others.chain(self.own.swap(None)) {
            peer.stop.cancel();
        }
        self.others.clear();
    }

    fn key(&self, client: &Client) -> Arc<str> {
        match self.scope {
            Scope::User => client.caller.to_string().into(),
            Scope::Shared | Scope::Session => client.session.clone(),
        }
    }

    fn shared(&self) -> Result<Arc<Peer>, Refusal> {
        let unavailable = |reason: String| Refusal::Unavailable {
            server: self.outlet.server.to_string(),
            reason,
        };
        match self.own.load_full() {
            None => Err(unavailable("it is still starting".to_owned())),
            Some(peer) if peer.life.is_over() => Err(unavailable(peer.life.reason())),
            Some(peer) => Ok(peer),
        }
    }

    async fn peer(&self, client: &Arc<Client>) -> Result<Arc<Peer>, Refusal> {
        let whose = match self.scope {
            _ if self.is_stateless() => return self.shared(),
            Scope::Shared => return self.shared(),
            Scope::Session => Whose::Session(client.clone()),
            Scope::User => Whose::User(client.clone()),
        };
        let key = self.key(client);
        self.others.remove_if(&key, |_, cell| {
            cell.get().is_some_and(|peer| peer.life.is_over())
        });
        let cell = self.others.entry(key.clone()).or_default().clone();
        let opened =
            cell.get_or_try_init(|| async { self.open(whose).await.map(|(peer, _)| peer) });
        // Boxed: opening is rare and its future large.
        let peer = Box::pin(opened).await.cloned()?;
        // The client's session may have ended meanwhile: then nobody else would end this one,
        // unless it is a user's, who has other sessions.
        let ours = |held: &Arc<OnceCell<Arc<Peer>>>| Arc::ptr_eq(held, &cell);
        let kept = || self.others.get(&key).is_some_and(|held| ours(&held));
        if client.is_over() && (self.scope == Scope::Session || !kept()) {
            self.others.remove_if(&key, |_, held| ours(held));
            peer.stop.cancel();
            return Err(Refusal::SessionUnknown);
        }
        Ok(peer)
    }
}
