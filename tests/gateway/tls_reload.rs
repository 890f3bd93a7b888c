//! Certificates are replaced without anybody being sent away.

use std::fs;

use http::Method;

use crate::support::{Authority, Gateway, HttpServer, TLS, notification, within};

async fn serving(authority: &Authority) -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["one"]).await;
    let issued = authority.server();
    let servers = [TLS, &server.table("up")].concat();
    let files = [("cert.pem", &*issued.cert), ("key.pem", &*issued.key)];
    let gateway = Gateway::with_files(&servers, "", &files).await;
    gateway.settled().await;
    (server, gateway)
}

/// Whether a new client that believes only this one is served.
async fn is_of(gateway: &Gateway, authority: &Authority) -> bool {
    let client = gateway.secure(authority.believed(&[], None));
    client.is_served().await
}

/// It is served with a certificate of this one, soon.
async fn becomes_of(gateway: &Gateway, authority: &Authority) {
    let becomes = async { while !is_of(gateway, authority).await {} };
    within("the other certificate", becomes).await;
}

#[tokio::test]
async fn new_connections_get_the_new_certificate_and_an_open_stream_goes_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let (server, gateway) = serving(&old).await;
    gateway.watch();
    let client = gateway.secure(old.believed(&[], None)).open().await;
    let mut stream = client.listen().await;

    new.server().write(gateway.folder());
    becomes_of(&gateway, &new).await;

    assert!(!is_of(&gateway, &old).await);
    server.offer_tools(&["one", "two"]);
    let changed = notification("notifications/tools/list_changed", "{}");
    server.push_own(&changed).await;
    assert!(stream.data().await.contains("list_changed"));
    drop(client);
}

#[tokio::test]
async fn a_pair_that_does_not_fit_changes_nothing_and_is_told_with_the_file() {
    let (old, new) = (Authority::new(), Authority::new());
    let (_server, gateway) = serving(&old).await;
    let issued = new.server();

    // As it is while somebody writes one after the other.
    fs::write(gateway.folder().join("cert.pem"), &issued.cert).unwrap();
    let said = gateway.reload().await.unwrap_err();
    assert!(said.contains("key.pem does not belong to"), "{said}");
    assert!(is_of(&gateway, &old).await);
    let last = gateway.pipeline().metrics.reloads.last().unwrap();
    assert_eq!(last.outcome, "failed");

    fs::write(gateway.folder().join("key.pem"), &issued.key).unwrap();
    gateway.reload().await.unwrap();
    assert!(is_of(&gateway, &new).await);
}

#[tokio::test]
async fn to_begin_or_end_with_tls_needs_a_restart() {
    let authority = Authority::new();
    let (server, gateway) = serving(&authority).await;
    let client = gateway.secure(authority.believed(&[], None)).at("/livez");

    gateway.write("servers.toml", &server.table("up"));
    let reloaded = gateway.reload().await.unwrap();

    assert_eq!(reloaded.needs_restart, ["[gateway] tls"]);
    assert_eq!(client.ask(Method::GET, "").await.status, 200);
    assert!(is_of(&gateway, &authority).await);
}
