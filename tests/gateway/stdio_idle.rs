//! Servers that nobody needs are stopped, and there again when somebody does.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use http::Method;
use serde_json::{Value, json};

use crate::{
    pipe::{Client, Gate, fake, gone, server, soon, table},
    support::Gateway,
};

/// Waits until a server is in that state: nobody is told of it.
async fn becomes(gate: &Gate, server: &str, state: &str) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let looks = async {
        while gate.state(server) != state {
            ticks.tick().await;
        }
    };
    soon(&format!("{server} {state}"), looks).await;
}

async fn pid(client: &mut Client) -> u32 {
    client.text("s__pid", json!({})).await.parse().unwrap()
}

async fn tools(client: &mut Client) -> String {
    client.ask("tools/list", &json!({})).await["result"].to_string()
}

#[tokio::test]
async fn a_lazy_server_says_what_it_offers_and_is_launched_by_the_first_call() {
    let gate = Gate::start(&format!("{}start = 'lazy'\n", server("s", &[]))).await;
    let mut client = gate.client().await;

    becomes(&gate, "s", "idle").await;
    assert!(tools(&mut client).await.contains("s__pid"));
    assert_eq!(gate.state("s"), "idle", "a list launches nothing");

    let first = pid(&mut client).await;
    assert_eq!(
        pid(&mut client).await,
        first,
        "it stays, without `idle_stop`"
    );
    becomes(&gate, "s", "up").await;
    gate.stop().await;
    gone(first).await;
}

#[tokio::test]
async fn a_gateway_that_stops_while_a_server_goes_to_rest_does_not_wait_for_it() {
    // It goes to rest as soon as it has said what it offers, which is what the start waits for.
    let gate = Gate::start(&format!("{}start = 'lazy'\n", server("s", &[]))).await;

    let begun = tokio::time::Instant::now();
    gate.stop().await;

    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_server_that_nobody_needs_is_stopped_and_launched_again_by_the_next_call() {
    let gate = Gate::start(&format!("{}idle_stop = '200ms'\n", server("s", &[]))).await;
    let mut client = gate.client().await;
    let first = pid(&mut client).await;

    becomes(&gate, "s", "idle").await;

    gone(first).await;
    assert!(tools(&mut client).await.contains("s__pid"));
    let state = gate.state_of("s");
    assert_eq!((state.error, state.restarts), (None, 0), "it did not fail");
    assert_ne!(pid(&mut client).await, first);
    gate.stop().await;
}

#[tokio::test]
async fn calls_that_wake_a_server_are_all_answered_by_one_process() {
    let gate = Gate::start(&format!("{}start = 'lazy'\n", server("s", &[]))).await;
    let mut clients = [gate.client().await, gate.client().await];
    becomes(&gate, "s", "idle").await;

    let mut ids = Vec::new();
    for client in &mut clients {
        for _ in 0..20 {
            ids.push(client.begin_call("s__pid", json!({})).await);
        }
    }

    let mut pids: Vec<Value> = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let answer = clients[index / 20].answer(id).await;
        pids.push(answer["result"]["content"][0]["text"].clone());
    }
    pids.dedup();
    assert!(pids.len() == 1 && pids[0].is_string(), "{pids:?}");
    gate.stop().await;
}

#[tokio::test]
async fn a_call_or_a_subscription_keeps_a_server_up() {
    let tables = ["called", "watched", "unused"].map(|name| {
        let wait = if name == "unused" { "700ms" } else { "100ms" };
        format!("{}idle_stop = '{wait}'\n", server(name, &[]))
    });
    let gate = Gate::start(&tables.concat()).await;
    let mut client = gate.client().await;
    let uri = json!({"uri": "watched://one"});
    let watched = client.ask("resources/subscribe", &uri).await;
    assert!(watched["result"].is_object(), "{watched}");
    let held = client.begin_call("called__hold", json!({})).await;

    becomes(&gate, "unused", "idle").await;

    assert_eq!(gate.state("called"), "up");
    assert_eq!(gate.state("watched"), "up");
    client.call("called__release", json!({})).await;
    assert!(client.answer(&held).await["result"].is_object());
    client.ask("resources/unsubscribe", &uri).await;
    becomes(&gate, "watched", "idle").await;
    becomes(&gate, "called", "idle").await;
    gate.stop().await;
}

#[tokio::test]
async fn a_subscription_wakes_a_server_and_what_was_wanted_of_it_is_told_again() {
    let gate = Gate::start(&format!("{}start = 'lazy'\n", server("s", &[]))).await;
    let mut client = gate.client().await;
    becomes(&gate, "s", "idle").await;
    client
        .ask("logging/setLevel", &json!({"level": "info"}))
        .await;

    let uri = json!({"uri": "s://one"});
    let answer = client.ask("resources/subscribe", &uri).await;

    assert!(answer["result"].is_object(), "{answer}");
    client.received("s", "logging/setLevel", 1).await;
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_launched_again_is_down_and_the_call_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let script = format!("#!/bin/sh\nexec {} --name s\n", fake().display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let gate = Gate::start(&format!("{}start = 'lazy'\n", table("s", &program, &[]))).await;
    let mut client = gate.client().await;
    becomes(&gate, "s", "idle").await;
    fs::remove_file(&program).unwrap();

    let answer = client.call("s__pid", json!({})).await;

    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("it cannot be started: there is no"),
        "{answer}"
    );
    becomes(&gate, "s", "down").await;
    gate.stop().await;
}

#[tokio::test]
async fn servers_of_sessions_rest_once_the_last_session_is_over() {
    let text = format!(
        "{}scope = 'session'\nidle_stop = '100ms'\n",
        server("s", &[])
    );
    let gate = Gate::start(&text).await;
    becomes(&gate, "s", "idle").await;
    let mut client = gate.client().await;

    let own = pid(&mut client).await;
    becomes(&gate, "s", "up").await;
    client.close().await;

    gone(own).await;
    becomes(&gate, "s", "idle").await;
    gate.stop().await;
}

#[tokio::test]
async fn a_server_at_rest_is_not_down() {
    let gateway = Gateway::start(&format!("{}start = 'lazy'\n", server("s", &[]))).await;
    let rests = async {
        while gateway.state("s").state != "idle" {
            tokio::task::yield_now().await;
        }
    };
    soon("the rest", rests).await;

    let health = gateway.client().at("/health").ask(Method::GET, "").await;
    let health: Value = serde_json::from_slice(&health.body).unwrap();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["servers"]["s"]["state"], "idle");
    let metrics = gateway.client().at("/metrics").ask(Method::GET, "").await;
    let metrics = metrics.text();
    assert!(
        metrics.contains(r#"mcp_server_up{server="s"} 1"#),
        "{metrics}"
    );
    gateway.stop().await;
}
