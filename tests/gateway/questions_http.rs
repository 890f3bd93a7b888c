//! What remote servers ask: it reaches the one client whose call is served, and nobody else.

use serde_json::Value;

use crate::support::{
    Answer, Client as Http, Gateway, Heard, HttpServer, SseClient, SseServer, call, key,
    notification, request,
};

const ALL: &str = r#"{"sampling":{},"elicitation":{},"roots":{"listChanged":true}}"#;

/// A server's question.
fn question(id: &str, params: &str) -> String {
    request(id, "elicitation/create", params)
}

/// A server that asks on the stream of a call, and holds the call until it is answered.
async fn asks_on_post() -> HttpServer {
    let server = HttpServer::with_tools(&["ask"]).await;
    server.on("tools/call", |heard| {
        let gate = crate::support::Gate::default();
        let asked = question(r#""q\/1""#, heard.params());
        Answer::events([asked]).wait(&gate)
    });
    server
}

async fn capable_http(gateway: &Gateway) -> Http {
    gateway.client().open_with("2025-11-25", ALL).await
}

fn is_answer(heard: &Heard) -> bool {
    heard.method().is_empty() && heard.text().contains("jsonrpc")
}

fn id_of(question: &str) -> Value {
    serde_json::from_str::<Value>(question).unwrap()["id"].clone()
}

#[tokio::test]
async fn a_question_on_the_stream_of_a_call_comes_on_that_call_and_goes_back_to_its_session() {
    let server = asks_on_post().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (client, other) = (capable_http(&gateway).await, capable_http(&gateway).await);
    let mut elsewhere = other.listen().await;
    let mut events = client
        .post_events(call("7", "up__ask", r#"{"n":1E+2}"#))
        .await;

    let asked = events.data().await;
    let id = id_of(&asked);
    let params = r#"{"name":"ask","arguments":{"n":1E+2}}"#;
    assert_eq!(asked, question(&id.to_string(), params));
    // Somebody else's answer, and one to another question, change nothing.
    for (who, id) in [(&other, id.to_string()), (&client, "999".to_owned())] {
        let wrong = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"wrong":1}}}}"#);
        assert_eq!(who.post(wrong).await.status, 202);
    }
    let right = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"accept", "n":1.0}}}}"#);
    assert_eq!(client.post(right).await.status, 202);

    let answer = server.nth("the answer", 1, is_answer).await;
    let asked_on = server.heard_of("tools/call")[0].session().to_owned();
    assert_eq!(answer.session(), asked_on);
    assert_eq!(
        answer.text(),
        r#"{"jsonrpc":"2.0","id":"q\/1","result":{"action":"accept", "n":1.0}}"#
    );
    other.ask(http::Method::DELETE, "").await;
    assert_eq!(elsewhere.next().await, None);
}

/// Trap: A server's question to every session.
#[tokio::test]
async fn a_question_on_a_sessions_own_stream_reaches_that_session() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (client, other) = (capable_http(&gateway).await, capable_http(&gateway).await);
    for who in [&client, &other] {
        who.call("up__echo", "{}").await;
    }
    let session = server.heard_of("tools/call")[0].session().to_owned();
    let (mut mine, mut elsewhere) = (client.listen().await, other.listen().await);

    server.push(&session, &question("5", "{}")).await;
    let id = id_of(&mine.data().await);
    client
        .post(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"yes":1}}}}"#
        ))
        .await;
    let answer = server.nth("the answer", 1, is_answer).await;
    assert_eq!(answer.session(), session);
    assert_eq!(
        answer.text(),
        r#"{"jsonrpc":"2.0","id":5,"result":{"yes":1}}"#
    );

    // The gateway's own session has nobody to ask.
    server.push("s-1", &question("6", "{}")).await;
    let declined = server.nth("the refusal", 2, is_answer).await;
    assert!(declined.text().contains("-32601"), "{}", declined.text());
    other.ask(http::Method::DELETE, "").await;
    assert_eq!(elsewhere.next().await, None);
}

#[tokio::test]
async fn who_has_lost_the_role_is_asked_nothing_by_what_it_was_good_for() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let policy = "[trusted_headers]\nkeys = ['chat']\n[roles.all]\nallow = ['*']\n[roles.none]\n";
    let policy = [&key("chat", ""), policy].concat();
    let gateway = Gateway::with_policy(&server.table("up"), &policy).await;
    gateway.settled().await;
    let chat = |role| gateway.client().holding("chat").asking_for("u", role);
    let client = chat("all").open_with("2025-11-25", ALL).await;
    client.call("up__echo", "{}").await;
    let session = server.heard_of("tools/call")[0].session().to_owned();
    let mut stream = client.listen().await;

    let lesser = chat("none").with("mcp-session-id", client.session());
    assert_eq!(lesser.list("tools").await, [""; 0]);
    server.push(&session, &question("5", "{}")).await;

    let declined = server.nth("the refusal", 1, is_answer).await;
    assert!(declined.text().contains("-32601"), "{}", declined.text());
    client.ask(http::Method::DELETE, "").await;
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_legacy_server_asks_a_legacy_client() {
    let server = SseServer::with_tools(&["ask"]).await;
    server.on("tools/call", |heard| vec![question("1", heard.params())]);
    let gateway = Gateway::start(&server.table("old")).await;
    gateway.settled().await;
    let client = SseClient::of(gateway.client()).await;
    let mut client = client.initialize("2024-11-05", ALL).await;

    client.say(&call("1", "old__ask", "{}")).await;
    let asked = client.told("elicitation/create").await;
    client
        .say(&format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#,
            asked["id"]
        ))
        .await;
    let answer = server.nth("the answer", 1, is_answer).await;
    assert_eq!(answer.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    let call = server.heard_of("tools/call")[0].clone();
    server.push(1, &call.result("{}")).await;
    assert!(client.answer("1").await.contains("result"));
}

#[tokio::test]
async fn a_client_that_goes_leaves_the_server_with_a_prompt_error() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = capable_http(&gateway).await;
    client.call("up__echo", "{}").await;
    let session = server.heard_of("tools/call")[0].session().to_owned();
    let mut mine = client.listen().await;
    server.push(&session, &question("5", "{}")).await;
    mine.data().await;

    client.ask(http::Method::DELETE, "").await;

    let answer = server.nth("the refusal", 1, is_answer).await;
    assert!(
        answer.text().contains(r#""id":5,"error""#),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn the_end_of_the_call_takes_its_question_back_from_the_client() {
    let server = HttpServer::with_tools(&["ask"]).await;
    let gate = crate::support::Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard| {
        let answer = Answer::events([heard.result("{}")]);
        Answer::events([question("1", "{}")])
            .wait(&held)
            .then(answer)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = capable_http(&gateway).await;
    let mut events = client.post_events(call("7", "up__ask", "{}")).await;
    let id = id_of(&events.data().await);

    gate.open();

    let params = format!(r#"{{"requestId":{id}}}"#);
    assert_eq!(
        events.data().await,
        notification("notifications/cancelled", &params)
    );
    assert_eq!(
        events.data().await,
        r#"{"jsonrpc":"2.0","id":7,"result":{}}"#
    );
    assert_eq!(events.next().await, None);
}
