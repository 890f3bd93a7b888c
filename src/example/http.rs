//! The example server over streamable HTTP.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, BodyStream, Empty, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService,
    streamable_http_server::session::local::LocalSessionManager,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{ExampleError, server::Example};

/// What a client whose stream ended is told to wait before it comes back.
pub(super) const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// A session this long without a message ends, even in the middle of a call: rmcp does not count
/// calls. So it must be longer than the longest `wait`.
const SESSION_IDLE: Duration = Duration::from_secs(15 * 60);

type Service = StreamableHttpService<Example, LocalSessionManager>;

/// The response being written to a request: a tool can end it before its answer is in it.
#[derive(Clone, Default)]
pub(super) struct ResponseStream(CancellationToken);

impl ResponseStream {
    /// Ends the stream. The client fetches the rest with `Last-Event-ID`.
    pub(super) fn end(&self) {
        self.0.cancel();
    }
}

/// Serves everybody who connects to `listener`, at `/mcp`, until the process ends.
///
/// # Errors
///
/// When the listener cannot tell its address.
pub async fn serve_http(listener: TcpListener) -> Result<(), ExampleError> {
    let address = listener.local_addr().map_err(ExampleError::Listener)?;
    let service = service(&address.ip().to_string());
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                tokio::spawn(serve_connection(connection, service.clone()));
            }
            Err(error) => {
                // Out of file descriptors, mostly: wait for some connections to close.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn service(own_host: &str) -> Service {
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.sse_retry = Some(RECONNECT_AFTER);
    sessions.session_config.keep_alive = Some(SESSION_IDLE);
    let config = StreamableHttpServerConfig::default()
        .with_sse_retry(Some(RECONNECT_AFTER))
        // A web page that rebinds its name to this address must not get in.
        .with_allowed_hosts(["localhost", "127.0.0.1", "::1", own_host])
        .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]);
    StreamableHttpService::new(|| Ok(Example::new()), Arc::new(sessions), config)
}

async fn serve_connection(connection: TcpStream, service: Service) {
    // An answer is several small writes: Nagle's algorithm would add 40 ms to each.
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch Nagle's algorithm off");
    }
    let answer = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(&service, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(connection), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection broke off");
    }
}

async fn answer(
    service: &Service,
    mut request: Request<Incoming>,
) -> Response<BoxBody<Bytes, Infallible>> {
    if request.uri().path() != "/mcp" {
        let mut response = Response::new(Empty::new().boxed());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let stream = ResponseStream::default();
    request.extensions_mut().insert(stream.clone());
    let response = service.handle(request).await;
    let kind = response.headers().get(CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != "text/event-stream") {
        return response;
    }
    response.map(|body| {
        let frames = BodyStream::new(body).take_until(stream.0.cancelled_owned());
        BodyExt::boxed(StreamBody::new(frames))
    })
}
