//! What was opened in one role tells nothing that it was good for to another.

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Client, Events, Gate, Gateway, HttpServer, call, key, notification};

const POLICY: &str = "
    [trusted_headers]
    keys = ['chat']
    [roles.all]
    allow = ['*']
    [roles.less]
    allow = ['files/read']
";

/// `db` is shared by all, since it keeps no sessions.
async fn gateway() -> (HttpServer, HttpServer, Gateway) {
    let files = HttpServer::with_tools(&["read"]).await;
    let db = HttpServer::with_tools(&["query"]).await.without_sessions();
    let tables = [files.table("files"), db.table("db")].concat();
    let gateway = Gateway::with_policy(&tables, &[&key("chat", ""), POLICY].concat()).await;
    gateway.settled().await;
    (files, db, gateway)
}

fn user(gateway: &Gateway, name: &str, role: &str) -> Client {
    let client = gateway.client().holding("chat").with("x-user-id", name);
    client.with("x-user-role", role)
}

/// The same session, in another role.
fn turned(client: &Client, role: &str) -> Client {
    client
        .clone()
        .without("x-user-role")
        .with("x-user-role", role)
}

/// A stream on which everything is told that `db` logs.
async fn hearing(gateway: &Gateway, name: &str) -> (Client, Events) {
    let client = user(gateway, name, "all").open().await;
    let level = client
        .request("logging/setLevel", r#"{"level":"debug"}"#)
        .await;
    assert!(level.answer()["result"].is_object(), "{}", level.text());
    let stream = client.listen().await;
    (client, stream)
}

fn log(words: &str) -> String {
    let params = json!({"level": "error", "data": words});
    notification("notifications/message", &params.to_string())
}

#[tokio::test]
async fn who_has_no_role_any_more_hears_nothing_on_a_stream_that_is_open() {
    let (_files, db, gateway) = gateway().await;
    let (_witness, mut of_witness) = hearing(&gateway, "witness").await;
    let (client, mut stream) = hearing(&gateway, "sam").await;
    for lost in ["nobody", "{{LIBRECHAT_USER_ROLE}}", ""] {
        let refused = turned(&client, lost).call("db__query", "{}").await;
        assert_eq!(refused.error().0, -32000, "{lost:?}");

        db.push_own(&log("secret")).await;
        assert_eq!(of_witness.data().await, log("secret"));
        client.list("tools").await;
        db.push_own(&log("open")).await;
        assert_eq!(of_witness.data().await, log("open"));
        assert_eq!(stream.data().await, log("open"), "{lost:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_opened_in_a_lesser_role_tells_what_that_may_hear() {
    let (_files, db, gateway) = gateway().await;
    let (_witness, mut of_witness) = hearing(&gateway, "witness").await;
    let (client, before) = hearing(&gateway, "sam").await;
    drop(before);
    let mut stream = turned(&client, "less").listen().await;

    db.push_own(&log("secret")).await;
    assert_eq!(of_witness.data().await, log("secret"));
    client.list("tools").await;
    db.push_own(&log("open")).await;

    assert_eq!(stream.data().await, log("open"));
}

#[tokio::test]
async fn the_rest_of_an_answer_is_for_the_role_that_asked() {
    let (_files, db, gateway) = gateway().await;
    let client = user(&gateway, "sam", "all").open().await;
    let gate = Gate::default();
    let held = gate.clone();
    let progress = r#"{"progressToken":1,"progress":1}"#;
    let progress = notification("notifications/progress", progress);
    db.on("tools/call", move |request| {
        let answer = Answer::events([request.result(r#"{"content":[]}"#)]);
        Answer::events([progress.clone()]).wait(&held).then(answer)
    });
    let mut events = client.post_events(call("7", "db__query", "{}")).await;
    let start = events.block().await;
    let start = start.lines().next().and_then(|id| id.strip_prefix("id: "));
    let start = start.unwrap().to_owned();
    drop(events);
    gate.open();

    let back = client.with("last-event-id", &start);
    let lesser = turned(&back, "less").ask(Method::GET, "").await;
    assert_eq!(lesser.status, StatusCode::BAD_REQUEST);
    let mut events = back.listen().await;
    assert!(events.data().await.contains("progress"));
    assert!(events.data().await.contains(r#""id":7"#));
}
