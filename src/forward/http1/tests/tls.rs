//! The same over TLS, with a server whose certificate is known here alone.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method as Verb, Uri};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject},
};
use tokio::{sync::oneshot, time};

use super::{
    super::{Connections, Failure, Request},
    DIAL, noticed, whole, within,
};
use crate::forward::trust::tls;

const CERTIFICATE: &[u8] = include_bytes!("../../../../tests/keys/server_certificate.txt");
const KEY: &str = include_str!("../../../../tests/keys/server_pkcs8.txt");

type Stream = StreamOwned<ServerConnection, TcpStream>;

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(CERTIFICATE).unwrap()
}

/// Believes that certificate.
fn believing() -> Connections {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).unwrap();
    let config = ClientConfig::builder_with_provider(default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap();
    Connections::new(
        config.with_root_certificates(roots).with_no_client_auth(),
        DIAL,
    )
}

fn accept(listener: &TcpListener) -> Stream {
    let config = ServerConfig::builder_with_provider(default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap();
    let key = STANDARD.decode(KEY.replace('\n', "")).unwrap();
    let key = PrivatePkcs8KeyDer::from(key).into();
    let config = config.with_no_client_auth();
    let config = config.with_single_cert(vec![certificate()], key).unwrap();
    let session = ServerConnection::new(Arc::new(config)).unwrap();
    StreamOwned::new(session, listener.accept().unwrap().0)
}

/// Answers one request with its own body.
fn echo(stream: &mut Stream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.split("content-length: ").nth(1).unwrap();
    let mut body = vec![0; length.trim_end().parse().unwrap()];
    stream.read_exact(&mut body)?;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

async fn ask(connections: &Connections, uri: &Uri, body: Bytes) -> Result<Bytes, Failure> {
    let request = Request {
        verb: &Verb::POST,
        uri,
        headers: &HeaderMap::new(),
        body: &body,
    };
    let response = within("an answer", connections.send(request)).await?;
    whole(response.body).await.map_err(Failure::Broken)
}

fn listening() -> (TcpListener, Uri) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("https://{}/mcp", listener.local_addr().unwrap());
    (listener, uri.parse().unwrap())
}

#[tokio::test]
async fn over_tls_a_connection_is_used_again_and_its_end_is_seen() {
    let (listener, uri) = listening();
    let (closes, closed) = oneshot::channel();
    let server = thread::spawn(move || {
        let mut first = accept(&listener);
        for _ in 0..3 {
            echo(&mut first).unwrap();
        }
        first.conn.send_close_notify();
        first.flush().unwrap();
        closes.send(()).unwrap();
        // Not closed otherwise before the client is.
        echo(&mut accept(&listener)).unwrap();
        assert_eq!(first.read(&mut [0]).unwrap_or(0), 0);
    });
    let connections = believing();
    let large: Bytes = (0..1024 * 1024).map(|place| (place % 251) as u8).collect();

    for body in [Bytes::from("one"), large, Bytes::from("three")] {
        let read = ask(&connections, &uri, body.clone()).await;
        assert!(read.ok().unwrap() == body, "not what was sent");
    }
    within("the end of the first", closed).await.unwrap();
    noticed().await;
    let read = ask(&connections, &uri, "four".into()).await;

    assert_eq!(read.ok().unwrap(), "four");
    server.join().unwrap();
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    let (listener, uri) = listening();
    let server = thread::spawn(move || echo(&mut accept(&listener)));
    let connections = Connections::new(tls(false).unwrap(), DIAL);

    let read = ask(&connections, &uri, "secret".into()).await;

    assert!(matches!(read, Err(Failure::Unreachable(_))));
    assert!(server.join().unwrap().is_err());
}

#[tokio::test]
async fn a_server_that_never_gets_through_with_tls_has_as_long_as_connecting_may_take() {
    let (_listener, uri) = listening();
    let limit = Duration::from_secs(3);
    let connections = Connections::new(tls(false).unwrap(), limit);
    time::pause();

    let read = ask(&connections, &uri, "hello".into()).await;

    assert!(matches!(read, Err(Failure::Undialled(late)) if late == limit));
}
