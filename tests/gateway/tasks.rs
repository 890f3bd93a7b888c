//! Tasks pass through between peers that know them (2025-11-25, Tasks).

use crate::support::{Answer, Gateway, Heard, HttpServer};

const MAKE: &str = r#"{"name":"up__slow","arguments":{},"task":{"ttl":60000}}"#;
const ABOUT: &str = r#"{"taskId":"t-1"}"#;

async fn with_a_task() -> HttpServer {
    let server = HttpServer::with_tools(&["slow"]).await;
    let made = r#"{"task":{"taskId":"t-1","status":"working","ttl":60000,"x":1E+2}}"#;
    server.on("tools/call", move |heard: &Heard| {
        Answer::json(heard.result(made))
    });
    server.on("tasks/get", |heard: &Heard| {
        Answer::json(heard.result(r#"{"taskId":"t-1","status":"completed"}"#))
    });
    server
}

#[tokio::test]
async fn a_task_is_asked_about_at_the_server_that_made_it() {
    let (server, other) = (with_a_task().await, with_a_task().await);
    let gateway = Gateway::of(&[("other", &other), ("up", &server)]).await;
    let client = gateway.session().await;

    let made = client.request("tools/call", MAKE).await;
    assert!(
        made.text().contains(r#""ttl":60000,"x":1E+2"#),
        "{}",
        made.text()
    );
    let status = client.request("tasks/get", ABOUT).await;

    assert_eq!(status.answer()["result"]["status"], "completed");
    assert_eq!(server.heard_of("tasks/get").len(), 1);
    assert_eq!(other.heard_of("tasks/get").len(), 0);
}

#[tokio::test]
async fn somebody_elses_task_looks_unknown_and_reaches_no_server() {
    let server = with_a_task().await;
    let keys = [("alice", "key-a"), ("bob", "key-b")];
    let gateway = Gateway::with_keys(&server.table("up"), &keys).await;
    gateway.settled().await;
    let alice = gateway.client().with("x-api-key", "key-a").open().await;
    let bob = gateway.client().with("x-api-key", "key-b").open().await;

    alice.request("tools/call", MAKE).await;
    let stolen = bob.request("tasks/get", ABOUT).await;
    let invented = bob.request("tasks/get", r#"{"taskId":"t-2"}"#).await;

    assert_eq!(stolen.error(), (-32602, "unknown task `t-1`".to_owned()));
    assert_eq!(invented.error(), (-32602, "unknown task `t-2`".to_owned()));
    assert_eq!(server.heard_of("tasks/get").len(), 0);
    assert!(alice.request("tasks/get", ABOUT).await.answer()["result"].is_object());
}
