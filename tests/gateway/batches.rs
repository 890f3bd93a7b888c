//! Batches, which one revision had.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Gate, Gateway, HttpServer, call, notification, request};

const OLD: &str = "2025-03-26";

async fn old(gateway: &Gateway) -> Client {
    let client = gateway.client().open_as(OLD).await;
    client.without("accept").with("accept", "application/json")
}

#[tokio::test]
async fn a_batch_is_answered_by_one_array_with_an_answer_for_each_request() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = old(&gateway).await;
    let batch = [
        request("1", "ping", "{}"),
        notification("notifications/roots/list_changed", "{}"),
        call(r#""two""#, "up__echo", r#"{"x":2}"#),
        call("3", "up__nothing", "{}"),
    ];

    let reply = client.post(format!(" [{}]", batch.join(","))).await;

    assert_eq!(reply.status, StatusCode::OK);
    let answers: Value = serde_json::from_slice(&reply.body).unwrap();
    let ids: Vec<&Value> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["id"])
        .collect();
    assert_eq!(ids, [&json!(1), &json!("two"), &json!(3)]);
    assert_eq!(answers[1]["result"]["arguments"]["x"], 2);
    assert_eq!(answers[2]["error"]["code"], -32602);
}

#[tokio::test]
async fn other_revisions_have_no_batches() {
    let gateway = Gateway::start("").await;

    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let client = gateway.client().open_as(revision).await;
        let reply = client
            .post(format!("[{}]", request("1", "ping", "{}")))
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{revision}");
        assert_eq!(reply.error().0, -32600);
    }
}

#[tokio::test]
async fn a_batch_without_requests_is_taken_without_an_answer() {
    let gateway = Gateway::start("").await;
    let client = old(&gateway).await;
    let batch = format!(
        "[{}]",
        notification("notifications/roots/list_changed", "{}")
    );

    let reply = client.post(batch).await;

    assert_eq!((reply.status, reply.text()), (StatusCode::ACCEPTED, ""));
}

#[tokio::test]
async fn one_bad_message_in_a_batch_refuses_the_batch_and_calls_nothing() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = old(&gateway).await;

    let reply = client
        .post(format!("[{},7]", call("1", "up__echo", "{}")))
        .await;

    assert_eq!(
        (reply.status, reply.error().0),
        (StatusCode::BAD_REQUEST, -32600)
    );
    assert!(server.heard_of("tools/call").is_empty());
}

#[tokio::test]
async fn a_request_of_a_batch_that_is_cancelled_leaves_no_hole_in_the_array() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let gate = Gate::default();
    server.on("tools/call", move |heard| {
        Answer::result(heard, "{}").held(&gate)
    });
    let client = old(&gateway).await;
    let batch = format!(
        "[{},{}]",
        request("1", "ping", "{}"),
        call("2", "up__echo", "{}")
    );

    let cancel = async {
        server.hears("tools/call").await;
        let cancelled = notification("notifications/cancelled", r#"{"requestId":2}"#);
        client.post(cancelled).await
    };
    let (reply, _) = tokio::join!(client.post(batch), cancel);

    assert_eq!(reply.text(), r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#);
}

#[tokio::test]
async fn a_request_of_a_batch_whose_answer_breaks_off_is_answered_with_an_error() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    server.on("tools/call", |_| {
        Answer::chunked(vec![b' '; 200_000], 1000).breaking()
    });
    let client = old(&gateway).await;

    let batch = format!(
        "[{},{}]",
        call("1", "up__echo", "{}"),
        request("2", "ping", "{}")
    );
    let reply = client.post(batch).await;

    let answers: Value = serde_json::from_slice(&reply.body).unwrap();
    let words = answers[0]["error"]["message"].as_str().unwrap();
    assert!(words.contains("`up` stopped"), "{words}");
    assert_eq!(answers[1]["id"], 2);
}

#[tokio::test]
async fn what_precedes_the_answers_of_a_batch_makes_it_a_stream() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let progress = notification(
        "notifications/progress",
        r#"{"progressToken":1,"progress":1}"#,
    );
    let scripted = progress.clone();
    server.on("tools/call", move |heard| {
        Answer::events([scripted.clone(), heard.result("{}")])
    });
    let client = gateway.client().open_as(OLD).await;

    let batch = format!(
        "[{},{}]",
        request("1", "ping", "{}"),
        call("2", "up__echo", "{}")
    );
    let events = client.post(batch).await.events();

    let data: Vec<&str> = events.iter().map(|event| event.data.as_str()).collect();
    let answer = |id| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
    assert_eq!(data, [&answer(1), &progress, &answer(2)]);
}
