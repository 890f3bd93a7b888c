//! Servers that die, hang, or never come: they cost their own calls and nothing else.

use std::time::Duration;

use serde_json::json;

use crate::pipe::{Client, Gate, alive, fake, gone, server, signal, soon, table};

/// The process of a fake server.
async fn pid(client: &mut Client, server: &str) -> u32 {
    let text = client.text(&format!("{server}__pid"), json!({})).await;
    text.parse().unwrap()
}

/// Calls `pid` until the server is there again: clients are not told of a restart.
async fn back(client: &mut Client, server: &str) -> u32 {
    let tool = format!("{server}__pid");
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let calls = async {
        loop {
            ticks.tick().await;
            let answer = client.call(&tool, json!({})).await;
            if let Some(text) = answer["result"]["content"][0]["text"].as_str() {
                return text.parse().unwrap();
            }
            assert_eq!(answer["error"]["code"], -32000, "{answer}");
        }
    };
    soon("the restart", calls).await
}

#[tokio::test]
async fn acceptance_4_a_server_killed_in_mid_call_fails_that_call_alone_and_comes_back() {
    let gate = Gate::start(&[server("a", &[]), server("b", &[])].concat()).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    let killed = pid(&mut ann, "a").await;
    let beside = bob.begin_call("b__hold", json!({})).await;
    let lost = ann.begin_call("a__hold", json!({})).await;
    ann.received("a", r#""name":"hold""#, 1).await;

    signal("KILL", killed).await;

    let at_once = tokio::time::timeout(Duration::from_secs(2), ann.answer(&lost)).await;
    let error = &at_once.expect("the call fails at once")["error"];
    assert_eq!(error["code"], -32000);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("server `a` stopped"),
        "{error}"
    );
    assert_eq!(error["data"], json!({"server": "a", "stderr": []}));
    bob.call("b__release", json!({})).await;
    assert_eq!(
        bob.answer(&beside).await["result"]["content"][0]["text"],
        "released"
    );
    assert_ne!(back(&mut ann, "a").await, killed);
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_exits_in_mid_call_leaves_its_status_and_its_last_words() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let lines: Vec<String> = (1..=9).map(|number| format!("line {number}")).collect();

    let answer = client
        .call("s__die", json!({"status": 3, "stderr": lines}))
        .await;

    let error = &answer["error"];
    assert_eq!(
        error["message"],
        "server `s` stopped during the call: exit status: 3"
    );
    let last = ["line 5", "line 6", "line 7", "line 8", "line 9"];
    assert_eq!(error["data"], json!({"server": "s", "stderr": last}));
    back(&mut client, "s").await;
    gate.stop().await;
}

#[tokio::test]
async fn every_call_in_flight_hears_of_the_end() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut clients = [gate.client().await, gate.client().await];
    for client in &mut clients {
        for _ in 0..50 {
            client.begin_call("s__hold", json!({})).await;
        }
    }

    clients[0].call("s__die", json!({})).await;

    for client in &mut clients {
        for id in 2..=51 {
            assert_eq!(
                client.answer(&id.to_string()).await["error"]["code"],
                -32000
            );
        }
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_server_whose_child_holds_its_pipes_is_dead_all_the_same_when_it_dies() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let killed = pid(&mut client, "s").await;
    let sleeper: u32 = client.text("s__spawn", json!({})).await.parse().unwrap();
    let lost = client.begin_call("s__hold", json!({})).await;
    client.received("s", r#""name":"hold""#, 1).await;

    signal("KILL", killed).await;

    assert_eq!(client.answer(&lost).await["error"]["data"]["server"], "s");
    gone(sleeper).await;
    assert_ne!(back(&mut client, "s").await, killed);
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_closes_its_output_but_lives_on_is_replaced() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let first = pid(&mut client, "s").await;

    let script = "exec >&- 2>&-; exec sleep 3600";
    let answer = client.call("s__become", json!({"script": script})).await;

    assert_eq!(answer["error"]["data"]["server"], "s");
    assert_ne!(back(&mut client, "s").await, first);
    gone(first).await;
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_closes_its_input_but_lives_on_is_replaced() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let first = pid(&mut client, "s").await;
    let script = "exec <&-; exec sleep 3600";
    let closed = client
        .begin_call("s__become", json!({"script": script}))
        .await;

    // Nothing shows that but an attempt to write.
    let mut other = gate.client().await;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let writes = async {
        loop {
            ticks.tick().await;
            other.begin_call("s__hold", json!({})).await;
        }
    };
    let answer = tokio::select! {
        answer = client.answer(&closed) => answer,
        () = writes => unreachable!(),
    };

    assert_eq!(answer["error"]["data"]["server"], "s");
    assert_ne!(back(&mut client, "s").await, first);
    gone(first).await;
    gate.stop().await;
}

/// Trap: A line beyond the buffer dropped, and its call left hanging.
#[tokio::test]
async fn a_line_over_the_limit_costs_the_server_its_connection_and_names_the_setting() {
    let text = format!("[gateway]\nmax_message = 100000\n{}", server("s", &[]));
    let gate = Gate::start(&text).await;
    let mut client = gate.client().await;
    assert_eq!(
        client.text("s__big", json!({"bytes": 50_000})).await.len(),
        50_000
    );

    let answer = client.call("s__big", json!({"bytes": 1_000_000})).await;

    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("max_message") && message.contains("`s`"),
        "{message}"
    );
    back(&mut client, "s").await;
    gate.stop().await;
}

/// Trap: Children and grandchildren left behind.
#[tokio::test]
async fn nothing_is_left_of_servers_when_the_gateway_stops() {
    let script = format!("trap '' TERM; exec {} --name deaf", fake().display());
    let deaf = table("deaf", "sh".as_ref(), &["-c".to_owned(), script]);
    let gate = Gate::start(&[deaf, server("s", &[])].concat()).await;
    let mut client = gate.client().await;
    let mut pids = Vec::new();
    for server in ["deaf", "s"] {
        pids.push(pid(&mut client, server).await);
        let sleeper = client.text(&format!("{server}__spawn"), json!({})).await;
        pids.push(sleeper.parse().unwrap());
    }
    // It neither reads nor obeys any more once it has said this.
    let last = json!({"level": "info", "data": "last"});
    let last = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": last});
    let script = format!("echo '{last}'; exec sleep 3600");
    client
        .begin_call("deaf__become", json!({"script": script}))
        .await;
    client.told("notifications/message").await;
    assert!(pids.iter().all(|pid| alive(*pid)));

    gate.stop().await;

    for pid in pids {
        gone(pid).await;
    }
}

#[tokio::test]
async fn a_server_that_comes_back_hears_again_what_is_wanted_of_it() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    let uri = json!({"uri": "s://one"});
    ann.ask("logging/setLevel", &json!({"level": "info"})).await;
    bob.ask("logging/setLevel", &json!({"level": "error"}))
        .await;
    ann.ask("resources/subscribe", &uri).await;

    ann.call("s__die", json!({})).await;

    back(&mut ann, "s").await;
    let levels = ann.received("s", "logging/setLevel", 1).await;
    assert_eq!(levels[0]["params"], json!({"level": "info"}));
    let subscribed = ann.received("s", "resources/subscribe", 1).await;
    assert_eq!(subscribed[0]["params"], uri);
    gate.stop().await;
}
