//! A server may ask a client 64 things at once, however it is connected; beyond that it is told
//! at once that nobody answers, until an answer makes room.

use serde_json::{Value, json};

use crate::{
    pipe::{Gate as Pipe, server},
    support::{Answer, Client, Gate, Gateway, Heard, HttpServer, call, request},
};

const AT_ONCE: usize = 64;
const ROOTS: &str = r#"{"roots":{}}"#;

/// A question under that id. A server should not use one twice; nothing keeps it from that.
fn question(id: &str) -> String {
    request(id, "roots/list", "{}")
}

/// One more than may wait, and the id of the one too many.
fn too_many() -> (Vec<String>, &'static str) {
    let mut questions = vec![question(r#""same""#); AT_ONCE];
    questions.push(question(r#""beyond""#));
    (questions, r#""beyond""#)
}

fn answers(id: &'static str) -> impl Fn(&Heard) -> bool {
    move |heard| heard.method().is_empty() && heard.id() == id
}

fn assert_declined(answer: &str) {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let words = "the client behind this gateway offers no such feature";
    assert_eq!(answer["error"], json!({"code": -32601, "message": words}));
}

async fn capable(gateway: &Gateway) -> Client {
    gateway.client().open_with("2025-11-25", ROOTS).await
}

async fn answer(client: &Client, question: &str) {
    let question: Value = serde_json::from_str(question).unwrap();
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}});
    assert_eq!(client.post(answer.to_string()).await.status, 202);
}

#[tokio::test]
async fn on_a_sessions_stream() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = capable(&gateway).await;
    client.call("up__echo", "{}").await;
    let session = server.heard_of("tools/call")[0].session().to_owned();
    let mut stream = client.listen().await;
    let (questions, beyond) = too_many();

    for question in &questions {
        server.push(&session, question).await;
    }
    assert_declined(server.nth("the refusal", 1, answers(beyond)).await.text());
    let first = stream.data().await;
    for _ in 1..AT_ONCE {
        assert!(stream.data().await.contains("roots/list"));
    }

    answer(&client, &first).await;
    server.nth("the answer", 1, answers(r#""same""#)).await;
    server.push(&session, &question("7")).await;
    assert!(stream.data().await.contains("roots/list"));
}

#[tokio::test]
async fn on_the_stream_of_a_call() {
    let server = HttpServer::with_tools(&["ask"]).await;
    let (gate, held) = (Gate::default(), Gate::default());
    let (opens, holds) = (gate.clone(), held.clone());
    server.on("tools/call", move |_| {
        let more = Answer::events([question("7")]).wait(&holds);
        Answer::events(too_many().0).wait(&opens).then(more)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = capable(&gateway).await;
    let mut stream = client.post_events(call("1", "up__ask", "{}")).await;

    assert_declined(
        server
            .nth("the refusal", 1, answers(r#""beyond""#))
            .await
            .text(),
    );
    let first = stream.data().await;
    for _ in 1..AT_ONCE {
        assert!(stream.data().await.contains("roots/list"));
    }

    answer(&client, &first).await;
    server.nth("the answer", 1, answers(r#""same""#)).await;
    gate.open();
    assert!(stream.data().await.contains("roots/list"));
}

#[tokio::test]
async fn on_the_pipe_of_a_command() {
    let gate = Pipe::start(&format!("{}scope = \"session\"\n", server("kid", &[]))).await;
    let mut client = gate.stranger();
    let capabilities = serde_json::from_str(ROOTS).unwrap();
    client.initialize_with("2025-11-25", capabilities).await;
    let call = client.begin_call("kid__hold", json!({})).await;

    client
        .call("kid__say", json!({"lines": too_many().0}))
        .await;

    for _ in 0..AT_ONCE {
        client.told("roots/list").await;
    }
    let declined = client.received("kid", r#""beyond""#, 1).await;
    assert!(
        declined
            .iter()
            .any(|line| line["id"] == "beyond" && line["error"]["code"] == -32601)
    );
    client.call("kid__release", json!({})).await;
    client.answer(&call).await;
    gate.stop().await;
}
