//! How many at once: room is taken by a call and given back when it is over, however it ends.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use http::Method;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{
    Answer, Client, Gate, Gateway, Heard, HttpServer, Reply, SseClient, call, key, notification,
    within,
};

const ROLE: &str = "[roles.user]\nallow = ['*']\n";
/// Whoever finds no room waits for it as long as any test may take.
const ONE: &str = "[limits.few]\nconcurrent = 1\nwait = '60s'\neach = ['caller']\n";

/// A server whose tool `hold` answers when the gate opens; its other tools answer at once.
async fn under(limit: &str, settings: &str) -> (HttpServer, Gate, Gateway) {
    let (server, gate) = (
        HttpServer::with_tools(&["hold", "go"]).await,
        Gate::default(),
    );
    let held = gate.clone();
    server.on("tools/call", move |heard: &Heard| {
        let answer = Answer::result(heard, r#"{"content":[]}"#);
        match heard.param("name") == "hold" {
            true => answer.held(&held),
            false => answer,
        }
    });
    let keys = ["sam", "eve"]
        .map(|name| key(name, "role = 'user'"))
        .concat();
    let tables = format!("{}{settings}\n", server.table("up"));
    let gateway = Gateway::with_policy(&tables, &[&keys, ROLE, limit].concat()).await;
    gateway.settled().await;
    (server, gate, gateway)
}

async fn open(gateway: &Gateway, name: &str) -> Client {
    gateway.client().holding(name).open().await
}

fn spawn(client: &Client, body: String) -> JoinHandle<Reply> {
    let client = client.clone();
    tokio::spawn(async move { client.post(body).await })
}

/// The server has been called so often.
async fn calls(server: &HttpServer, count: usize) {
    let is_call = |heard: &Heard| heard.method() == "tools/call";
    server.nth("a call", count, is_call).await;
}

/// A call that has to wait for the one before it: the server has not heard of it.
async fn waiting(client: &Client, server: &HttpServer) -> JoinHandle<Reply> {
    let before = server.heard_of("tools/call").len();
    let waits = spawn(client, call("2", "up__go", "{}"));
    for _ in 0..5 {
        client.request("ping", "{}").await;
    }
    assert_eq!(
        server.heard_of("tools/call").len(),
        before,
        "there is no room"
    );
    assert!(!waits.is_finished());
    waits
}

async fn passes(waits: JoinHandle<Reply>) {
    let reply = within("room", waits).await.unwrap();
    assert!(reply.answer()["result"].is_object(), "{}", reply.text());
}

#[tokio::test]
async fn without_room_a_call_is_refused_at_once_and_others_are_not_hit() {
    let limit = "[limits.few]\nconcurrent = 1\neach = ['caller']\n";
    let (server, gate, gateway) = under(limit, "").await;
    let (sam, eve) = (open(&gateway, "sam").await, open(&gateway, "eve").await);
    let first = spawn(&sam, call("1", "up__hold", "{}"));
    calls(&server, 1).await;

    let refused = sam.call("up__go", "{}").await.answer();
    assert_eq!(refused["error"]["code"], -32000);
    assert_eq!(
        refused["error"]["data"],
        json!({"limit": "few", "retry_after": 1})
    );
    assert!(eve.call("up__go", "{}").await.answer()["result"].is_object());
    assert_eq!(sam.list("tools").await.len(), 2, "a list takes no room");
    gate.open();
    assert!(first.await.unwrap().answer()["result"].is_object());
    assert_eq!(server.heard_of("tools/call").len(), 2);
}

#[tokio::test]
async fn of_64_callers_no_more_are_under_way_than_are_allowed() {
    let limit = "[limits.few]\nconcurrent = 5\n";
    let (server, gate, gateway) = under(limit, "").await;
    let sessions = join_all((0..64).map(|_| open(&gateway, "sam"))).await;
    let posts = sessions
        .iter()
        .map(|client| client.post(call("1", "up__hold", "{}")));
    let mut posts: FuturesUnordered<_> = posts.collect();
    for _ in 0..59 {
        let refused = posts.next().await.unwrap().answer();
        assert_eq!(refused["error"]["data"]["limit"], "few");
    }
    calls(&server, 5).await;
    assert_eq!(server.heard_of("tools/call").len(), 5);
    gate.open();
    while let Some(reply) = posts.next().await {
        assert!(reply.answer()["result"].is_object(), "{}", reply.text());
    }
}

#[tokio::test]
async fn room_is_given_back_with_an_answer_and_with_an_error() {
    for error in [false, true] {
        let (server, gate, gateway) = under(ONE, "").await;
        if error {
            let held = gate.clone();
            server.on("tools/call", move |heard: &Heard| {
                match heard.param("name") == "hold" {
                    true => Answer::error(heard, r#"{"code":-32603,"message":"no"}"#).held(&held),
                    false => Answer::result(heard, "{}"),
                }
            });
        }
        let sam = open(&gateway, "sam").await;
        let first = spawn(&sam, call("1", "up__hold", "{}"));
        calls(&server, 1).await;
        let waits = waiting(&sam, &server).await;
        gate.open();
        assert_eq!(first.await.unwrap().answer().get("error").is_some(), error);
        passes(waits).await;
    }
}

#[tokio::test]
async fn room_is_given_back_when_the_client_hangs_up() {
    let (server, _gate, gateway) = under(ONE, "").await;
    let sam = open(&gateway, "sam").await;
    // A connection of its own, which ends with it.
    let caller = gateway
        .client()
        .holding("sam")
        .with("mcp-session-id", sam.session());
    let first = spawn(&caller, call("1", "up__hold", "{}"));
    calls(&server, 1).await;
    let waits = waiting(&sam, &server).await;
    first.abort();
    drop(caller);
    passes(waits).await;
}

#[tokio::test]
async fn room_is_given_back_when_the_client_cancels() {
    let (server, _gate, gateway) = under(ONE, "").await;
    let sam = open(&gateway, "sam").await;
    let _first = spawn(&sam, call("7", "up__hold", "{}"));
    calls(&server, 1).await;
    let waits = waiting(&sam, &server).await;
    let cancelled = notification("notifications/cancelled", r#"{"requestId":7}"#);
    sam.post(cancelled).await;
    passes(waits).await;
}

#[tokio::test]
async fn who_cancels_while_waiting_for_room_takes_none() {
    let (server, gate, gateway) = under(ONE, "").await;
    let sam = open(&gateway, "sam").await;
    let first = spawn(&sam, call("1", "up__hold", "{}"));
    calls(&server, 1).await;
    let waits = waiting(&sam, &server).await;
    let cancelled = notification("notifications/cancelled", r#"{"requestId":2}"#);
    sam.post(cancelled).await;
    let silence = waits.await.unwrap();
    assert!(!silence.text().contains("result"), "{}", silence.text());
    gate.open();
    first.await.unwrap();
    assert!(sam.call("up__go", "{}").await.answer()["result"].is_object());
    assert_eq!(server.heard_of("tools/call").len(), 2);
}

#[tokio::test]
async fn room_is_given_back_when_the_server_takes_too_long() {
    let (server, _gate, gateway) = under(ONE, "timeout = '300ms'").await;
    let sam = open(&gateway, "sam").await;
    let first = spawn(&sam, call("1", "up__hold", "{}"));
    calls(&server, 1).await;
    let waits = spawn(&sam, call("2", "up__go", "{}"));
    assert_eq!(first.await.unwrap().error().0, -32001);
    passes(waits).await;
}

/// A large answer, whose head and beginning leave before the gate opens.
fn large(server: &HttpServer, gate: &Gate) {
    let gate = gate.clone();
    server.on("tools/call", move |heard: &Heard| {
        let text = "x".repeat(256 * 1024);
        if heard.param("name") != "hold" {
            return Answer::result(heard, r#"{"content":[]}"#);
        }
        let whole = heard.result(&format!(
            r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#
        ));
        let (start, end) = whole.split_at(200 * 1024);
        let end = Answer::chunked(end.to_owned(), 16 * 1024);
        Answer::chunked(start.to_owned(), 16 * 1024)
            .wait(&gate)
            .then(end)
    });
}

#[tokio::test]
async fn room_is_given_back_with_the_last_byte_of_an_answer_that_streams() {
    let (server, gate, gateway) = under(ONE, "").await;
    large(&server, &gate);
    let sam = open(&gateway, "sam").await;
    let mut streaming = sam.send(Method::POST, call("1", "up__hold", "{}")).await;
    let first = within("the first piece", streaming.body_mut().frame()).await;
    assert!(first.unwrap().unwrap().is_data());
    let waits = waiting(&sam, &server).await;
    gate.open();
    let rest = within("the rest", streaming.into_body().collect()).await;
    assert!(rest.unwrap().to_bytes().ends_with(b"}]}}"));
    passes(waits).await;
}

#[tokio::test]
async fn room_is_given_back_when_nobody_reads_the_rest() {
    let (server, gate, gateway) = under(ONE, "").await;
    large(&server, &gate);
    let sam = open(&gateway, "sam").await;
    let caller = gateway
        .client()
        .holding("sam")
        .with("mcp-session-id", sam.session());
    let mut streaming = caller.send(Method::POST, call("1", "up__hold", "{}")).await;
    let first = within("the first piece", streaming.body_mut().frame()).await;
    assert!(first.unwrap().unwrap().is_data());
    let waits = waiting(&sam, &server).await;
    drop((streaming, caller));
    passes(waits).await;
}

#[tokio::test]
async fn room_is_given_back_when_a_legacy_stream_ends() {
    let (server, _gate, gateway) = under(ONE, "").await;
    let legacy = SseClient::of(gateway.client().holding("sam")).await;
    let legacy = legacy.initialize("2024-11-05", "{}").await;
    legacy.say(&call("1", "up__hold", "{}")).await;
    calls(&server, 1).await;
    let sam = open(&gateway, "sam").await;
    let waits = waiting(&sam, &server).await;
    drop(legacy);
    passes(waits).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_limit_says() {
    let limit = ONE.replace("60s", "3s");
    let (server, _gate, gateway) = under(&limit, "").await;
    let sam = open(&gateway, "sam").await;
    let _first = spawn(&sam, call("1", "up__hold", "{}"));
    calls(&server, 1).await;
    let start = tokio::time::Instant::now();
    let refused = sam.call("up__go", "{}").await.answer();
    assert_eq!(refused["error"]["data"]["limit"], "few");
    assert!(start.elapsed() >= Duration::from_secs(3));
}
