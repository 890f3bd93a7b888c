//! A remote server without a stream of its own is asked now and then whether it is still there.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Answer, Gate, Gateway, HttpServer};

const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// A gateway that asks each server all the time.
async fn watchful(servers: &[(&str, &HttpServer)]) -> Gateway {
    let often = "check_interval = \"10ms\"\nconnect_timeout = \"2s\"\n";
    let tables = servers
        .iter()
        .map(|(name, server)| server.table(name) + often);
    let gateway = Gateway::start(&tables.collect::<String>()).await;
    gateway.settled().await;
    gateway
}

async fn streamless() -> HttpServer {
    HttpServer::with_tools(&["a"]).await.without_streams()
}

/// One of 2026-07-28 that has no stream either.
async fn modern_streamless() -> HttpServer {
    let server = HttpServer::modern(&["a"]).await;
    server.on("subscriptions/listen", |_| Answer::status(405));
    server
}

/// Waits until it has been asked so often.
async fn asked(server: &HttpServer, method: &'static str, count: usize) {
    let asked = |heard: &crate::support::Heard| heard.method() == method;
    server.nth(method, count, asked).await;
}

#[tokio::test]
async fn a_server_without_a_stream_that_forgets_the_gateway_is_joined_again() {
    let server = streamless().await;
    let gateway = watchful(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;

    server.offer_tools(&["b"]);
    server.forget("s-1");

    assert_eq!(stream.data().await, CHANGED);
    assert_eq!(client.list("tools").await, ["up__b"]);
    let fetch = server.heard_of("tools/list").pop().unwrap();
    assert_eq!(fetch.session(), "s-2");
}

#[tokio::test]
async fn a_server_without_a_stream_that_goes_away_is_down_and_joined_again_when_it_is_back() {
    let kinds = [
        streamless().await,
        streamless().await.without_sessions(),
        modern_streamless().await,
    ];
    for server in kinds {
        let gateway = watchful(&[("up", &server)]).await;
        let client = gateway.session().await;
        let mut stream = client.listen().await;

        let port = server.leaves().await;
        gateway.loses("up").await;
        let error = gateway.state("up").error.unwrap();
        assert!(error.contains("refused"), "{error}");
        let server = port.serve();
        server.offer_tools(&["b"]);

        assert_eq!(stream.data().await, CHANGED);
        assert_eq!(client.list("tools").await, ["up__b"]);
        assert_eq!(gateway.state("up").state, "up");
    }
}

#[tokio::test]
async fn a_server_without_a_stream_that_answers_no_more_is_opened_again() {
    type Way = fn() -> Answer;
    let ways: [Way; 2] = [
        || Answer::status(204).held(&Gate::default()),
        // So says a proxy whose server is gone.
        || Answer::status(503),
    ];
    for way in ways {
        let server = streamless().await;
        server.on("ping", move |_| way());
        let _gateway = watchful(&[("up", &server)]).await;
        asked(&server, "initialize", 2).await;
    }
}

#[tokio::test]
async fn a_server_that_knows_no_ping_is_there() {
    type Way = fn(String) -> Answer;
    let ways: [Way; 3] = [
        Answer::json,
        |error| Answer::body(404, "application/json", error),
        |_| Answer::status(400),
    ];
    for way in ways {
        let server = streamless().await;
        server.on("ping", move |heard| {
            way(heard.error(r#"{"code":-32601,"message":"no such method"}"#))
        });
        let gateway = watchful(&[("up", &server)]).await;
        asked(&server, "ping", 3).await;
        assert_eq!(gateway.state("up").state, "up");
        assert_eq!(server.heard_of("initialize").len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_once_is_not_the_end_of_the_server() {
    let server = streamless().await;
    let count = AtomicUsize::new(0);
    server.on("ping", move |heard| {
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::json("{").breaking(),
            _ => Answer::result(heard, "{}"),
        }
    });
    let _gateway = watchful(&[("up", &server)]).await;

    asked(&server, "ping", 3).await;
    assert_eq!(server.heard_of("initialize").len(), 1);
}

#[tokio::test]
async fn a_server_with_a_stream_is_not_asked() {
    let (mute, stateless) = (streamless().await, modern_streamless().await);
    let (speaks, listens) = (
        HttpServer::with_tools(&["a"]).await,
        HttpServer::modern(&["a"]).await,
    );
    let servers = [
        ("mute", &mute),
        ("stateless", &stateless),
        ("speaks", &speaks),
        ("listens", &listens),
    ];
    let _gateway = watchful(&servers).await;

    asked(&mute, "ping", 5).await;
    asked(&stateless, "server/discover", 5).await;
    assert_eq!(speaks.heard_of("ping").len(), 0);
    assert_eq!(listens.heard_of("server/discover").len(), 1);
    assert_eq!(stateless.heard_of("ping").len(), 0);
}

#[tokio::test]
async fn a_call_that_finds_its_session_forgotten_has_the_lists_fetched_again() {
    let server = streamless().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    client.call("up__a", "{}").await;

    server.offer_tools(&["b"]);
    server.forget("s-1");
    server.forget("s-2");
    let reply = client.call("up__a", "{}").await;

    assert_eq!(reply.answer()["result"]["name"], "a");
    assert_eq!(stream.data().await, CHANGED);
    assert_eq!(client.list("tools").await, ["up__b"]);
}
