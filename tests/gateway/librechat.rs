//! What LibreChat does, which is an SDK client with habits of its own.

use http::{Method, StatusCode};

use crate::support::{Answer, Gateway, HttpServer, SseClient, initialize, notification, request};

const KEYS: [(&str, &str); 2] = [("one", "key-one"), ("two", "key-two")];

#[tokio::test]
async fn before_anything_it_asks_without_credentials_whether_it_is_oauth() {
    let gateway = Gateway::with_keys("", &KEYS).await;
    for path in ["/mcp", "/sse"] {
        let client = gateway.client().at(path);
        let head = client.ask(Method::HEAD, "").await;
        assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(!head.headers.contains_key("www-authenticate"));
    }
    let post = gateway.client().post("{}").await;
    assert_eq!(post.status, StatusCode::UNAUTHORIZED);
    assert!(!post.headers.contains_key("www-authenticate"));
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-authorization-server",
    ] {
        let reply = gateway.client().at(path).ask(Method::GET, "").await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_one_it_does_without() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let early = gateway.client().ask(Method::GET, "").await;
    assert_eq!(early.status, StatusCode::METHOD_NOT_ALLOWED);
    let stale = gateway.client().with("mcp-session-id", "gone");
    assert_eq!(
        stale.ask(Method::GET, "").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(client.call("up__echo", "{}").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_stale_session_is_told_so_and_a_new_one_opens() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let stale = gateway
        .client()
        .with("mcp-session-id", "of-an-earlier-gateway");
    let reply = stale.post(request("1", "tools/list", "{}")).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    // It may still send the stale id along.
    let opened = stale.post(initialize("2025-06-18")).await;
    assert_eq!(opened.status, StatusCode::OK);
    let id = opened.header("mcp-session-id");
    assert_ne!(id, "of-an-earlier-gateway");
    let client = gateway.client().with("mcp-session-id", id);
    client
        .post(notification("notifications/initialized", "{}"))
        .await;
    assert_eq!(client.call("up__echo", "{}").await.status, StatusCode::OK);
}

#[tokio::test]
async fn it_never_says_goodbye_and_its_sessions_end_of_idleness() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::start(&format!(
        "[gateway]\nsession_idle = \"1ms\"\n{}",
        server.table("up")
    ))
    .await;
    gateway.settled().await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await;
    let theirs = server.heard_of("tools/call")[0].session().to_owned();
    // The sweep comes each five seconds.
    assert_eq!(server.hears_delete().await.session(), theirs);
    let reply = client.call("up__echo", "{}").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn credentials_are_read_on_each_request() {
    let gateway = Gateway::with_keys("", &KEYS).await;
    let one = gateway.client().with("x-api-key", KEYS[0].1).open().await;
    assert_eq!(one.request("ping", "{}").await.status, StatusCode::OK);
    let bare = one.clone().without("x-api-key");
    assert_eq!(
        bare.request("ping", "{}").await.status,
        StatusCode::UNAUTHORIZED
    );
    let two = bare.with("x-api-key", KEYS[1].1);
    assert_eq!(
        two.request("ping", "{}").await.status,
        StatusCode::NOT_FOUND
    );

    let client = gateway.client().with("authorization", "Bearer key-one");
    let client = SseClient::of(client)
        .await
        .initialize("2024-11-05", "{}")
        .await;
    let bare = client.posts.clone().without("authorization");
    assert_eq!(
        bare.request("ping", "{}").await.status,
        StatusCode::UNAUTHORIZED
    );
    let two = bare.with("authorization", "Bearer key-two");
    assert_eq!(
        two.request("ping", "{}").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn both_of_its_transports_see_the_same() {
    let server = HttpServer::with_tools(&["echo"]).await;
    server.on("tools/call", |heard| {
        Answer::result(heard, r#"{"content":[ ]}"#)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let http = gateway.client().open_as("2025-03-26").await;
    let mut sse = gateway.sse().await.initialize("2025-03-26", "{}").await;
    for (method, params) in [
        ("tools/list", "{}"),
        ("prompts/list", "{}"),
        ("ping", "{}"),
        ("tools/call", r#"{"name":"up__echo"}"#),
        ("tools/call", r#"{"name":"none"}"#),
    ] {
        let there = http.request(method, params).await;
        assert_eq!(sse.ask("1", method, params).await, there.text(), "{method}");
    }
}
