//! `serve` and `stdio`.

use std::process::ExitCode;

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{CliError, log};
use crate::{
    config::Config,
    gateway::Gateway,
    mcp::List,
    observe::audit::{Audit, AuditConfig},
};

/// Serves over HTTP until SIGINT or SIGTERM.
pub(super) async fn http(config: &Config) -> Result<ExitCode, CliError> {
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
    let gateway = Gateway::across_cores(config, audit)?;
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
    let served = gateway.serve(listener, ended).await;
    welcome.abort();
    tracing::info!("stopping");
    gateway.stop().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Serves one client on stdin and stdout until it closes them.
pub(super) async fn stdio(config: &Config) -> Result<ExitCode, CliError> {
    let ended = ended()?;
    // Stdout is the client's.
    let audit = AuditConfig {
        stdout: false,
        ..config.audit.clone()
    };
    let audit = Audit::start(&audit).map_err(|error| CliError::Usage(error.to_string()))?;
    let gateway = Gateway::audited(config, audit);
    let served = tokio::select! {
        served = gateway.serve_pipe(tokio::io::stdin(), tokio::io::stdout()) => served,
        () = ended => Ok(()),
    };
    gateway.stop().await;
    served?;
    Ok(ExitCode::SUCCESS)
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
