//! What commands ask: it reaches the one client whose call is served, and nobody else.

use serde_json::{Value, json};

use crate::{
    pipe::{Client, Gate, server},
    support::request,
};

const ALL: &str = r#"{"sampling":{},"elicitation":{},"roots":{"listChanged":true}}"#;
const ASKED: [(&str, &str); 3] = [
    (
        "sampling/createMessage",
        r#"{"messages":[],"maxTokens":1E+2,"x":"\u00e9"}"#,
    ),
    (
        "elicitation/create",
        r#"{"message":"?","requestedSchema":{"z":1,"a":2}}"#,
    ),
    ("roots/list", r#"{"_meta":{"x/y":null}}"#),
];

/// A table of a command that may ask.
fn session_scoped(name: &str) -> String {
    format!("{}scope = \"session\"\n", server(name, &[]))
}

/// The arguments of the tool `ask`.
fn asking(questions: &[(&str, &str)]) -> Value {
    let question = |(method, params): &(&str, &str)| {
        let params: Value = serde_json::from_str(params).unwrap();
        json!({"method": method, "params": params})
    };
    json!({"questions": questions.iter().map(question).collect::<Vec<_>>()})
}

async fn capable(gate: &Gate) -> Client {
    let mut client = gate.stranger();
    let capabilities = serde_json::from_str(ALL).unwrap();
    client.initialize_with("2025-11-25", capabilities).await;
    client
}

#[tokio::test]
async fn a_command_of_ones_own_asks_everything_and_gets_the_answers_as_written() {
    let gate = Gate::start(&session_scoped("kid")).await;
    let mut client = capable(&gate).await;
    let id = client.begin_call("kid__ask", asking(&ASKED)).await;
    for (number, (method, _)) in ASKED.iter().enumerate() {
        let question = client.told(method).await;
        assert_eq!(
            question["params"],
            asking(&ASKED)["questions"][number]["params"]
        );
        let result = format!(r#"{{"n":[{number},1E+2],"_meta":{{"k":null}}}}"#);
        client
            .say(&format!(
                r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#,
                question["id"]
            ))
            .await;
    }
    let answer = client.raw_answer(&id).await;
    let expected = [0, 1, 2].map(|n| format!(r#"{{"n":[{n},1E+2],"_meta":{{"k":null}}}}"#));
    assert!(answer.contains(&expected.join(",")), "{answer}");
    gate.stop().await;
}

#[tokio::test]
async fn what_the_client_cannot_answer_is_declined_and_the_client_hears_nothing() {
    let gate = Gate::start(&format!(
        "{}{}",
        session_scoped("kid"),
        server("shared", &[])
    ))
    .await;
    let mut deaf = gate.client().await;
    let declined = deaf.call("kid__ask", asking(&ASKED)).await;
    let mut client = capable(&gate).await;
    let shared = client.call("shared__ask", asking(&ASKED)).await;
    for answer in [declined, shared] {
        let answers = answer["result"]["answers"].as_array().unwrap();
        assert_eq!(answers.len(), 3);
        assert!(
            answers.iter().all(|answer| answer["code"] == -32601),
            "{answers:?}"
        );
    }
    assert_eq!(deaf.rest().await, [""; 0]);
    assert_eq!(client.rest().await, [""; 0]);
    gate.stop().await;
}

#[tokio::test]
async fn a_clients_error_is_the_servers_answer() {
    let gate = Gate::start(&session_scoped("kid")).await;
    let mut client = capable(&gate).await;
    let id = client.begin_call("kid__ask", asking(&ASKED[..1])).await;
    let question = client.told(ASKED[0].0).await;
    let error = r#"{"code":-1,"message":"User rejected","data":{"z":1.50}}"#;
    client
        .say(&format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#,
            question["id"]
        ))
        .await;
    assert!(client.raw_answer(&id).await.contains(&format!("[{error}]")));
    gate.stop().await;
}

#[tokio::test]
async fn two_sessions_are_asked_each_its_own_though_their_servers_count_alike() {
    let gate = Gate::start(&session_scoped("kid")).await;
    let (mut one, mut two) = (capable(&gate).await, capable(&gate).await);
    let mut calls = Vec::new();
    for (client, text) in [(&mut one, "one"), (&mut two, "two")] {
        let params = format!(r#"{{"message":"{text}"}}"#);
        let questions = asking(&[("elicitation/create", &params)]);
        calls.push(client.begin_call("kid__ask", questions).await);
    }
    for (client, call, text) in [(&mut two, &calls[1], "two"), (&mut one, &calls[0], "one")] {
        let question = client.told("elicitation/create").await;
        assert_eq!(question["params"]["message"], text);
        let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"for": text}});
        client.say(&answer.to_string()).await;
        let answers = &client.answer(call).await["result"]["answers"];
        assert_eq!(*answers, json!([{"for": text}]));
        assert_eq!(client.rest().await, [""; 0]);
    }
    gate.stop().await;
}

#[tokio::test]
async fn what_is_asked_right_before_the_answer_is_asked_all_the_same() {
    let gate = Gate::start(&session_scoped("kid")).await;
    let mut client = capable(&gate).await;
    for _ in 0..20 {
        let lines = json!({"lines": [request("71", "elicitation/create", "{}")]});
        let id = client.begin_call("kid__say", lines).await;
        assert_eq!(client.message().await["method"], "elicitation/create");
        assert_eq!(client.message().await["id"].to_string(), id);
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_ping_of_a_server_is_answered_here() {
    let gate = Gate::start(&session_scoped("kid")).await;
    let mut client = capable(&gate).await;
    let answer = client.call("kid__ask", asking(&[("ping", "{}")])).await;
    assert_eq!(answer["result"]["answers"], json!([{}]));
    assert_eq!(client.rest().await, [""; 0]);
    gate.stop().await;
}
