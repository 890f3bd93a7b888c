//! A call of a client without a session that waits for what the client is asked.

use serde_json::{Value, json};

use crate::support::{Answer, Client, Gate, Gateway, HttpServer};

/// A call of `up__echo` that can be asked; `more` joins its parameters.
async fn call(client: &Client, id: u8, more: Value) -> Value {
    let mut params = json!({
        "name": "up__echo",
        "arguments": {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        },
    });
    let members = params.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    client.post(call.to_string()).await.answer()
}

#[tokio::test]
async fn a_question_that_the_server_gives_up_is_not_asked_again() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gate = Gate::default();
    let gave_up = gate.clone();
    server.on("tools/call", move |heard| {
        let question =
            r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?"}}"#;
        let answer = Answer::events([heard.result("{}")]);
        Answer::events([question]).wait(&gave_up).then(answer)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.client();
    let client = client.with("mcp-protocol-version", "2026-07-28");
    let client = client
        .with("mcp-method", "tools/call")
        .with("mcp-name", "up__echo");
    let asked = call(&client, 1, json!({})).await;
    let state = &asked["result"]["requestState"];
    let questions = asked["result"]["inputRequests"].as_object().unwrap();
    let key = questions.keys().next().unwrap();

    gate.open();
    // Nothing tells outside that the gateway has read the answer.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let brought = json!({"requestState": state, "inputResponses": {key: {"action": "accept"}}});
    let answer = call(&client, 2, brought).await;

    assert_eq!(answer["id"], 2);
    assert_eq!(answer["result"]["resultType"], "complete");
}
