//! The HTTP listener: connections up to a cap, each served until it closes or we do.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    GatewayConfig, connection::Visitor, guests::Guests, tls::Tls, turned_away::TurnedAway,
    workers::Workers,
};
use crate::{
    accept::{
        Cors, Origins, body::Body, http::Endpoint, is_large, metadata::WELL_KNOWN, plain::Wish,
        response::status,
    },
    admin,
    boxed::boxed,
    call::{Extent, ServerName},
    pipeline::Pipeline,
};

/// How long a client may take to send the head of a request.
pub(super) const HEAD: Duration = Duration::from_secs(30);

/// What every connection shares.
pub(super) struct Door {
    pub(super) pipeline: Arc<Pipeline>,
    endpoint: Endpoint,
    pub(super) cors: Cors,
    guests: Arc<Guests>,
    pub(super) write_timeout: Duration,
    /// Absent: HTTP is spoken.
    pub(super) tls: Option<Arc<Tls>>,
    /// The time for calls in flight is over.
    pub(super) cut: CancellationToken,
}

/// How long connections that are cut off may take to notice.
const CUT: Duration = Duration::from_secs(1);

pub(super) async fn serve(
    pipeline: &Arc<Pipeline>,
    (config, tls): (&GatewayConfig, Option<Arc<Tls>>),
    (listener, workers): (TcpListener, &Workers),
    until: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let metrics = &pipeline.metrics;
    metrics.bounded(config.max_connections, config.max_buffered());
    let door = Arc::new(Door::new(pipeline, (config, tls), address));
    let connections = TaskTracker::new();
    let mut turned_away = TurnedAway::new();
    tokio::pin!(until);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: others will close.
                    tracing::error!("a connection could not be accepted: {error}");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut until => break,
        };
        let (peer, trusted) = (peer.ip(), door.trusts(peer.ip()));
        let start = {
            let (door, connections, place) = (door.clone(), connections.clone(), workers.place());
            move |stream: TcpStream, stay| {
                // Let go here, to be taken up by the worker's runtime.
                let (stream, runtime) = (stream.into_std(), place.runtime.clone());
                connections.spawn_on(door.connection(stream, peer, (stay, place)), &runtime);
            }
        };
        let full = match door.guests.enter(peer, trusted) {
            Ok(stay) => {
                start(stream, stay);
                continue;
            }
            Err(full) => full,
        };
        let Some(told) = turned_away.tell(peer, full) else {
            metrics.turned_away(full.setting());
            continue;
        };
        let door = door.clone();
        connections.spawn(async move {
            let _told = told;
            match door.guests.instead(peer, trusted, full).await {
                Ok(stay) => start(stream, stay),
                Err(full) => door.turn_away(stream, full).await,
            }
        });
    }
    pipeline.stopping.cancel();
    drop(listener);
    tracing::info!(
        "no longer listening; calls in flight have {:?} ([gateway] drain)",
        config.drain
    );
    door.drain(&connections, config.drain).await;
    Ok(())
}

impl Door {
    fn new(
        pipeline: &Arc<Pipeline>,
        (config, tls): (&GatewayConfig, Option<Arc<Tls>>),
        address: SocketAddr,
    ) -> Self {
        let origins = Origins::new(address, &config.allowed_hosts, &config.allowed_origins);
        let origins = origins.and(&config.cors_origins);
        Self {
            pipeline: pipeline.clone(),
            endpoint: Endpoint::new(
                pipeline.clone(),
                origins,
                config.max_message,
                config.refuse_with_status,
            )
            .at(config.public_url.clone())
            .over(if tls.is_some() { "https" } else { "http" })
            .holding(config.max_buffered()),
            cors: Cors::new(&config.cors_origins),
            guests: Guests::new(config),
            write_timeout: config.write_timeout,
            tls,
            cut: CancellationToken::new(),
        }
    }

    /// Ends what nobody waits for, and lets calls in flight finish for so long.
    async fn drain(&self, connections: &TaskTracker, patience: Duration) {
        self.guests.dismiss();
        self.endpoint.close();
        for session in self.pipeline.sessions.all() {
            // An answer that streams is a call in flight; it goes on.
            session.outbox.close();
        }
        connections.close();
        if timeout(patience, connections.wait()).await.is_ok() {
            return;
        }
        let open = connections.len();
        tracing::warn!(
            connections = open,
            "calls in flight are cut off: they took longer than {patience:?} ([gateway] drain)"
        );
        self.cut.cancel();
        // So that each leaves its record before the audit log closes.
        drop(timeout(CUT, connections.wait()).await);
    }

    /// Whether many stand behind an address.
    fn trusts(&self, peer: IpAddr) -> bool {
        let policy = self.pipeline.plan().policy.clone();
        let trusted = &policy.credentials.trusted;
        policy.proxies.contains(peer) || trusted.iter().any(|trusted| trusted.trusts(peer))
    }

    pub(super) async fn answer(
        &self,
        mut request: Request<Incoming>,
        visitor: &Visitor<'_>,
    ) -> Result<Response<Body>, io::Error> {
        visitor.guest.asks();
        visitor.vouch(&mut request);
        let large = is_large(request.body());
        let origin = self.cors.origin(request.headers());
        let mut response = match self.cors.preflight(&request) {
            Some(response) => response,
            None => self.route(request, visitor.address).await,
        };
        self.cors.mark(origin.as_ref(), response.headers_mut());
        if response.status().as_u16() >= 400 {
            visitor.refuse(&mut response, large);
        }
        // Nobody hears when a stream is over: then it is idle when the next answer is.
        if !response.body().streams() {
            visitor.guest.rests();
        }
        Ok(response)
    }

    async fn route(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        if let Some(path) = request.uri().path().strip_prefix(WELL_KNOWN) {
            return match extent(path) {
                (Extent::All, "") | (_, "/mcp" | "/sse" | "/") => {
                    self.endpoint.metadata(&request, peer, path)
                }
                _ => status(StatusCode::NOT_FOUND),
            };
        }
        let (extent, path) = extent(request.uri().path());
        match (path, request.method()) {
            ("/mcp", _) => boxed(|| self.endpoint.serve(request, peer, extent)).await,
            ("/mcp/tools", _) => self.plain(request, (peer, extent), Wish::Tools).await,
            ("/mcp/call-tool" | "/mcp/tools/call", _) => {
                self.plain(request, (peer, extent), Wish::Call).await
            }
            ("/sse", _) => Box::pin(self.endpoint.sse(&request, peer, extent)).await,
            ("/messages", _) => Box::pin(self.endpoint.messages(request, peer)).await,
            ("/", _) => Box::pin(self.endpoint.serve(request, peer, extent)).await,
            _ if extent != Extent::All => status(StatusCode::NOT_FOUND),
            ("/livez" | "/readyz", verb) => admin::probe(&self.pipeline, path, verb),
            ("/health" | "/metrics", &Method::GET | &Method::HEAD) => {
                match Box::pin(self.endpoint.probe(&request, peer)).await {
                    Ok(probe) if path == "/health" => admin::health(&self.pipeline, probe.known),
                    Ok(probe) if probe.scrapes => admin::metrics(&self.pipeline),
                    Ok(_) => self.endpoint.unmeasured(),
                    Err(refused) => *refused,
                }
            }
            ("/health" | "/metrics", _) => admin::not_allowed(),
            ("/stats", _) => match Box::pin(self.endpoint.overseer(&request, peer)).await {
                Ok(()) => admin::stats(&self.pipeline),
                Err(refused) => *refused,
            },
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    async fn plain(
        &self,
        request: Request<Incoming>,
        from: (IpAddr, Extent),
        wish: Wish,
    ) -> Response<Body> {
        Box::pin(self.endpoint.plain(request, from, wish)).await
    }
}

/// The part of the gateway that a path leads to, and the rest of the path.
fn extent(path: &str) -> (Extent, &str) {
    let part = |prefix: &str| {
        let rest = path.strip_prefix(prefix)?;
        rest.find('/').map(|slash| rest.split_at(slash))
    };
    if let Some((name, rest)) = part("/v/") {
        return (Extent::View(name.into()), rest);
    }
    let server = part("/s/").and_then(|(name, rest)| {
        let name = ServerName::try_from(name.to_owned()).ok()?;
        Some((Extent::Server(name), rest))
    });
    server.unwrap_or((Extent::All, path))
}
