//! The peers of one server: the gateway's own, and where the config says so one for each session
//! or each user, opened at its first call.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;
use futures_util::future::join_all;
use tokio_util::task::TaskTracker;

use super::{
    Scope, ServerConfig,
    environment::Variables,
    headers::{Extra, Headers},
    instances::{Instances, Made},
    listing::Greeting,
    outlet::Outlet,
    peer::{Peer, Whose},
    rest::Rest,
    servers::Sharing,
    watched::Watched,
    wire::Wire,
};
use crate::{
    call::{Behalf, Client, Reply},
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
    Stream(Box<(Wire, Headers)>),
}

/// A server's peers.
pub(super) struct Pool {
    pub(super) outlet: Outlet,
    pub(super) config: ServerConfig,
    pub(super) max_message: usize,
    pub(super) opener: Opener,
    scope: Scope,
    pub(super) own: ArcSwapOption<Peer>,
    pub(super) rest: Rest,
    pub(super) others: Instances,
    variables: Variables,
    /// Whether the server's requests stand for themselves: then one peer serves everybody.
    stateless: AtomicBool,
    /// Whether it is over with it.
    pub(super) left: AtomicBool,
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
            rest: Rest::default(),
            others: Instances::default(),
            variables: Variables::new(config),
            stateless: AtomicBool::new(config.revision.is_some_and(Revision::is_stateless)),
            left: AtomicBool::new(false),
            watched: Arc::default(),
        })
    }

    /// Opens the gateway's own peer. In a shared pool it serves everybody.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) async fn open_own(&self) -> Result<(Arc<Peer>, Greeting), Refusal> {
        let (nobody, _) = self.made(None)?;
        let opened = self.open(Whose::Everybody, &nobody).await;
        let (peer, greeting) = match opened {
            // It lives, but knows no `initialize`. The next one is asked as a stateless one.
            Err(Refusal::Garbled { .. })
                if self.config.revision.is_none()
                    && !self.is_stateless()
                    && matches!(self.opener, Opener::Child { .. }) =>
            {
                self.stateless.store(true, Ordering::Relaxed);
                let again = self.open(Whose::Everybody, &nobody).await;
                again.inspect_err(|_| self.stateless.store(false, Ordering::Relaxed))?
            }
            opened => opened?,
        };
        self.own.store(Some(peer.clone()));
        self.rest.over();
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
        let client = &routed.call().client;
        if matches!(self.opener, Opener::Child { .. }) && self.variables.is_empty() {
            let peer = self.peer(client, &Made::default()).await?;
            return peer.call(routed, Extra::default(), exchange).await;
        }
        let behalf = routed.behalf();
        let (made, extra) = self.made(Some(&behalf))?;
        if made != Made::default() || client.acts() {
            client.acts_for(behalf);
        }
        let peer = self.peer(client, &made).await?;
        peer.call(routed, extra, exchange).await
    }

    /// What a peer is made with that serves somebody, and what a message to it carries.
    fn made(&self, behalf: Option<&Behalf>) -> Result<(Made, Extra), Refusal> {
        let mut made = Made::default();
        match &self.opener {
            Opener::Child { .. } => {
                let caller = behalf.map(|behalf| &behalf.visit.caller);
                made.environment = self.variables.of(&self.outlet.server, caller)?;
            }
            Opener::Stream(stream) => made.headers = stream.1.of_behalf(behalf)?,
        }
        let extra = made.headers.clone();
        Ok((made, extra))
    }

    /// Asks something on the gateway's own peer.
    ///
    /// # Errors
    /// When it is not there, or goes away.
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Refusal> {
        self.awake().await?.ask(method, params).await
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
        let (made, _) = self.made(client.behalf().as_ref())?;
        self.peer(client, &made).await?.ask(method, params).await
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
        let peers = match self.scope {
            Scope::Shared => self.shared().into_iter().collect(),
            Scope::Session | Scope::User => self.others.open(&self.key(client)),
        };
        let peers = peers.iter().filter(|peer| !peer.life.is_over());
        let asked = join_all(peers.map(|peer| peer.ask(method, params))).await;
        let answers: Result<Vec<Frame>, Refusal> = asked.into_iter().collect();
        answers.map(drop)
    }

    /// A session is over; `last` says that its caller has no other.
    pub(super) fn session_ended(&self, client: &Client, last: bool) {
        if self.scope == Scope::Session || (self.scope == Scope::User && last) {
            self.others.end(&self.key(client));
        }
    }

    fn key(&self, client: &Client) -> Arc<str> {
        match self.scope {
            Scope::User => client.identity.to_string().into(),
            Scope::Shared | Scope::Session => client.session.clone(),
        }
    }

    async fn peer(&self, client: &Arc<Client>, made: &Made) -> Result<Arc<Peer>, Refusal> {
        let whose = match self.scope {
            // What knows its user serves nobody else.
            _ if self.is_stateless() && self.variables.is_empty() => return self.awake().await,
            Scope::Shared => return self.awake().await,
            Scope::Session => Whose::Session(client.clone()),
            Scope::User => Whose::User(client.clone()),
        };
        let key = self.key(client);
        let cell = self.place(&key, &self.kept_apart(made))?;
        let opened = cell.get_or_try_init(|| async {
            self.rest.want();
            let opened = self.open(whose, made).await;
            let opened = opened.map(|(peer, _)| peer);
            opened.map_err(|refusal| self.outlet.unopened(refusal))
        });
        // Boxed: opening is rare and its future large.
        let peer = Box::pin(opened).await.cloned()?;
        // The client's session may have ended meanwhile: then nobody else would end this one,
        // unless it is a user's, who has other sessions.
        let over = client.is_over();
        // One that has died has more to say of it than we.
        let left = self.left.load(Ordering::Acquire);
        let kept = || (!left && self.others.has(&key, &cell)) || (!over && peer.life.is_over());
        if kept() && !(over && self.scope == Scope::Session) {
            return Ok(peer);
        }
        self.others.forget(&key, &cell);
        peer.stop.cancel();
        Err(match over {
            true => Refusal::SessionUnknown,
            // It had to make room for another of the same user.
            false => Refusal::Unavailable {
                server: self.outlet.server.to_string(),
                reason: "it was stopped before it was used".to_owned(),
            },
        })
    }

    /// What of it makes another peer. A session has one, and each message says anew for whom it
    /// is; the sessions of a user share only what was made with the same.
    fn kept_apart(&self, made: &Made) -> Made {
        match (self.scope, &self.opener) {
            (Scope::User, Opener::Child { .. }) => made.clone(),
            (Scope::User, Opener::Stream(stream)) => Made {
                headers: stream.1.lasting(&made.headers),
                ..Made::default()
            },
            (Scope::Shared | Scope::Session, _) => Made::default(),
        }
    }
}
