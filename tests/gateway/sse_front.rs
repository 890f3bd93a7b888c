//! The legacy transport in front: one stream, and POSTs that belong to it.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    Answer, Gate, Gateway, HttpServer, SseClient, call, initialize, notification, request,
};

#[tokio::test]
async fn the_first_event_names_the_address_and_nothing_buffers_the_stream() {
    let gateway = Gateway::start("").await;
    let client = gateway.sse().await;

    let endpoint = "event: endpoint\ndata: /messages?session_id=";
    let id = client.first.strip_prefix(endpoint).unwrap();
    assert!(id.len() >= 32, "{id}");
    assert_eq!(client.headers["x-accel-buffering"], "no");
    assert_eq!(client.headers["cache-control"], "no-cache");
    let other = gateway.sse().await;
    assert_ne!(client.first, other.first);
}

#[tokio::test]
async fn a_post_is_taken_and_its_answer_comes_on_the_stream() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let mut client = gateway.sse().await;

    let answer = client.ask(r#""i\/1""#, "ping", "{}").await;
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":"i\/1","result":{}}"#);
    let answer = client.ask("1", "tools/list", "{}").await;
    assert!(answer.contains(r#""error""#), "before initialize: {answer}");

    client.say(&initialize("2024-11-05")).await;
    let greeting: Value = serde_json::from_str(&client.answer("0").await).unwrap();
    assert_eq!(greeting["result"]["protocolVersion"], "2024-11-05");
    let answer = client
        .ask("2", "tools/call", r#"{"name":"up__echo"}"#)
        .await;
    assert_eq!(
        answer,
        r#"{"jsonrpc":"2.0","id":2,"result":{"name":"echo"}}"#
    );
}

#[tokio::test]
async fn an_unknown_and_a_foreign_stream_are_refused_in_the_same_words() {
    let keys = [("alice", "key-of-alice"), ("bob", "key-of-bob")];
    let gateway = Gateway::with_keys("", &keys).await;
    let alice = gateway.client().with("x-api-key", "key-of-alice");
    let mut alice = SseClient::of(alice).await;
    let bob = alice.posts.clone().without("x-api-key");
    let stranger = bob.post(request("1", "ping", "{}")).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);

    let bob = bob.with("x-api-key", "key-of-bob");
    let foreign = bob.post(request("1", "ping", "{}")).await;
    let unknown = bob.clone().at("/messages?session_id=0");
    let unknown = unknown.post(request("1", "ping", "{}")).await;
    let without = bob.at("/messages").post(request("1", "ping", "{}")).await;
    for refused in [&foreign, &unknown, &without] {
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
        assert_eq!(refused.text(), unknown.text());
    }
    // Nothing of it has reached the stream.
    let answer = alice.ask("2", "ping", "{}").await;
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":2,"result":{}}"#);

    let nobody = gateway.client().at("/sse").ask(Method::GET, "").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let head = gateway.client().at("/sse").ask(Method::HEAD, "").await;
    assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn what_is_no_message_is_refused_at_its_post() {
    let gateway = Gateway::start("").await;
    let client = gateway.sse().await;
    for (body, code) in [("{", -32700), ("{}", -32600), ("[]", -32600), ("", -32700)] {
        let refused = client.post(body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.error().0, code, "{body}");
    }
}

#[tokio::test]
async fn only_the_revision_with_batches_has_batches() {
    let gateway = Gateway::start("").await;
    let batch = format!(
        "[{},{},{}]",
        request("1", "ping", "{}"),
        notification("notifications/x", "{}"),
        request("2", "ping", "{}"),
    );
    for (revision, expected) in [
        ("2024-11-05", 400),
        ("2025-03-26", 202),
        ("2025-11-25", 400),
    ] {
        let mut client = gateway.sse().await.initialize(revision, "{}").await;
        let posted = client.post(&batch).await;
        assert_eq!(posted.status, expected, "{revision}");
        if expected == 202 {
            let answers = client.message().await;
            assert_eq!([&answers[0]["id"], &answers[1]["id"]], [1, 2]);
        }
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_session() {
    let server = HttpServer::with_tools(&["echo", "hold"]).await;
    let gate = Gate::default();
    server.on("tools/call", move |heard| match heard.param("name") {
        name if name == "hold" => Answer::result(heard, "{}").held(&gate),
        _ => Answer::result(heard, "{}"),
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let mut client = gateway.sse().await.initialize("2025-06-18", "{}").await;
    client
        .ask("1", "tools/call", r#"{"name":"up__echo"}"#)
        .await;
    client.say(&call("2", "up__hold", "{}")).await;
    let held = |heard: &crate::support::Heard| heard.text().contains("hold");
    let session = server.nth("the call", 1, held).await.session().to_owned();
    let posts = client.posts.clone();

    drop(client);

    assert_eq!(
        server
            .hears("notifications/cancelled")
            .await
            .param("requestId"),
        2
    );
    assert_eq!(server.hears_delete().await.session(), session);
    let late = posts.post(request("3", "ping", "{}")).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert_eq!(gateway.pipeline().sessions.count(), 0);
}

#[tokio::test]
async fn progress_comes_in_its_order_before_the_result_and_nothing_after() {
    let server = HttpServer::with_tools(&["work"]).await;
    server.on("tools/call", |heard| {
        let token = heard.param("_meta")["progressToken"].clone();
        let progress = |step: usize| {
            notification(
                "notifications/progress",
                &json!({"progressToken": token, "progress": step}).to_string(),
            )
        };
        let mut said: Vec<String> = (0..50).map(progress).collect();
        said.push(heard.result(r#"{"content":[]}"#));
        Answer::events(said)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let mut client = gateway.sse().await.initialize("2024-11-05", "{}").await;

    let params = r#"{"name":"up__work","_meta":{"progressToken":"t"}}"#;
    client.say(&request("1", "tools/call", params)).await;
    for step in 0..50 {
        let message = client.message().await;
        assert_eq!(
            message["params"],
            json!({"progressToken": "t", "progress": step})
        );
    }
    assert_eq!(client.message().await["id"], 1);
    client.say(&request("2", "ping", "{}")).await;
    assert_eq!(client.message().await["id"], 2);
}

#[tokio::test]
async fn a_list_that_changes_is_told_on_the_stream() {
    let server = HttpServer::with_tools(&["one"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let mut client = gateway.sse().await.initialize("2024-11-05", "{}").await;
    client.ask("1", "tools/list", "{}").await;

    server.offer_tools(&["two"]);
    server
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;

    client.told("notifications/tools/list_changed").await;
    assert!(
        client
            .ask("2", "tools/list", "{}")
            .await
            .contains("up__two")
    );
}

#[tokio::test]
async fn at_the_end_a_call_has_as_long_on_a_legacy_stream_as_elsewhere() {
    let server = HttpServer::with_tools(&["hold"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard| {
        Answer::result(heard, "{}").held(&held)
    });
    let config = format!("[gateway]\ndrain = '1h'\n{}", server.table("up"));
    let gateway = Gateway::start(&config).await;
    gateway.settled().await;
    let mut client = gateway.sse().await.initialize("2024-11-05", "{}").await;
    let mut idle = gateway.sse().await;
    client.say(&call("1", "up__hold", "{}")).await;
    server.hears("tools/call").await;

    gateway.ends();
    assert!(idle.ended().await);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    gate.open();

    assert_eq!(client.message().await["id"], 1);
    assert!(client.ended().await);
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_that_stops_ends_the_stream_once_its_calls_are_done() {
    let server = HttpServer::with_tools(&["hold"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard| {
        Answer::result(heard, "{}").held(&held)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let mut client = gateway.sse().await.initialize("2024-11-05", "{}").await;
    let mut idle = gateway.sse().await;
    client.say(&call("1", "up__hold", "{}")).await;
    server.hears("tools/call").await;

    let stopping = tokio::spawn(gateway.stop());
    assert!(idle.ended().await);
    gate.open();
    assert_eq!(client.message().await["id"], 1);
    assert!(client.ended().await);
    stopping.await.unwrap();
}
