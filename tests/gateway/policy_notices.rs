//! What servers say without having been asked reaches those only who may use them.

use http::Method;
use serde_json::json;

use crate::support::{Client, Events, Gateway, HttpServer, Modern, SseClient, key, notification};

const POLICY: &str = "
    [trusted_headers]
    keys = ['chat']
    [roles.all]
    allow = ['*']
    [roles.half]
    allow = ['files/read', 'resource:a://open']
    [roles.db]
    allow = ['db/*']
";

/// `files` is shared by all, since it keeps no sessions; so is `db`.
async fn two() -> (HttpServer, HttpServer, Gateway) {
    let files = HttpServer::with_tools(&["read", "write"])
        .await
        .without_sessions();
    let db = HttpServer::with_tools(&["query"]).await.without_sessions();
    let resource = |uri: &str| format!(r#"{{"uri":"{uri}","name":"r"}}"#);
    files.offer(
        "resources/list",
        &[resource("a://open"), resource("a://secret")],
    );
    let tables = [files.table("files"), db.table("db")].concat();
    let keys = ["all", "half", "db"].map(|role| key(role, &format!("role = '{role}'")));
    let policy = [&keys.concat(), &key("chat", ""), POLICY].concat();
    let gateway = Gateway::with_policy(&tables, &policy).await;
    gateway.settled().await;
    (files, db, gateway)
}

async fn open(gateway: &Gateway, name: &str) -> (Client, Events) {
    let client = gateway.client().holding(name).open().await;
    let stream = client.listen().await;
    (client, stream)
}

/// Everything that was said on a stream, once its session has ended.
async fn heard(client: &Client, mut stream: Events) -> Vec<String> {
    client.ask(Method::DELETE, "").await;
    let mut heard = Vec::new();
    while let Some(event) = stream.next().await {
        heard.push(event.data);
    }
    heard
}

fn log(words: &str) -> String {
    let params = json!({"level": "error", "data": words});
    notification("notifications/message", &params.to_string())
}

fn updated(uri: &str) -> String {
    notification(
        "notifications/resources/updated",
        &json!({"uri": uri}).to_string(),
    )
}

#[tokio::test]
async fn only_those_hear_of_a_changed_list_whose_list_has_changed() {
    let (files, _db, gateway) = two().await;
    let (all, mut of_all) = open(&gateway, "all").await;
    let (half, of_half) = open(&gateway, "half").await;
    let (other, of_db) = open(&gateway, "db").await;
    files.offer_tools(&["read", "write", "delete"]);
    let changed = notification("notifications/tools/list_changed", "{}");
    files.push_own(&changed).await;

    assert!(of_all.data().await.contains("tools/list_changed"));
    assert_eq!(all.list("tools").await.len(), 4);
    assert_eq!(
        heard(&half, of_half).await,
        [""; 0],
        "its list is what it was"
    );
    assert_eq!(heard(&other, of_db).await, [""; 0]);
}

#[tokio::test]
async fn a_log_message_does_not_reach_who_may_not_use_its_server() {
    let (files, db, gateway) = two().await;
    let mut streams = Vec::new();
    for name in ["all", "half", "db"] {
        let (client, stream) = open(&gateway, name).await;
        let level = client
            .request("logging/setLevel", r#"{"level":"debug"}"#)
            .await;
        assert!(level.answer()["result"].is_object(), "{}", level.text());
        streams.push((name, client, stream));
    }
    files.push_own(&log("of files")).await;
    db.push_own(&log("of db")).await;

    for (name, client, mut stream) in streams {
        let expected: &[&str] = match name {
            "all" => &["of db", "of files"],
            "half" => &["of files"],
            _ => &["of db"],
        };
        let mut texts = Vec::new();
        for _ in expected {
            texts.push(stream.data().await);
        }
        texts.extend(heard(&client, stream).await);
        texts.sort();
        let expected: Vec<String> = expected.iter().map(|words| log(words)).collect();
        assert_eq!(texts, expected, "{name}");
    }
}

fn chat(gateway: &Gateway, role: &str) -> Client {
    gateway.client().holding("chat").asking_for("u", role)
}

#[tokio::test]
async fn who_has_lost_the_role_hears_no_more_of_what_it_was_good_for() {
    let (files, db, gateway) = two().await;
    let (witness, mut of_witness) = open(&gateway, "all").await;
    let session = chat(&gateway, "all").open().await;
    let stream = session.listen().await;
    for client in [&witness, &session] {
        client
            .request("logging/setLevel", r#"{"level":"debug"}"#)
            .await;
        for uri in ["a://open", "a://secret"] {
            let params = json!({"uri": uri}).to_string();
            let followed = client.request("resources/subscribe", &params).await;
            assert!(
                followed.answer()["result"].is_object(),
                "{}",
                followed.text()
            );
        }
    }
    let lesser = chat(&gateway, "half").with("mcp-session-id", session.session());
    assert_eq!(lesser.list("tools").await, ["files__read"]);

    for said in [updated("a://secret"), updated("a://open")] {
        files.push_own(&said).await;
        assert_eq!(of_witness.data().await, said);
    }
    db.push_own(&log("of db")).await;
    assert_eq!(of_witness.data().await, log("of db"));
    assert_eq!(heard(&session, stream).await, [updated("a://open")]);
}

#[tokio::test]
async fn a_stream_of_notifications_is_told_of_what_its_caller_sees() {
    let (files, _db, gateway) = two().await;
    let listen = |name: &'static str| {
        let client = Modern::new(gateway.client()).holding(name);
        let wanted = json!({"notifications": {
            "toolsListChanged": true, "resourceSubscriptions": ["a://open", "a://secret"],
        }});
        async move {
            client
                .events("1", "subscriptions/listen", &wanted.to_string())
                .await
        }
    };
    let (mut all, mut half) = (listen("all").await, listen("half").await);
    let agreed = all.data().await;
    assert!(agreed.contains(r#"["a://open","a://secret"]"#), "{agreed}");
    let agreed = half.data().await;
    assert!(agreed.contains(r#"["a://open"]"#), "{agreed}");

    files.offer_tools(&["read"]);
    files
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;
    assert!(all.data().await.contains("tools/list_changed"));
    for uri in ["a://secret", "a://open"] {
        files.push_own(&updated(uri)).await;
        assert!(all.data().await.contains(uri));
    }
    let first = half.data().await;
    assert!(
        first.contains("a://open"),
        "neither the list nor the other: {first}"
    );
}

#[tokio::test]
async fn a_legacy_stream_hears_what_its_last_post_may() {
    let (files, _db, gateway) = two().await;
    let (witness, mut of_witness) = open(&gateway, "all").await;
    witness
        .request("logging/setLevel", r#"{"level":"debug"}"#)
        .await;
    let mut legacy = SseClient::of(chat(&gateway, "all")).await;
    legacy = legacy.initialize("2024-11-05", "{}").await;
    legacy
        .ask("1", "logging/setLevel", r#"{"level":"debug"}"#)
        .await;
    files.push_own(&log("one")).await;
    assert_eq!(of_witness.data().await, log("one"));
    assert_eq!(
        legacy.told("notifications/message").await["params"]["data"],
        "one"
    );

    let posts = legacy.posts.now_in("db");
    posts
        .post(crate::support::request("2", "tools/list", "{}"))
        .await;
    assert!(legacy.answer("2").await.contains("db__query"));
    files.push_own(&log("two")).await;
    assert_eq!(of_witness.data().await, log("two"));
    let pong = posts.post(crate::support::request("3", "ping", "{}")).await;
    assert!(pong.status.is_success());
    let next = legacy.data().await;
    assert!(next.contains(r#""id":3"#), "{next}");
}
