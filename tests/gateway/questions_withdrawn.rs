//! A server takes a question back: the client learns of it, under the id that it knows.

use serde_json::{Value, json};

use crate::{
    pipe::{Gate, server},
    support::{Answer, Gateway, HttpServer, call, notification, request},
};

const ASKS: &str = r#"{"elicitation":{}}"#;

fn question(id: u64) -> String {
    request(&id.to_string(), "elicitation/create", "{}")
}

fn cancelled(id: &str) -> String {
    notification(
        "notifications/cancelled",
        &format!(r#"{{"requestId":{id}}}"#),
    )
}

fn id_of(question: &str) -> String {
    serde_json::from_str::<Value>(question).unwrap()["id"].to_string()
}

#[tokio::test]
async fn by_a_command() {
    let gate = Gate::start(&format!("{}scope = \"session\"\n", server("kid", &[]))).await;
    let mut client = gate.stranger();
    let capabilities = json!({"elicitation": {}});
    client.initialize_with("2025-11-25", capabilities).await;
    let question = json!({"method": "elicitation/create", "params": {}});
    let asking = json!({"questions": [question, question]});
    client.begin_call("kid__ask", asking).await;
    let first = client.told("elicitation/create").await["id"].to_string();
    let second = client.told("elicitation/create").await["id"].to_string();
    assert_ne!(first, second);

    let lines = json!({"lines": [cancelled("2"), cancelled("999")]});
    client.call("kid__say", lines).await;

    let told = client.told("notifications/cancelled").await;
    assert_eq!(told["params"]["requestId"].to_string(), second);
    assert_eq!(client.rest().await, [""; 0]);
    gate.stop().await;
}

#[tokio::test]
async fn on_the_stream_of_a_call() {
    let server = HttpServer::with_tools(&["ask"]).await;
    let (ask, end) = (
        crate::support::Gate::default(),
        crate::support::Gate::default(),
    );
    let (asked, ended) = (ask.clone(), end.clone());
    server.on("tools/call", move |heard| {
        Answer::events([question(71), question(72)])
            .wait(&asked)
            .then(Answer::events([cancelled("72"), cancelled("999")]))
            .wait(&ended)
            .then(Answer::events([heard.result("{}")]))
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.client().open_with("2025-11-25", ASKS).await;
    let mut events = client.post_events(call("7", "up__ask", "{}")).await;
    let ids = [id_of(&events.data().await), id_of(&events.data().await)];

    ask.open();
    assert_eq!(events.data().await, cancelled(&ids[1]));
    end.open();
    assert_eq!(events.data().await, cancelled(&ids[0]));
    assert_eq!(
        events.data().await,
        r#"{"jsonrpc":"2.0","id":7,"result":{}}"#
    );
}

#[tokio::test]
async fn on_a_sessions_own_stream() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.client().open_with("2025-11-25", ASKS).await;
    client.call("up__echo", "{}").await;
    let session = server.heard_of("tools/call")[0].session().to_owned();
    let mut mine = client.listen().await;
    server.push(&session, &question(71)).await;
    server.push(&session, &question(72)).await;
    let ids = [id_of(&mine.data().await), id_of(&mine.data().await)];

    server.push(&session, &cancelled("999")).await;
    server.push(&session, &cancelled("72")).await;
    assert_eq!(mine.data().await, cancelled(&ids[1]));
    server
        .push(&session, &notification("notifications/x", "{}"))
        .await;
    assert_eq!(mine.data().await, notification("notifications/x", "{}"));
}

#[tokio::test]
async fn by_dying() {
    let gate = Gate::start(&format!("{}scope = \"session\"\n", server("kid", &[]))).await;
    let mut client = gate.stranger();
    let capabilities = json!({"elicitation": {}});
    client.initialize_with("2025-11-25", capabilities).await;
    client.call("kid__pid", json!({})).await;
    let asking = json!({"questions": [{"method": "elicitation/create", "params": {}}]});
    let call = client.begin_call("kid__ask", asking).await;
    let id = client.told("elicitation/create").await["id"].clone();

    client.begin_call("kid__die", json!({"status": 3})).await;

    let told = client.told("notifications/cancelled").await;
    assert_eq!(told["params"]["requestId"], id);
    assert_eq!(client.answer(&call).await["error"]["code"], -32000);
    gate.stop().await;
}
