//! What is the caller's, on servers of the other kinds: legacy streams, and those without sessions.

use http::Method;

use crate::{
    headers_upstream::{last, said},
    support::{Client, Gateway, Heard, HttpServer, Modern, SseServer},
};

/// `BELIEVED`, and a header of one role.
pub(crate) const GOLD: &str = r#"
[trusted_headers]
from = ["127.0.0.1"]
[roles.admin]
allow = ["*"]
headers = { X-Tier = "gold" }
[roles.guest]
allow = ["*"]
"#;
const HEADERS: &str = r#"headers = { X-Static = "fixed", X-Id = "{{caller.id}}" }
forward_headers = ["X-Trace"]
"#;

async fn started(table: &str) -> Gateway {
    let gateway = Gateway::with_policy(&format!("{table}{HEADERS}"), GOLD).await;
    gateway.settled().await;
    gateway
}

fn asks(gateway: &Gateway, role: &str) -> Client {
    let client = gateway.client().asking_for("sam", role);
    client.with("x-trace", role)
}

fn now(client: &Client, role: &str) -> Client {
    let client = client.now_in(role).without("x-trace");
    client.with("x-trace", role)
}

async fn call(client: &Client) {
    let reply = client.call("up__echo", "{}").await;
    assert!(reply.answer().get("result").is_some(), "{}", reply.text());
}

fn theirs(heard: &Heard) -> [Option<&str>; 4] {
    ["x-static", "x-id", "x-tier", "x-trace"].map(|name| said(heard, name))
}

const ADMIN: [Option<&str>; 4] = [Some("fixed"), Some("sam"), Some("gold"), Some("admin")];
const GUEST: [Option<&str>; 4] = [Some("fixed"), Some("sam"), None, Some("guest")];
const NOBODY: [Option<&str>; 4] = [Some("fixed"), None, None, None];

/// The stream that a request belongs to.
fn stream(heard: &Heard) -> &str {
    said(heard, "x-stream").unwrap()
}

#[tokio::test]
async fn a_legacy_stream_is_opened_in_the_callers_name_and_each_message_sent_in_it() {
    let server = SseServer::with_tools(&["echo"]).await;
    let gateway = started(&server.table("up")).await;
    let client = asks(&gateway, "admin").open().await;
    call(&client).await;
    let own = |heard: &Heard| heard.verb == Method::GET;
    assert_eq!(theirs(&server.nth("its own GET", 1, own).await), NOBODY);
    assert_eq!(theirs(&server.nth("the other GET", 2, own).await), ADMIN);
    for method in ["initialize", "notifications/initialized"] {
        let heard = server.heard_of(method);
        assert_eq!(theirs(&heard[0]), NOBODY, "{method}");
        assert_eq!(theirs(&heard[1]), ADMIN, "{method}");
    }
    assert_eq!(theirs(&server.hears("tools/list").await), NOBODY);

    call(&now(&client, "guest")).await;
    let heard = server.heard_of("tools/call");
    assert_eq!(theirs(&heard[0]), ADMIN);
    assert_eq!(theirs(&heard[1]), GUEST);
    assert_eq!(stream(&heard[0]), stream(&heard[1]));
}

#[tokio::test]
async fn the_stream_that_a_user_has_is_another_one_in_another_role() {
    let server = SseServer::with_tools(&["echo"]).await;
    let gateway = started(&format!("{}scope = \"user\"\n", server.table("up"))).await;
    let client = asks(&gateway, "admin").open().await;
    let second = asks(&gateway, "admin").open().await;
    call(&client).await;
    call(&second.without("x-trace").with("x-trace", "other")).await;
    call(&now(&client, "guest")).await;
    call(&client).await;
    let heard = server.heard_of("tools/call");
    let streams: Vec<&str> = heard.iter().map(stream).collect();
    assert_eq!(streams, ["1", "1", "2", "1"]);
    assert_eq!(theirs(&heard[0]), ADMIN);
    assert_eq!(theirs(&heard[2]), GUEST);
    assert_eq!(said(&heard[1], "x-trace"), Some("other"));
}

#[tokio::test]
async fn a_legacy_stream_for_everybody_is_opened_in_nobodys_name() {
    let server = SseServer::with_tools(&["echo"]).await;
    let gateway = started(&format!("{}scope = \"shared\"\n", server.table("up"))).await;
    let client = asks(&gateway, "admin").open().await;
    call(&client).await;
    call(&now(&client, "guest")).await;
    assert_eq!(server.opened(), 1);
    let heard = server.heard_of("tools/call");
    assert_eq!(theirs(&heard[0]), ADMIN);
    assert_eq!(theirs(&heard[1]), GUEST);
    for method in ["", "initialize", "tools/list"] {
        for heard in server.heard_of(method) {
            assert_eq!(theirs(&heard), NOBODY, "{method}");
        }
    }
}

#[tokio::test]
async fn a_request_that_stands_for_itself_says_who_makes_it() {
    let server = HttpServer::modern(&["echo"]).await;
    let gateway = started(&server.table("up")).await;
    let session = asks(&gateway, "admin").open().await;
    call(&session).await;
    assert_eq!(theirs(&last(&server)), ADMIN);
    call(&now(&session, "guest")).await;
    assert_eq!(theirs(&last(&server)), GUEST);
    let modern = Modern::new(asks(&gateway, "admin"));
    modern.call("up__echo", "{}").await.answer();
    assert_eq!(theirs(&last(&server)), ADMIN);
    for method in ["server/discover", "tools/list", "subscriptions/listen"] {
        for heard in server.heard_of(method) {
            assert_eq!(theirs(&heard), NOBODY, "{method}");
        }
    }
}

#[tokio::test]
async fn a_session_held_for_requests_without_one_is_another_in_another_role() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = started(&server.table("up")).await;
    let mut sessions = Vec::new();
    for role in ["admin", "guest", "admin"] {
        let client = Modern::new(asks(&gateway, role));
        client.call("up__echo", "{}").await.answer();
        sessions.push(last(&server).session().to_owned());
    }
    assert_ne!(sessions[0], sessions[1]);
    assert_eq!(sessions[0], sessions[2]);
    let opened = server.heard_of("initialize");
    assert_eq!(theirs(&opened[1]), ADMIN);
    assert_eq!(theirs(&opened[2]), GUEST);
}

#[tokio::test]
async fn what_is_subscribed_to_for_a_client_is_asked_for_in_its_name() {
    let server = HttpServer::with_tools(&[]).await;
    server.offer("resources/list", &[r#"{"uri":"a:1","name":"a"}"#]);
    let gateway = started(&server.table("up")).await;
    let client = Modern::new(asks(&gateway, "admin"));
    let wanted = r#"{"notifications":{"resourceSubscriptions":["a:1"]}}"#;
    let _listening = client.events("1", "subscriptions/listen", wanted).await;
    let heard = server.hears("resources/subscribe").await;
    assert_eq!(theirs(&heard), ADMIN);
    assert_eq!(theirs(&server.heard_of("initialize")[1]), ADMIN);
}
