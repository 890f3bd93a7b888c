//! The life of the process: start, serve, drain.

mod cases;
mod config;
mod connection;
mod explain;
mod folders;
mod guests;
mod keepers;
mod lingering;
mod patient;
mod places;
mod policy;
mod reload;
mod reloaded;
mod serve;
mod state;
mod status;
mod supposed;
mod sweep;
pub mod systemd;
mod timers;
mod tls;
mod turned_away;
mod watch;
mod wishes;
mod workers;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

pub use cases::{Case, cases};
pub use config::{GatewayConfig, Names};
pub use explain::{Asker, Explained, SentHeader, explain};
pub use reload::{ReloadError, Reloader, Source};
pub use reloaded::Reloaded;
pub use state::{State, StateError, state};
pub use supposed::{Supposed, plan};
pub use tls::{Ailment, ClientAuth, Material, Soundness, TlsConfig, pem};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    time::timeout,
};

use crate::{
    accept,
    admin::{Control, Reload, Socket},
    config::Config,
    observe::audit::Audit,
    pipeline::Pipeline,
    route::Naming,
    session::Sessions,
    start::Start,
};
use keepers::Keepers;
use sweep::sweep;
use wishes::Keeping;
use workers::Workers;

/// How long the servers may take to stop at the end, and then the audit log.
const STOP: Duration = Duration::from_secs(10);

/// A running gateway.
pub struct Gateway {
    pipeline: Arc<Pipeline>,
    config: GatewayConfig,
    reloader: Reloader,
    /// What keeps what sessions want to hear of.
    wishes: Option<Keeping>,
}

impl Gateway {
    /// Starts to connect to every server, in the background. Keeps no audit log, and traces nothing.
    pub fn start(config: &Config) -> Self {
        Self::placed(config, None, Workers::none())
    }

    /// Starts to connect to every server, in the background; traces calls if the config says so.
    pub fn audited(config: &Config, audit: Option<Audit>) -> Self {
        Self::placed(config, audit, Workers::none()).traced(config)
    }

    /// The same with a thread for each core, for a gateway that has the machine to itself.
    ///
    /// # Errors
    /// When the system has no room for more threads.
    pub fn across_cores(config: &Config, audit: Option<Audit>) -> io::Result<Self> {
        Ok(Self::placed(config, audit, Workers::start()?).traced(config))
    }

    fn placed(config: &Config, audit: Option<Audit>, workers: Workers) -> Self {
        let gateway = config.gateway.clone();
        let plan = plan(config);
        let servers = plan.servers.clone();
        let sessions = Sessions::new(gateway.max_sessions, gateway.session_idle)
            .of_each(gateway.max_sessions_per_caller);
        let observed = (&config.metrics, audit.map(Arc::new));
        let names = servers.iter().map(|(name, _)| name.clone());
        let start = Start::new(names, gateway.first_list_wait);
        let pipeline = Arc::new(Pipeline::new(plan, sessions, start, observed));
        let keepers = Keepers::new(pipeline.clone(), workers);
        for (_, server) in servers.iter() {
            keepers.keep(server);
        }
        let sweeping = sweep(pipeline.clone(), keepers.stop.child_token());
        keepers.tasks.spawn(sweeping);
        Self {
            pipeline,
            config: gateway,
            reloader: Reloader::new(keepers, config),
            wishes: None,
        }
    }

    fn traced(self, config: &Config) -> Self {
        self.pipeline.trace_as(config.traces.as_ref());
        self
    }

    /// Remembers where its configuration came from, so that it can be reloaded.
    #[must_use]
    pub fn from_files(self, source: Source) -> Self {
        self.reloader.set_source(source);
        self
    }

    /// What reloads it, also for those who do not have the gateway itself.
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Reads its files again, and puts in force what they say.
    ///
    /// # Errors
    /// When they say anything wrong, or there are none. Then nothing has changed.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        self.reloader.reload().await
    }

    /// Lets sessions outlive the process, from the first one on: their ids are sealed with a key
    /// that does, and what they want to hear of is kept.
    #[must_use]
    pub fn outlived_by(mut self, state: Option<State>) -> Self {
        if let Some(State { key, folder }) = state {
            self.pipeline.sessions.seal_with(key);
            self.wishes = Some(wishes::keep(&self.pipeline, &folder));
        }
        self
    }

    /// What answers the calls.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Lets operators in at the control socket, until the gateway stops. Where there can be no
    /// socket, the log says why: the gateway serves all the same.
    pub async fn attend(&self) {
        let Some(path) = self.config.control_socket(|name| std::env::var_os(name)) else {
            return tracing::debug!("no control socket ([gateway] control_socket)");
        };
        match Socket::bind(&path).await {
            Ok(socket) => {
                let keepers = self.reloader.keepers();
                let control = Control::new(self.pipeline.clone(), self.reloading());
                let serving = control.serve(socket, keepers.stop.child_token());
                keepers.tasks.spawn(serving);
            }
            Err(error) => tracing::warn!(
                "no control socket at {}: {error} ([gateway] control_socket)",
                path.display()
            ),
        }
    }

    /// What operators start with `mcpgate reload`.
    fn reloading(&self) -> Reload {
        let reloader = self.reloader.clone();
        Box::new(move || {
            let reloader = reloader.clone();
            Box::pin(async move {
                let done = reloader.reload().await;
                done.map(|done| done.to_string())
                    .map_err(|error| error.to_string())
            })
        })
    }

    /// Shows systemd that all cores work, if it wants to know, for as long as this is polled.
    pub fn watchdog(&self) -> impl Future<Output = ()> + Send + use<> {
        systemd::watchdog(self.reloader.keepers().workers.pulse())
    }

    /// Tells systemd how a gateway at that address is doing, for as long as this is polled.
    pub fn status(&self, address: SocketAddr) -> impl Future<Output = ()> + Send + use<> {
        status::tell(self.pipeline.clone(), address)
    }

    /// Serves HTTP until `until` is done, then lets calls in flight finish.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn serve(
        &self,
        listener: TcpListener,
        until: impl Future<Output = ()>,
    ) -> io::Result<()> {
        self.reloader.serves(listener.local_addr()?);
        let place = (listener, &self.reloader.keepers().workers);
        let config = (&self.config, self.reloader.tls());
        self.pipeline.plan().policy.credentials.tokens.prefetch();
        serve::serve(&self.pipeline, config, place, until).await
    }

    /// Serves one client on a pipe until its input ends.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub async fn serve_pipe<R, W>(&self, input: R, output: W) -> io::Result<()>
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        accept::stdio::serve(
            self.pipeline.clone(),
            input,
            output,
            self.config.max_message,
        )
        .await
    }

    /// Serves one client on a stream, apart from this gateway's own life.
    pub fn serve_pipe_detached<S>(&self, stream: S) -> impl Future<Output = ()> + Send + 'static
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (pipeline, limit) = (self.pipeline.clone(), self.config.max_message);
        async move {
            let (input, output) = tokio::io::split(stream);
            if let Err(error) = accept::stdio::serve(pipeline, input, output, limit).await {
                tracing::debug!("a pipe broke: {error}");
            }
        }
    }

    /// Ends every session and every server, and waits for it.
    pub async fn stop(self) {
        // First: what has ended wants nothing any more.
        if let Some(wishes) = self.wishes {
            wishes.end().await;
        }
        for session in self.pipeline.sessions.all() {
            self.pipeline.end(session.id());
        }
        let keepers = self.reloader.keepers();
        keepers.stop.cancel();
        keepers.tasks.close();
        let servers = self.pipeline.plan().servers.clone();
        let (audit, longest) = (self.pipeline.audit.clone(), servers.longest_stop());
        let all = async {
            keepers.tasks.wait().await;
            servers.gone().await;
        };
        if timeout(STOP.max(longest), all).await.is_err() {
            tracing::warn!("some servers did not stop in time");
        }
        self.pipeline.traces.close().await;
        if let Some(audit) = audit
            && timeout(STOP, audit.close()).await.is_err()
        {
            tracing::warn!("the audit log could not be written to its end in time");
        }
    }
}

fn naming(config: &GatewayConfig) -> Naming {
    Naming {
        portable: config.names == Names::Portable,
        budget: config.name_budget,
    }
}
