//! HTTP/1.1 to one server (RFC 9112).
//!
//! Ours, because this is half of what a call costs: whoever serves the call writes the request and
//! reads the answer itself, so that nobody else has to be woken for it, and of the answer's head
//! only what MCP needs is kept. Addresses and TLS are left to `hyper-util` and `hyper-rustls`.

mod body;
mod connection;
mod head;
mod idle;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method as Verb, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};
use tower_service::Service;

pub(super) use body::Incoming;
use connection::Connection;
use idle::Idle;

/// The connections to one server.
#[derive(Clone)]
pub(super) struct Connections {
    connector: HttpsConnector<HttpConnector>,
    /// How long opening one may take, from its name to the end of TLS.
    limit: Duration,
    idle: Arc<Idle>,
}

/// Of a server's answer, what matters here.
pub(super) struct Response {
    pub(super) status: StatusCode,
    /// `Content-Type`
    pub(super) kind: Option<HeaderValue>,
    /// `Mcp-Session-Id`
    pub(super) session: Option<HeaderValue>,
    /// Whether it has a `Retry-After`.
    pub(super) retry_after: bool,
    pub(super) body: Incoming,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server cannot be reached; it has seen nothing of the request.
    #[error(transparent)]
    Unreachable(Box<dyn std::error::Error + Send + Sync>),
    /// No connection came about in this time; the server has seen nothing of the request.
    #[error("no connection within {0:?}")]
    Undialled(Duration),
    /// The connection broke; what the server has seen is not known.
    #[error(transparent)]
    Broken(io::Error),
}

/// One request.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) verb: &'a Verb,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
}

impl Connections {
    /// None yet; opening one may take no longer than `limit`.
    pub(super) fn new(tls: ClientConfig, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // A share of it for each address that the name has.
        tcp.set_connect_timeout(Some(limit));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self {
            connector,
            limit,
            idle: Arc::default(),
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When the server cannot be reached, or goes away before it has answered.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Response, Failure> {
        while let Some(mut connection) = self.idle.take() {
            match connection.ask(request).await {
                Ok(head) => return Ok(self.answered(head, connection)),
                // It had been closed in the meantime: another one will do.
                Err(failed) if failed.unsent => {}
                Err(failed) => return Err(Failure::Broken(failed.error)),
            }
        }
        self.send_anew(request).await
    }

    /// The same on a connection that is opened for it.
    ///
    /// # Errors
    /// As for [`Connections::send`].
    pub(super) async fn send_anew(&self, request: Request<'_>) -> Result<Response, Failure> {
        let mut connection = self.open(request.uri).await?;
        match connection.ask(request).await {
            Ok(head) => Ok(self.answered(head, connection)),
            Err(failed) if failed.unsent => Err(Failure::Unreachable(failed.error.into())),
            Err(failed) => Err(Failure::Broken(failed.error)),
        }
    }

    /// Opens a connection. Boxed: it is rare, and its future large.
    async fn open(&self, uri: &Uri) -> Result<Connection, Failure> {
        let begun = Instant::now();
        let opening = Box::pin(self.connector.clone().call(uri.clone()));
        match timeout(self.limit, opening).await {
            Ok(Ok(stream)) => Ok(Connection::new(stream)),
            // The last address had what was left of the time.
            Ok(Err(_)) if begun.elapsed() >= self.limit => Err(Failure::Undialled(self.limit)),
            Ok(Err(error)) => Err(Failure::Unreachable(error)),
            Err(_elapsed) => Err(Failure::Undialled(self.limit)),
        }
    }

    fn answered(&self, head: head::Answer, connection: Connection) -> Response {
        Response {
            status: head.status,
            kind: head.kind,
            session: head.session,
            retry_after: head.retry_after,
            body: Incoming::new(connection, head.length, head.rests, &self.idle),
        }
    }
}
