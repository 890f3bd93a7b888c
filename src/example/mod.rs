//! The built-in example server: something to put behind the gateway on the first day.
//!
//! It speaks the revisions up to 2025-11-25 and has one of everything they have: `tools` a
//! newcomer enjoys, then what the official conformance suite asks of a server. That is every
//! kind of `content`, messages sent while a call runs (`notify`), questions to the client (`ask`,
//! with its `forms`), `resources` and `prompts`. `server` ties them together.
#![expect(
    deprecated,
    reason = "logging, sampling and subscriptions as 2025-11-25 has them: later revisions do not"
)]

mod ask;
mod content;
mod forms;
mod http;
mod notify;
mod prompts;
mod resources;
mod server;
mod tools;

use std::io;

use rmcp::{
    ServiceExt,
    service::{QuitReason, ServerInitializeError},
    transport::stdio,
};

use server::Example;

pub use http::serve_http;

/// Why the example server stopped, when nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum ExampleError {
    /// The listening socket cannot say where it listens.
    #[error("cannot read the address of the listening socket")]
    Listener(#[source] io::Error),
    /// What came on standard input was not an MCP handshake.
    #[error("the client did not complete the handshake")]
    Handshake(#[source] Box<ServerInitializeError>),
    /// The task serving the client panicked.
    #[error("the server's task broke off")]
    Task(#[source] tokio::task::JoinError),
}

/// Serves one client on standard input and output, until the input ends.
///
/// # Errors
///
/// When the first message is not a handshake, or the serving task panics.
pub async fn serve_stdio() -> Result<(), ExampleError> {
    let service = match Example::new().serve(stdio()).await {
        Ok(service) => service,
        // A client that leaves before it said anything is not a failure.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ExampleError::Handshake(Box::new(error))),
    };
    match service.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(ExampleError::Task(error)),
        Ok(_) => Ok(()),
    }
}
