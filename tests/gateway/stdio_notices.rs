//! What a shared server says without having been asked: who hears of it.

use serde_json::{Value, json};

use crate::pipe::{Client, Gate, server};

const CHANGED: &str = "notifications/tools/list_changed";
const MESSAGE: &str = "notifications/message";
const UPDATED: &str = "notifications/resources/updated";

/// A log message as a server writes it.
fn log(level: &str, data: &str) -> String {
    let params = json!({"level": level, "logger": "l", "data": data});
    json!({"jsonrpc": "2.0", "method": MESSAGE, "params": params}).to_string()
}

fn updated(uri: &str) -> String {
    json!({"jsonrpc": "2.0", "method": UPDATED, "params": {"uri": uri}}).to_string()
}

/// A server says these lines.
async fn say(client: &mut Client, server: &str, lines: &[String]) {
    client
        .call(&format!("{server}__say"), json!({"lines": lines}))
        .await;
}

async fn set_level(client: &mut Client, level: &str) {
    let answer = client
        .ask("logging/setLevel", &json!({"level": level}))
        .await;
    assert_eq!(answer["result"], json!({}));
}

/// The data of the log messages that a client got.
async fn logged(client: &mut Client) -> Vec<String> {
    let lines = client.rest().await;
    let data = lines.iter().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["params"]["data"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    data.collect()
}

#[tokio::test]
async fn a_log_message_goes_with_the_calls_under_way_and_to_those_who_asked_for_its_level() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut caller, mut listener) = (gate.client().await, gate.client().await);
    let (mut strict, mut idle) = (gate.client().await, gate.client().await);
    set_level(&mut listener, "info").await;
    set_level(&mut strict, "error").await;

    say(
        &mut caller,
        "s",
        &[log("info", "a"), log("debug", "b"), log("error", "c")],
    )
    .await;

    assert_eq!(logged(&mut caller).await, ["a", "b", "c"]);
    assert_eq!(logged(&mut listener).await, ["a", "c"]);
    assert_eq!(logged(&mut strict).await, ["c"]);
    assert_eq!(logged(&mut idle).await, [""; 0]);
    gate.stop().await;
}

#[tokio::test]
async fn a_log_message_comes_once_however_many_calls_are_under_way() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    set_level(&mut client, "debug").await;
    for _ in 0..3 {
        client.begin_call("s__hold", json!({})).await;
    }

    say(&mut client, "s", &[log("info", "once")]).await;

    assert_eq!(logged(&mut client).await, ["once"]);
    gate.stop().await;
}

#[tokio::test]
async fn a_server_hears_of_the_lowest_level_that_any_session_wants() {
    let gate = Gate::start(&[server("a", &[]), server("b", &[])].concat()).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);

    set_level(&mut ann, "warning").await;
    set_level(&mut bob, "debug").await;
    set_level(&mut ann, "critical").await;

    for server in ["a", "b"] {
        let lines = ann.received(server, "logging/setLevel", 3).await;
        let levels: Vec<&Value> = lines.iter().map(|line| &line["params"]["level"]).collect();
        assert_eq!(levels, ["warning", "debug", "debug"]);
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_hangs_on_a_level_does_not_keep_it_from_the_others() {
    let hangs = server("hangs", &["--mute", "logging/setLevel"]);
    let gate = Gate::start(&[hangs, server("s", &[])].concat()).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);

    ann.begin("logging/setLevel", &json!({"level": "debug"}))
        .await;

    let lines = bob.received("s", "logging/setLevel", 1).await;
    assert_eq!(lines[0]["params"]["level"], "debug");
    gate.stop().await;
}

#[tokio::test]
async fn only_subscribers_hear_of_a_resource_and_the_last_one_ends_the_subscription() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    let mut idle = gate.client().await;
    let one = json!({"uri": "s://one"});
    for client in [&mut ann, &mut bob] {
        assert_eq!(
            client.ask("resources/subscribe", &one).await["result"],
            json!({})
        );
    }

    say(&mut idle, "s", &[updated("s://one"), updated("s://other")]).await;
    assert_eq!(ann.rest().await, [updated("s://one")]);
    assert_eq!(bob.rest().await, [updated("s://one")]);
    assert!(idle.rest().await.is_empty());

    assert_eq!(
        ann.ask("resources/unsubscribe", &one).await["result"],
        json!({})
    );
    assert!(
        idle.received("s", "resources/unsubscribe", 0)
            .await
            .is_empty()
    );
    say(&mut idle, "s", &[updated("s://one")]).await;
    assert_eq!(bob.rest().await, [updated("s://one")]);
    assert!(ann.rest().await.is_empty());

    bob.ask("resources/unsubscribe", &one).await;
    assert_eq!(
        idle.received("s", "resources/unsubscribe", 1).await.len(),
        1
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_session_that_ends_takes_its_subscriptions_along() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    ann.ask("resources/subscribe", &json!({"uri": "s://one"}))
        .await;

    ann.close().await;

    let told = bob.received("s", "resources/unsubscribe", 1).await;
    assert_eq!(told[0]["params"], json!({"uri": "s://one"}));
    gate.stop().await;
}

#[tokio::test]
async fn a_changed_list_is_fetched_again_and_told_once() {
    let gate = Gate::start(&[server("a", &[]), server("b", &[])].concat()).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    let tools = json!([{"name": "new", "inputSchema": {"type": "object"}}]);

    ann.call("a__offer", json!({"tools": tools})).await;

    for client in [&mut ann, &mut bob] {
        client.told(CHANGED).await;
        let listed = client.ask("tools/list", &json!({})).await["result"].to_string();
        assert!(listed.contains("a__new"));
        assert!(client.rest().await.is_empty(), "told once");
    }
    assert!(ann.call("a__new", json!({})).await["result"].is_object());
    assert_eq!(ann.received("a", "tools/list", 2).await.len(), 2);
    assert_eq!(
        ann.received("b", "tools/list", 0).await.len(),
        1,
        "the other one is left alone"
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_told_to_nobody() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;

    client.call("s__offer", json!({"tools": []})).await;

    client.received("s", "tools/list", 2).await;
    // The answer to the second one is taken in before this.
    client.call("s__echo", json!({})).await;
    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn a_bad_item_costs_its_server_nothing_else() {
    let long = "x".repeat(128);
    let object = json!({"type": "object"});
    let tools = json!([
        {"name": "no schema"},
        {"name": 7, "inputSchema": object},
        {"inputSchema": object},
        {"name": "odd/näme", "inputSchema": object},
        {"name": long, "inputSchema": object},
        {"name": "pid", "inputSchema": object},
    ]);
    let gate = Gate::start(&server("s", &["--tools", &tools.to_string()])).await;
    let mut client = gate.client().await;

    let listed = client.ask("tools/list", &json!({})).await;

    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 14, "{names:?}");
    assert_eq!(names[12], "s__odd_n_me");
    assert!(names.iter().all(|name| name.len() <= 50));
    for (exposed, own) in [(names[12], "odd/näme"), (names[13], long.as_str())] {
        let answer = client.call(exposed, json!({})).await;
        assert_eq!(answer["result"]["params"]["name"], own);
    }
    gate.stop().await;
}

#[tokio::test]
async fn instructions_stand_under_their_servers_names_in_the_order_of_the_file() {
    let z = server("z", &["--instructions", " Ask z first. \n"]);
    let a = server("a", &["--instructions", "Then a."]);
    let gate = Gate::start(&[z, server("none", &[]), a].concat()).await;

    let greeting = gate.stranger().initialize("2025-06-18").await;

    let expected = "# z\n\nAsk z first.\n\n# a\n\nThen a.";
    assert_eq!(greeting["result"]["instructions"], expected);
    gate.stop().await;
}

#[tokio::test]
async fn what_a_server_asks_is_answered_by_the_gateway_and_reaches_no_client() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    let ask = |id: &str, method: &str| {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {}}).to_string()
    };
    let lines = [
        ask("Q1", "ping"),
        ask("Q2", "sampling/createMessage"),
        ask("Q3", "roots/list"),
        ask("Q4", "elicitation/create"),
        ask("Q5", "no/such"),
    ];

    ann.call("s__say", json!({"lines": lines})).await;

    let replies = ann.received("s", r#""id":"Q"#, 5).await;
    let reply = |id: &str| replies.iter().find(|reply| reply["id"] == id).unwrap();
    assert_eq!(reply("Q1")["result"], json!({}));
    for id in ["Q2", "Q3", "Q4", "Q5"] {
        assert_eq!(reply(id)["error"]["code"], -32601, "{id}");
        assert_eq!(reply(id)["result"], Value::Null);
    }
    assert!(ann.rest().await.is_empty() && bob.rest().await.is_empty());
    gate.stop().await;
}
