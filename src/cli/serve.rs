//! `serve` and `stdio`.

use std::{io::IsTerminal, process::ExitCode, sync::Arc};

use listenfd::ListenFd;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{CliError, log};
use crate::{
    config::Config,
    gateway::{Gateway, Source, state, systemd},
    mcp::List,
    observe::audit::{Audit, AuditConfig},
    pipeline::Pipeline,
};

/// Serves over HTTP until SIGINT or SIGTERM; SIGHUP reads the files again.
pub(super) async fn http(
    config: &Config,
    source: Source,
    handed: ListenFd,
) -> Result<ExitCode, CliError> {
    let handed = socket(handed)?;
    let listen = match &handed {
        Some(socket) => socket.local_addr()?,
        None => config.gateway.listen,
    };
    config.may_serve(listen)?;
    warn(config);
    let bound = match handed {
        Some(socket) => TcpListener::from_std(socket),
        None => TcpListener::bind(listen).await,
    };
    let listener = bound.map_err(|error| CliError::Listen(listen, error))?;
    let address = listener.local_addr()?;
    let mut signals = Signals::listen()?;
    let audit = Audit::start(&config.audit).map_err(|error| CliError::Usage(error.to_string()))?;
    let state = state(&config.gateway, |name| std::env::var_os(name))?;
    let gateway = Gateway::across_cores(config, audit)?;
    let gateway = gateway.from_files(source).outlived_by(state);
    let hangups = tokio::spawn(hangups(&gateway, signals.told.clone())?);
    gateway.attend().await;
    if config.gateway.watch {
        gateway.reloader().watch();
    }
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{address}/mcp");
    log::say(&format!(
        "mcpgate {} serves {url}",
        env!("CARGO_PKG_VERSION")
    ));
    let welcome = tokio::spawn(welcome(gateway.pipeline().clone()));
    let told = signals.told.clone();
    tokio::spawn(gateway.watchdog());
    let serving = async move {
        systemd::ready();
        let status = tokio::spawn(gateway.status(address));
        let until = async {
            told.cancelled().await;
            hangups.abort();
            systemd::stopping();
        };
        let served = gateway.serve(listener, until).await;
        welcome.abort();
        status.abort();
        tracing::info!("stopping");
        gateway.stop().await;
        served
    };
    signals.unless_again(serving).await
}

/// Says what is no mistake, and still not what somebody meant.
fn warn(config: &Config) {
    if config.policy.shuts_everybody_out() {
        tracing::warn!(
            "nobody can come in: the policies have roles, and neither [keys.*], [tokens.*], \
             [certificates.*], [trusted_headers] nor [anonymous] to give them to somebody"
        );
    }
    for words in config.open_doors().into_iter().chain(config.warnings()) {
        tracing::warn!("{words}");
    }
}

/// Says what there is, once the servers are there.
async fn welcome(pipeline: Arc<Pipeline>) {
    pipeline.start.over().await;
    let view = pipeline.plan().views.whole().clone();
    let counts = List::ALL.map(|list| format!("{} {}", view.count(list), list.plural()));
    log::say(&counts.join(", "));
    for name in view.names(List::Tools) {
        log::say(&format!("  {name}"));
    }
}

/// The socket that systemd has opened, if it has.
fn socket(mut handed: ListenFd) -> Result<Option<std::net::TcpListener>, CliError> {
    if handed.len() > 1 {
        let words = "LISTEN_FDS hands over several sockets, and one is served: leave one \
                     `ListenStream=` in the .socket unit";
        return Err(CliError::Usage(words.to_owned()));
    }
    let taken = handed.take_tcp_listener(0);
    let taken = taken.map_err(|error| CliError::Usage(format!("LISTEN_FDS: {error}")))?;
    if let Some(socket) = &taken {
        socket.set_nonblocking(true)?;
    }
    Ok(taken)
}

/// Serves one client on stdin and stdout until it closes them. Without a source, no file says what
/// is served, and none is watched.
pub(super) async fn stdio(config: &Config, source: Option<Source>) -> Result<ExitCode, CliError> {
    let mut signals = Signals::listen()?;
    // Stdout is the client's.
    let audit = AuditConfig {
        stdout: false,
        ..config.audit.clone()
    };
    let audit = Audit::start(&audit).map_err(|error| CliError::Usage(error.to_string()))?;
    let mut gateway = Gateway::audited(config, audit);
    if let Some(source) = source {
        gateway = gateway.from_files(source);
        if config.gateway.watch {
            gateway.reloader().watch();
        }
    }
    let told = signals.told.clone();
    let serving = async move {
        let served = tokio::select! {
            served = gateway.serve_pipe(tokio::io::stdin(), tokio::io::stdout()) => served,
            () = told.cancelled() => Ok(()),
        };
        gateway.stop().await;
        served
    };
    signals.unless_again(serving).await
}

/// Reads the files again and opens that of the audit log anew, at each SIGHUP. It comes from a
/// terminal that closes, too: then `left` is told, and nobody is served any more.
fn hangups(
    gateway: &Gateway,
    left: CancellationToken,
) -> std::io::Result<impl Future<Output = ()> + use<>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (reloader, pipeline) = (gateway.reloader().clone(), gateway.pipeline().clone());
    let is_watched = std::io::stdin().is_terminal();
    Ok(async move {
        while hangup.recv().await.is_some() {
            if is_watched && !std::io::stdin().is_terminal() {
                return left.cancel();
            }
            if let Some(audit) = &pipeline.audit {
                audit.reopen();
            }
            // It has been logged how it went.
            drop(reloader.reload().await);
        }
    })
}

/// SIGINT and SIGTERM.
struct Signals {
    /// One has come, or nobody is there any more: the process is to end.
    told: CancellationToken,
    /// Another one has: at once. It is the number of that.
    again: JoinHandle<u8>,
}

impl Signals {
    /// Listens from now on.
    fn listen() -> std::io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut next = async move || {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
            };
            kind.as_raw_value()
        };
        let told = CancellationToken::new();
        let tells = told.clone();
        let again = tokio::spawn(async move {
            tokio::select! {
                _ = next() => tells.cancel(),
                () = tells.cancelled() => {}
            }
            u8::try_from(next().await).unwrap_or_default()
        });
        Ok(Self { told, again })
    }

    /// Waits for the end of what is done until the first signal, unless a second one comes.
    async fn unless_again(
        &mut self,
        serving: impl Future<Output = std::io::Result<()>>,
    ) -> Result<ExitCode, CliError> {
        tokio::select! {
            served = serving => served?,
            Ok(number) = &mut self.again => {
                tracing::warn!("told to stop again: calls in flight are cut off");
                // As a shell says it.
                return Ok(ExitCode::from(128 + number));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
