//! `serve` and `stdio`.

use std::{io::IsTerminal, process::ExitCode};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::{CliError, log};
use crate::{
    config::Config,
    gateway::{Gateway, Source, session_key},
    mcp::List,
    observe::audit::{Audit, AuditConfig},
};

/// Serves over HTTP until SIGINT or SIGTERM; SIGHUP reads the files again.
pub(super) async fn http(config: &Config, source: Source) -> Result<ExitCode, CliError> {
    let listen = config.gateway.listen;
    config.may_serve(listen)?;
    if config.policy.shuts_everybody_out() {
        tracing::warn!(
            "nobody can come in: the policies have roles, and neither [keys.*], [tokens.*], \
             [trusted_headers] nor [anonymous] to give them to somebody"
        );
    }
    let bound = TcpListener::bind(listen).await;
    let listener = bound.map_err(|error| CliError::Listen(listen, error))?;
    let address = listener.local_addr()?;
    let ended = ended()?;
    let audit = Audit::start(&config.audit).map_err(|error| CliError::Usage(error.to_string()))?;
    let key = session_key(&config.gateway, |name| std::env::var_os(name))?;
    let gateway = Gateway::across_cores(config, audit)?;
    let gateway = gateway.from_files(source).sealing_with(key);
    let left = CancellationToken::new();
    let hangups = tokio::spawn(hangups(&gateway, left.clone())?);
    gateway.attend().await;
    if config.gateway.watch {
        gateway.reloader().watch();
    }
    let url = format!("http://{address}/mcp");
    log::say(&format!(
        "mcpgate {} serves {url}",
        env!("CARGO_PKG_VERSION")
    ));
    let pipeline = gateway.pipeline().clone();
    let welcome = tokio::spawn(async move {
        pipeline.start.over().await;
        let view = pipeline.plan().views.whole().clone();
        let counts = List::ALL.map(|list| format!("{} {}", view.count(list), list.plural()));
        log::say(&counts.join(", "));
        for name in view.names(List::Tools) {
            log::say(&format!("  {name}"));
        }
    });
    let until = async {
        left.run_until_cancelled(ended).await;
    };
    let served = gateway.serve(listener, until).await;
    welcome.abort();
    hangups.abort();
    tracing::info!("stopping");
    gateway.stop().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Serves one client on stdin and stdout until it closes them.
pub(super) async fn stdio(config: &Config, source: Source) -> Result<ExitCode, CliError> {
    let ended = ended()?;
    // Stdout is the client's.
    let audit = AuditConfig {
        stdout: false,
        ..config.audit.clone()
    };
    let audit = Audit::start(&audit).map_err(|error| CliError::Usage(error.to_string()))?;
    let gateway = Gateway::audited(config, audit).from_files(source);
    if config.gateway.watch {
        gateway.reloader().watch();
    }
    let served = tokio::select! {
        served = gateway.serve_pipe(tokio::io::stdin(), tokio::io::stdout()) => served,
        () = ended => Ok(()),
    };
    gateway.stop().await;
    served?;
    Ok(ExitCode::SUCCESS)
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

/// Resolves when the process is told to end.
fn ended() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
