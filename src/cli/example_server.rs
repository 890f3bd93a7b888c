//! `example`.

use std::{net::SocketAddr, process::ExitCode};

use tokio::net::TcpListener;

use super::{CliError, log};
use crate::example;

/// Serves over HTTP at that address, or on stdin and stdout.
pub(super) async fn run(http: Option<SocketAddr>) -> Result<ExitCode, CliError> {
    let Some(address) = http else {
        example::serve_stdio().await?;
        return Ok(ExitCode::SUCCESS);
    };
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| CliError::Listen(address, error))?;
    log::say(&format!(
        "example server on http://{}/mcp",
        listener.local_addr()?
    ));
    example::serve_http(listener).await?;
    Ok(ExitCode::SUCCESS)
}
