//! The HTTP listener: connections up to a cap, each served until it closes or we do.

use std::{io, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{DRAIN, GatewayConfig};
use crate::{
    accept::{
        Origins,
        body::Body,
        http::Endpoint,
        response::{json, status},
    },
    admin,
    pipeline::Pipeline,
};

/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(30);

/// What every connection shares.
struct Door {
    pipeline: Arc<Pipeline>,
    endpoint: Endpoint,
    closing: CancellationToken,
}

pub(super) async fn serve(
    pipeline: &Arc<Pipeline>,
    config: &GatewayConfig,
    listener: TcpListener,
    until: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let origins = Origins::new(address, &config.allowed_hosts, &config.allowed_origins);
    let door = Arc::new(Door {
        pipeline: pipeline.clone(),
        endpoint: Endpoint::new(pipeline.clone(), origins, config.max_message),
        closing: CancellationToken::new(),
    });
    let room = Arc::new(Semaphore::new(config.max_connections));
    let connections = TaskTracker::new();
    tokio::pin!(until);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: others will close.
                    tracing::error!("a connection could not be accepted: {error}");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut until => break,
        };
        match room.clone().try_acquire_owned() {
            Ok(permit) => connections.spawn(door.clone().connection(stream, permit)),
            Err(_full) => connections.spawn(turn_away(stream)),
        };
    }
    drop(listener);
    door.closing.cancel();
    door.endpoint.close();
    for session in pipeline.sessions.all() {
        session.close();
    }
    connections.close();
    if timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!("calls in flight are cut off");
    }
    Ok(())
}

impl Door {
    async fn connection(self: Arc<Self>, stream: TcpStream, permit: OwnedSemaphorePermit) {
        // Answers are small and waited for; an error here is the connection's, seen below.
        drop(stream.set_nodelay(true));
        let metrics = &self.pipeline.metrics;
        metrics.connected();
        let service = service_fn(|request| self.route(request));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!("a connection broke: {error}");
        }
        metrics.disconnected();
        drop(permit);
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        Ok(match (request.uri().path(), request.method()) {
            ("/mcp" | "/", _) => Box::pin(self.endpoint.serve(request)).await,
            ("/sse", _) => self.endpoint.sse(&request),
            ("/messages", _) => Box::pin(self.endpoint.messages(request)).await,
            ("/health", &Method::GET) => admin::health(&self.pipeline),
            ("/metrics", &Method::GET) => admin::metrics(&self.pipeline),
            ("/health" | "/metrics", _) => status(StatusCode::METHOD_NOT_ALLOWED),
            _ => status(StatusCode::NOT_FOUND),
        })
    }
}

/// Beyond `max_connections`: one answer, so that the client learns why.
async fn turn_away(stream: TcpStream) {
    let service = service_fn(|_request: Request<Incoming>| async {
        let words = br#"{"error":"Server at capacity"}"#;
        let mut response = json(StatusCode::SERVICE_UNAVAILABLE, words.as_slice().into());
        response
            .headers_mut()
            .insert("connection", http::HeaderValue::from_static("close"));
        Ok::<_, io::Error>(response)
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Whoever does not even ask within this time need not be told.
    drop(timeout(Duration::from_secs(5), served).await);
}
