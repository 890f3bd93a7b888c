//! Two users of one server: a thousand rounds of questions, and none reaches the wrong one.

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    pipe::server,
    support::{Answer, Client, Events, Gateway, HttpServer, call, request},
};

const ASKS: &str = r#"{"elicitation":{}}"#;
const KEYS: [(&str, &str); 2] = [("alice", "key-of-alice"), ("bob", "key-of-bob")];
/// Questions of each of the two sessions of each of the two users.
const ROUNDS: usize = 250;

fn user(gateway: &Gateway, key: &str) -> Client {
    gateway.client().with("x-api-key", key)
}

fn scope_user() -> String {
    format!("{}scope = \"user\"\n", server("kid", &[]))
}

async fn started(table: &str) -> Gateway {
    let gateway = Gateway::with_keys(table, &KEYS).await;
    gateway.settled().await;
    gateway
}

/// Answers what it is asked, and gives the answer to the call. The question must be for `who`.
async fn round(client: &Client, who: &str, mut events: Events) -> Value {
    loop {
        let message: Value = serde_json::from_str(&events.data().await).unwrap();
        if message["method"] != "elicitation/create" {
            return message;
        }
        assert_eq!(message["params"]["message"], who);
        let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"from": who}});
        assert_eq!(client.post(answer.to_string()).await.status, 202);
    }
}

/// The rounds of one session; `tool` asks what its arguments say.
async fn rounds(client: Client, who: &'static str, tool: &'static str) {
    for id in 0..ROUNDS {
        let question = json!({"method": "elicitation/create", "params": {"message": who}});
        let arguments = json!({"who": who, "questions": [question]}).to_string();
        let events = client
            .post_events(call(&id.to_string(), tool, &arguments))
            .await;
        let answer = round(&client, who, events).await;
        assert_eq!(answer["id"], id);
        assert_eq!(
            answer["result"]["answers"],
            json!([{"from": who}]),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_command() {
    let gateway = started(&scope_user()).await;
    let mut all = JoinSet::new();
    // Within one user, it cannot be told which session a question belongs to: one at a time.
    for (name, key) in KEYS {
        let client = user(&gateway, key).open_with("2025-11-25", ASKS).await;
        let second = user(&gateway, key).open_with("2025-11-25", ASKS).await;
        all.spawn(async move {
            rounds(client, name, "kid__ask").await;
            rounds(second, name, "kid__ask").await;
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_remote_server() {
    let server = HttpServer::with_tools(&["ask"]).await;
    let gates: std::sync::Arc<dashmap::DashMap<String, crate::support::Gate>> =
        std::sync::Arc::default();
    let opened = gates.clone();
    // Its ids are all alike; only the session tells one question from another.
    server.on("tools/call", move |heard| {
        let gate = crate::support::Gate::default();
        let who = heard.param("arguments")["who"].clone();
        gates.insert(heard.session().to_owned(), gate.clone());
        let asked = request(
            "1",
            "elicitation/create",
            &json!({"message": who}).to_string(),
        );
        let result = json!({"answers": [{"from": who}]}).to_string();
        let answer = Answer::events([heard.result(&result)]);
        Answer::events([asked]).wait(&gate).then(answer)
    });
    server.on("", move |heard| {
        let gate = opened.get(heard.session());
        assert!(heard.text().starts_with(r#"{"id":1,"#), "{}", heard.text());
        gate.expect("an answer to a session that has not asked")
            .open();
        Answer::status(202)
    });
    let gateway = started(&server.table("up")).await;
    let mut all = JoinSet::new();
    for (name, key) in KEYS {
        for _ in 0..2 {
            let client = user(&gateway, key).open_with("2025-11-25", ASKS).await;
            all.spawn(rounds(client, name, "up__ask"));
        }
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    let mut users = HashMap::new();
    for asked in server.heard_of("tools/call") {
        let who = asked.param("arguments")["who"].clone();
        users.insert(asked.session().to_owned(), who);
    }
    let mut answers = server.heard_of("");
    answers.retain(|heard| heard.verb == http::Method::POST);
    assert_eq!(answers.len(), 4 * ROUNDS);
    for answer in answers {
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(said["result"]["from"], users[answer.session()]);
    }
}

#[tokio::test]
async fn the_sessions_of_one_user_share_a_command_and_another_user_has_its_own() {
    let gateway = started(&scope_user()).await;
    let mut pids = Vec::new();
    let mut clients = Vec::new();
    for key in ["key-of-alice", "key-of-alice", "key-of-bob"] {
        let client = user(&gateway, key).open().await;
        pids.push(client.call("kid__pid", "{}").await.answer()["result"].clone());
        clients.push(client);
    }
    assert_eq!(pids[0], pids[1]);
    assert_ne!(pids[0], pids[2]);
    let pid = |at: usize| {
        pids[at]["content"][0]["text"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    };

    // It ends with the last of its user's sessions.
    clients[0].ask(http::Method::DELETE, "").await;
    let still = clients[1].call("kid__pid", "{}").await.answer()["result"].clone();
    assert_eq!(still, pids[0]);
    clients[1].ask(http::Method::DELETE, "").await;
    crate::pipe::gone(pid(0)).await;
    assert!(crate::pipe::alive(pid(2)));
}
