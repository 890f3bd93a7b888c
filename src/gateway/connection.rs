//! One connection, from its first byte to its last.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{HeaderValue, Request, Response, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{
    guests::{Guest, Stay},
    lingering::linger,
    patient::Patient,
    serve::{Door, HEAD},
    timers::Timers,
    tls::{Greeted, Tls, plainly},
    workers::Place,
};
use crate::{accept::body::Body, boxed::boxed, call::ClientCertificate};

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// The other end of a connection.
pub(super) struct Visitor<'a> {
    pub(super) address: IpAddr,
    /// What it has shown to be let in.
    certificate: Option<Arc<ClientCertificate>>,
    pub(super) guest: &'a Guest,
    /// Something has been refused, perhaps before all of it had come.
    refused: AtomicBool,
}

impl Visitor<'_> {
    /// Lets whoever looks at the request see what was shown for its connection.
    pub(super) fn vouch(&self, request: &mut Request<Incoming>) {
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(certificate.clone());
        }
    }

    /// Notes that a request gets this answer, which refuses it. The rest of a large body is not
    /// waited for before another request.
    pub(super) fn refuse(&self, response: &mut Response<Body>, large: bool) {
        self.refused.store(true, Ordering::Relaxed);
        if large {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }
}

impl Door {
    pub(super) async fn connection(
        self: Arc<Self>,
        stream: io::Result<std::net::TcpStream>,
        address: IpAddr,
        (stay, _place): (Stay, Place),
    ) {
        let stream = match stream.and_then(TcpStream::from_std) {
            Ok(stream) => stream,
            Err(error) => return tracing::error!("a connection could not be taken up: {error}"),
        };
        // Answers are small and waited for; an error here is the connection's, seen below.
        drop(stream.set_nodelay(true));
        let metrics = &self.pipeline.metrics;
        metrics.connected();
        let visitor = Visitor {
            address,
            certificate: None,
            guest: &stay.guest,
            refused: AtomicBool::new(false),
        };
        match &self.tls {
            // Two of a kind, rather than one that asks with each byte which it is.
            None => {
                let stream = Patient::new(stream, self.write_timeout);
                self.carry(stream, visitor).await;
            }
            Some(tls) => Box::pin(self.secure(tls, stream, visitor)).await,
        }
        metrics.disconnected();
    }

    /// Carries a connection once it is one over TLS. Who has to go before that is told nothing.
    async fn secure(&self, tls: &Tls, stream: TcpStream, visitor: Visitor<'_>) {
        let greeting = std::pin::pin!(tls.greet(stream, self.write_timeout));
        let Some(greeted) = visitor.guest.stays(greeting).await else {
            return;
        };
        let counted = &self.pipeline.metrics.counted.tls;
        match greeted {
            Greeted::Secured(secured) => {
                counted.greeted("ok");
                let (stream, certificate) = *secured;
                let visitor = Visitor {
                    certificate,
                    ..visitor
                };
                self.carry(stream, visitor).await;
            }
            Greeted::Plain(stream) => {
                counted.greeted("plain");
                tls.note(visitor.address, "the client speaks plain HTTP, or no HTTP");
                plainly(stream).await;
            }
            Greeted::Failed(label, why) => {
                counted.greeted(label);
                tls.note(visitor.address, &why);
            }
        }
    }

    async fn carry<S>(&self, stream: S, visitor: Visitor<'_>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request| boxed(|| self.answer(request, &visitor)));
        let mut builder = http1::Builder::new();
        builder.timer(Timers).header_read_timeout(HEAD);
        builder.max_header_size(LARGEST_HEAD);
        let mut connection = builder.serve_connection(TokioIo::new(stream), service);
        let served = match visitor.guest.stays(Pin::new(&mut connection)).await {
            Some(served) => served,
            None => {
                Pin::new(&mut connection).graceful_shutdown();
                let ended = self.cut.run_until_cancelled(&mut connection).await;
                ended.unwrap_or(Ok(()))
            }
        };
        let unread = match served {
            Ok(()) => visitor.refused.load(Ordering::Relaxed),
            Err(error) => {
                tracing::debug!("a connection broke: {error}");
                // A head that is none has been answered all the same.
                error.is_parse()
            }
        };
        if unread {
            let stream = connection.into_parts().io.into_inner();
            // Boxed, like all that is rare. Who has to go is waited for no longer.
            let mut lingering = Box::pin(linger(stream));
            visitor.guest.stays(lingering.as_mut()).await;
        }
    }
}
