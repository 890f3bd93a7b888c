//! Batches on a pipe, which carries messages both ways meanwhile.

use serde_json::{Value, json};

use crate::{
    pipe::{Client, Gate, server},
    support::{call, notification, request},
};

const OLD: &str = "2025-03-26";

fn batch(messages: &[String]) -> String {
    format!("[{}]", messages.join(","))
}

/// A call of the fake server's tool, that wants progress.
fn watched(id: &str, tool: &str) -> String {
    let params = format!(r#"{{"name":"kid__{tool}","_meta":{{"progressToken":"t"}}}}"#);
    request(id, "tools/call", &params)
}

async fn kid() -> (Gate, Client) {
    let gate = Gate::start(&server("kid", &[])).await;
    let client = gate.client_of(OLD).await;
    (gate, client)
}

#[tokio::test]
async fn its_answers_leave_together_in_the_order_of_the_requests() {
    let (gate, mut client) = kid().await;

    // The first is done when the second is: they run at once.
    client
        .say(&batch(&[
            call("1", "kid__hold", "{}"),
            call("\"two\"", "kid__nothing", "{}"),
            call("3", "kid__release", "{}"),
            request("4", "ping", "{}"),
        ]))
        .await;

    let answers = client.message().await;
    let ids: Vec<&Value> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["id"])
        .collect();
    assert_eq!(ids, [&json!(1), &json!("two"), &json!(3), &json!(4)]);
    assert_eq!(answers[1]["error"]["code"], -32602);
    assert_eq!(answers[3]["result"], json!({}));
    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn a_member_that_is_no_message_has_its_error_among_the_answers() {
    let gate = Gate::start("").await;
    let mut client = gate.client_of(OLD).await;

    let ping = request("91", "ping", "{}");
    client.say(&format!(r#"[7,{ping},{{"id":1}}]"#)).await;
    let answers = client.message().await;
    let codes = [0, 1, 2].map(|at| answers[at]["error"]["code"].as_i64());
    assert_eq!(codes, [Some(-32600), None, Some(-32600)], "{answers}");
    let ids = [0, 1, 2].map(|at| &answers[at]["id"]);
    assert_eq!(ids, [&Value::Null, &json!(91), &Value::Null]);

    client.say("[1,2]").await;
    assert_eq!(client.message().await.as_array().unwrap().len(), 2);
    // Not even a batch.
    client.say("[]").await;
    assert_eq!(client.message().await["error"]["code"], -32600);
    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn one_without_requests_has_no_answer() {
    let gate = Gate::start("").await;
    let mut client = gate.client_of(OLD).await;
    let news = notification("notifications/roots/list_changed", "{}");

    client.say(&batch(&[news.clone(), news])).await;

    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn what_is_no_request_is_heard_before_the_requests() {
    let (gate, mut client) = kid().await;
    client.say(&watched("1", "hold")).await;
    client.received("kid", r#""name":"hold""#, 1).await;
    let cancelled = notification("notifications/cancelled", r#"{"requestId":1}"#);

    // Were it heard in its turn, it would cancel the second `1`.
    client
        .say(&batch(&[call("1", "kid__echo", "{}"), cancelled]))
        .await;

    let answers = client.message().await;
    assert_eq!(answers[0]["id"], 1);
    assert!(answers[0]["result"].is_object(), "{answers}");
    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn progress_precedes_the_answers_and_a_cancelled_request_has_none() {
    let (gate, mut client) = kid().await;
    client
        .say(&batch(&[watched("1", "hold"), request("2", "ping", "{}")]))
        .await;
    let held = client.received("kid", r#""name":"hold""#, 1).await;
    let token = &held[0]["params"]["_meta"]["progressToken"];
    let progress = notification(
        "notifications/progress",
        &json!({"progressToken": token, "progress": 1}).to_string(),
    );
    client.call("kid__say", json!({"lines": [progress]})).await;
    let told = client.told("notifications/progress").await;
    assert_eq!(told["params"]["progressToken"], "t");

    client
        .notify("notifications/cancelled", &json!({"requestId": 1}))
        .await;

    let expected = json!([{"jsonrpc": "2.0", "id": 2, "result": {}}]);
    assert_eq!(client.message().await, expected);
    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn a_client_is_asked_while_its_batch_is_served() {
    let gate = Gate::start(&format!("{}scope = \"session\"\n", server("kid", &[]))).await;
    let mut client = gate.stranger();
    client.initialize_with(OLD, json!({"roots": {}})).await;
    let questions = json!({"questions": [{"method": "roots/list", "params": {}}]});

    let asking = call("7", "kid__ask", &questions.to_string());
    client.say(&batch(&[asking])).await;

    let question = client.message().await;
    assert_eq!(question["method"], "roots/list");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}});
    client.say(&batch(&[answer.to_string()])).await;
    let answers = client.message().await;
    assert_eq!(answers[0]["id"], 7);
    assert!(answers.to_string().contains(r#""roots":[]"#), "{answers}");
    gate.stop().await;
}

#[tokio::test]
async fn one_of_more_than_1024_messages_is_refused() {
    let gate = Gate::start("").await;
    let mut client = gate.client_of(OLD).await;
    let pings = |count| batch(&vec![request("1", "ping", "{}"); count]);

    client.say(&pings(1024)).await;
    assert_eq!(client.message().await.as_array().unwrap().len(), 1024);
    client.say(&pings(1025)).await;
    assert_eq!(client.message().await["error"]["code"], -32600);
    gate.stop().await;
}
