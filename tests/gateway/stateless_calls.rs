//! Calls of 2026-07-28: how they are cancelled, and what log messages come with them.

use serde_json::json;

use crate::support::{Answer, Gate, Gateway, HttpServer, Modern, notification};

#[tokio::test]
async fn a_call_is_cancelled_by_closing_its_stream_and_on_a_pipe_by_word() {
    let server = HttpServer::with_tools(&["hold"]).await;
    server.on("tools/call", |_| {
        Answer::events([notification("notifications/x", "{}")]).wait(&Gate::default())
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = Modern::new(gateway.client());
    let mut events = client
        .events("1", "tools/call", r#"{"name":"up__hold"}"#)
        .await;
    events.data().await;
    drop(events);
    let first = server
        .hears("notifications/cancelled")
        .await
        .param("requestId");

    let mut pipe = gateway.stranger();
    pipe.say(&client.body(r#""x""#, "tools/call", r#"{"name":"up__hold"}"#))
        .await;
    pipe.told("notifications/x").await;
    pipe.notify("notifications/cancelled", &json!({"requestId": "x"}))
        .await;
    let second = |heard: &crate::support::Heard| heard.method() == "notifications/cancelled";
    let second = server.nth("the second", 2, second).await.param("requestId");
    let calls = server.heard_of("tools/call");
    assert_eq!(
        [first.to_string(), second.to_string()],
        [calls[0].id(), calls[1].id()]
    );
    assert_ne!(calls[0].id(), calls[1].id());
}

#[tokio::test]
async fn log_messages_come_only_when_asked_for_and_from_that_level_on() {
    let server = HttpServer::with_tools(&["log"]).await;
    server.on("tools/call", |heard| {
        let log = |level: &str| {
            notification(
                "notifications/message",
                &format!(r#"{{"level":"{level}","data":1}}"#),
            )
        };
        Answer::events([
            log("debug"),
            log("warning"),
            log("error"),
            heard.result("{}"),
        ])
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = Modern::new(gateway.client());
    for (level, expected) in [
        (None, 0),
        (Some("warning"), 2),
        (Some("debug"), 3),
        (None, 0),
    ] {
        let client = level.map_or(client.clone(), |level| client.clone().level(level));
        let reply = client.call("up__log", "{}").await;
        let told = reply.text().matches("notifications/message").count();
        assert_eq!(told, expected, "{level:?}: {}", reply.text());
    }
}
