//! A call that nobody waits for any more: its server is told, once, in its own terms.

use serde_json::{Value, json};

use crate::pipe::{Client, Gate, server, soon};

const CANCELLED: &str = "notifications/cancelled";

/// The id under which a server knows the only call of `hold`.
async fn held(client: &mut Client, server: &str) -> Value {
    let calls = client.received(server, r#""name":"hold""#, 1).await;
    calls.last().unwrap()["id"].clone()
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_under_the_servers_id_and_in_the_clients_words() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    client
        .request("\"mine\"", "tools/call", &json!({"name": "s__hold"}))
        .await;
    let id = held(&mut client, "s").await;

    let why = json!({"requestId": "mine", "reason": "changed my mind", "x": {"y": 1}});
    client.notify(CANCELLED, &why).await;

    let told = client.received("s", CANCELLED, 1).await;
    let expected = json!({"requestId": id, "reason": "changed my mind", "x": {"y": 1}});
    assert_eq!(told[0]["params"], expected);
    gate.stop().await;
}

#[tokio::test]
async fn a_cancelled_call_is_not_answered() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let id = client.begin_call("s__hold", json!({})).await;
    held(&mut client, "s").await;
    client
        .notify(CANCELLED, &json!({"requestId": id.parse::<u64>().unwrap()}))
        .await;
    client.received("s", CANCELLED, 1).await;

    client.call("s__release", json!({})).await;

    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

/// Trap: A cancellation for all servers, or for none.
#[tokio::test]
async fn only_the_server_that_has_the_call_is_told() {
    let gate = Gate::start(&[server("a", &[]), server("b", &[])].concat()).await;
    let mut client = gate.client().await;
    client.begin_call("b__hold", json!({})).await;
    let id = client.begin_call("a__hold", json!({})).await;
    held(&mut client, "a").await;
    held(&mut client, "b").await;

    client
        .notify(CANCELLED, &json!({"requestId": id.parse::<u64>().unwrap()}))
        .await;

    client.received("a", CANCELLED, 1).await;
    assert!(client.received("b", CANCELLED, 0).await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn another_clients_call_of_the_same_id_goes_on() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    for client in [&mut ann, &mut bob] {
        client
            .request("7", "tools/call", &json!({"name": "s__hold"}))
            .await;
    }
    ann.received("s", r#""name":"hold""#, 2).await;

    ann.notify(CANCELLED, &json!({"requestId": 7})).await;

    assert_eq!(ann.received("s", CANCELLED, 1).await.len(), 1);
    ann.call("s__release", json!({})).await;
    assert_eq!(
        bob.answer("7").await["result"]["content"][0]["text"],
        "released"
    );
    gate.stop().await;
}

#[tokio::test]
async fn another_clients_call_of_the_same_id_goes_on_where_neither_has_a_session() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut watcher = gate.client().await;
    let (mut ann, mut bob) = (gate.stranger(), gate.stranger());
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    for (client, count) in [(&mut ann, 1), (&mut bob, 2)] {
        let params = json!({"name": "s__hold", "_meta": meta});
        client.request("7", "tools/call", &params).await;
        watcher.received("s", r#""name":"hold""#, count).await;
    }

    ann.notify(CANCELLED, &json!({"requestId": 7})).await;

    assert_eq!(watcher.received("s", CANCELLED, 1).await.len(), 1);
    watcher.call("s__release", json!({})).await;
    assert_eq!(
        bob.answer("7").await["result"]["content"][0]["text"],
        "released"
    );
    gate.stop().await;
}

#[tokio::test]
async fn what_is_finished_or_unknown_is_not_cancelled() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    client
        .request("1", "tools/call", &json!({"name": "s__echo"}))
        .await;
    client.answer("1").await;

    for params in [
        json!({"requestId": 1}),
        json!({"requestId": "none"}),
        json!({}),
    ] {
        client.notify(CANCELLED, &params).await;
    }

    client.text("s__pid", json!({})).await;
    assert!(client.received("s", CANCELLED, 0).await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_fails_alone_and_is_cancelled() {
    let gate = Gate::start(&format!("{}timeout = '1s'\n", server("s", &[]))).await;
    let mut client = gate.client().await;

    let answer = client.call("s__hold", json!({})).await;

    assert_eq!(answer["error"]["code"], -32001);
    assert_eq!(
        answer["error"]["data"],
        json!({"server": "s", "timeout_seconds": 1.0})
    );
    let words = answer["error"]["message"].as_str().unwrap();
    assert!(
        words.ends_with("within 1s ([servers.s] timeout)"),
        "{words}"
    );
    let id = held(&mut client, "s").await;
    let told = client.received("s", CANCELLED, 1).await;
    assert_eq!(told[0]["params"]["requestId"], id);
    gate.stop().await;
}

#[tokio::test]
async fn the_shorter_of_two_settings_ends_a_call_and_is_named() {
    let gate = Gate::start(&format!("{}timeout_total = '1s'\n", server("s", &[]))).await;
    let mut client = gate.client().await;

    let answer = client.call("s__hold", json!({})).await;

    let words = answer["error"]["message"].as_str().unwrap();
    assert!(
        words.ends_with("within 1s ([servers.s] timeout_total)"),
        "{words}"
    );
    gate.stop().await;
}

#[tokio::test]
async fn the_calls_of_a_client_that_is_gone_are_cancelled() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut watcher, mut client) = (gate.client().await, gate.client().await);
    let params = json!({"name": "s__hold", "_meta": {"progressToken": "t"}});
    client.ask("ping", &json!({})).await;
    client.begin("tools/call", &params).await;
    let id = held(&mut watcher, "s").await;
    let progress = json!({"progressToken": id, "progress": 1});
    let line = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress});

    let served = client.vanish();
    // That nobody reads shows when something is written.
    watcher
        .call("s__say", json!({"lines": [line.to_string()]}))
        .await;

    let told = watcher.received("s", CANCELLED, 1).await;
    assert_eq!(told[0]["params"], json!({"requestId": id}));
    soon("the end of its service", served).await.unwrap();
    gate.stop().await;
}

#[tokio::test]
async fn what_goes_on_long_after_the_end_of_input_is_cancelled() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut watcher, mut client) = (gate.client().await, gate.client().await);
    client.begin_call("s__hold", json!({})).await;
    let id = held(&mut watcher, "s").await;

    // The clock jumps to whatever is waited for.
    tokio::time::pause();
    assert!(client.close().await.is_empty());
    tokio::time::resume();

    let told = watcher.received("s", CANCELLED, 1).await;
    assert_eq!(told[0]["params"], json!({"requestId": id}));
    gate.stop().await;
}
