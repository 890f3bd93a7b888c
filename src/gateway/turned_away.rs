//! Connections for which there is no room.

use std::{future::ready, io, net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Request, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{
    guests::Full,
    lingering::linger,
    serve::Door,
    tls::{Greeted, plainly},
};
use crate::{accept::response::json, admin};

/// Those at once that are told why there is none; more are closed.
const AT_ONCE: usize = 256;
/// How long they may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the log says so.
const PAUSE: Duration = Duration::from_secs(10);

/// Those who are turned away.
pub(super) struct TurnedAway {
    room: Arc<Semaphore>,
    logged: Option<Instant>,
}

impl TurnedAway {
    pub(super) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE)),
            logged: None,
        }
    }

    /// Another one. Nothing where too many are being told already.
    pub(super) fn tell(&mut self, from: IpAddr, full: Full) -> Option<OwnedSemaphorePermit> {
        if self.logged.is_none_or(|logged| logged.elapsed() >= PAUSE) {
            self.logged = Some(Instant::now());
            let setting = full.setting();
            tracing::warn!(address = %from, "a connection finds no room ([gateway] {setting})");
        }
        self.room.clone().try_acquire_owned().ok()
    }
}

impl Door {
    /// Where there is no room: one answer, so that the client learns why.
    pub(super) async fn turn_away(&self, stream: TcpStream, full: Full) {
        self.pipeline.metrics.turned_away(full.setting());
        // Whoever does not even ask within this time need not be told.
        let told = timeout(PATIENCE, async {
            let Some(tls) = &self.tls else {
                return self.tell(stream, full).await;
            };
            match tls.greet(stream, PATIENCE).await {
                Greeted::Secured(secured) => self.tell(secured.0, full).await,
                Greeted::Plain(stream) => plainly(stream).await,
                Greeted::Failed(..) => {}
            }
        });
        drop(told.await);
    }

    async fn tell<S>(&self, stream: S, full: Full)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request: Request<Incoming>| {
            // Nobody is to restart a gateway because it has much to do.
            let mut response = match request.uri().path() {
                "/livez" => admin::probe(&self.pipeline, "/livez", request.method()),
                _ => json(StatusCode::SERVICE_UNAVAILABLE, full.words().into()),
            };
            let headers = response.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            self.cors
                .mark(request.headers().get(header::ORIGIN), headers);
            ready(Ok::<_, io::Error>(response))
        });
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        if (&mut connection).await.is_ok() {
            linger(connection.into_parts().io.into_inner()).await;
        }
    }
}
