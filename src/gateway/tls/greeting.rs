//! The handshake, and those who do not get through it.

use std::{future::ready, io, pin::pin, sync::Arc, time::Duration};

use http::{HeaderValue, Request, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{AlertDescription, Error};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Material, Tls};
use crate::{
    accept::response::json,
    call::ClientCertificate,
    gateway::{lingering::linger, patient::Patient},
};

/// What each handshake begins with.
const HANDSHAKE: u8 = 22;
/// How long those may stay, and how much they may still send, who are told that they fail.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: u64 = 64 * 1024;
/// How long somebody may take to ask who speaks no TLS.
const PLAIN: Duration = Duration::from_secs(5);

/// A connection over TLS, and the certificate that its client has shown.
pub(in crate::gateway) type Secured = (
    TlsStream<Patient<TcpStream>>,
    Option<Arc<ClientCertificate>>,
);

/// What has come of a handshake.
pub(in crate::gateway) enum Greeted {
    /// It is done.
    Secured(Box<Secured>),
    /// The client speaks no TLS.
    Plain(TcpStream),
    /// It has come to nothing: a metric label, and why in words.
    Failed(&'static str, String),
}

impl Tls {
    /// Makes the connection one over TLS. `patience` is for what it takes from us.
    pub(in crate::gateway) async fn greet(&self, stream: TcpStream, patience: Duration) -> Greeted {
        let material = self.material();
        let limit = material.handshake_timeout;
        let greeted = timeout(limit, greet(&material, stream, patience)).await;
        greeted.unwrap_or_else(|_elapsed| {
            let words = format!("it has not ended within {limit:?} (handshake_timeout)");
            Greeted::Failed("timeout", words)
        })
    }

    /// Logs a handshake that has come to nothing, unless too many do.
    pub(in crate::gateway) fn note(&self, from: std::net::IpAddr, why: &str) {
        match self.may_say() {
            true => tracing::info!(address = %from, "no TLS handshake ([gateway.tls]): {why}"),
            false => tracing::debug!(address = %from, "no TLS handshake: {why}"),
        }
    }
}

async fn greet(material: &Material, stream: TcpStream, patience: Duration) -> Greeted {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(0) => return Greeted::Failed("gone", "the client has said nothing".to_owned()),
        Ok(_) if first == [HANDSHAKE] => {}
        Ok(_) => return Greeted::Plain(stream),
        Err(error) => return Greeted::Failed("gone", error.to_string()),
    }
    let acceptor = TlsAcceptor::from(material.server.clone());
    let accepting = acceptor.accept(Patient::new(stream, patience));
    match accepting.into_fallible().await {
        Ok(stream) => {
            let shown = stream.get_ref().1.peer_certificates();
            let authorities = material.authorities.as_ref();
            let shown = shown.zip(authorities).map(|(chain, authorities)| {
                Arc::new(ClientCertificate::new(chain, authorities.number()))
            });
            Greeted::Secured(Box::new((stream, shown)))
        }
        Err((error, stream)) => {
            let (label, words) = reason(&error);
            take_leave(stream).await;
            Greeted::Failed(label, words)
        }
    }
}

/// Lets the client read why before the connection is closed: what it has sent and nobody has read
/// would take that from it.
async fn take_leave(mut stream: Patient<TcpStream>) {
    let end = Instant::now() + FAREWELL;
    let leave = async {
        stream.shutdown().await?;
        let mut rest = pin!(stream.take(FAREWELL_BYTES));
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    drop(timeout_at(end, leave).await);
}

/// A metric label, and words for who runs the gateway.
fn reason(error: &io::Error) -> (&'static str, String) {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<Error>());
    let Some(cause) = cause else {
        return ("gone", error.to_string());
    };
    let hint = |hint: &str| format!("{cause}: {hint}");
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "theirs; each has its own words"
    )]
    match cause {
        Error::NoCertificatesPresented => (
            "client_certificate",
            hint("the client has shown no certificate, and `client_auth` requires one"),
        ),
        Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => (
            "client_certificate",
            hint("the client's certificate is not accepted (`client_ca`, `client_crl`)"),
        ),
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired,
        ) => (
            "own_certificate",
            hint("the client does not trust the gateway's certificate (`cert`)"),
        ),
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => (
            "incompatible",
            hint("TLS 1.2 and 1.3 are spoken, and HTTP/1.1 within"),
        ),
        _ => ("failed", cause.to_string()),
    }
}

/// Tells somebody who speaks HTTP that HTTPS is spoken here.
pub(in crate::gateway) async fn plainly(stream: TcpStream) {
    let service = service_fn(|_request: Request<Incoming>| {
        let words = br#"{"error":"This port speaks HTTPS: the URL has to begin with https://"}"#;
        let mut response = json(StatusCode::BAD_REQUEST, words[..].into());
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        ready(Ok::<_, io::Error>(response))
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let told = async {
        if (&mut connection).await.is_ok() {
            linger(connection.into_parts().io.into_inner()).await;
        }
    };
    drop(timeout(PLAIN, told).await);
}
