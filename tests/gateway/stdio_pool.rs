//! Several copies of one command: calls are shared out, and one that dies costs its own calls alone.

use std::collections::BTreeSet;

use serde_json::json;

use crate::pipe::{Client, Gate, server, signal, soon};

/// A gateway in front of two copies, once both are up.
async fn start() -> Gate {
    let gate = Gate::start(&(server("s", &[]) + "pool = 2\n")).await;
    for copy in 0..2 {
        doing(&gate, copy, "up").await;
    }
    gate
}

/// Waits until a copy is in that state. Nobody is told of that, so it is looked for.
async fn doing(gate: &Gate, copy: usize, state: &str) {
    soon("the state of a copy", async {
        while gate.state_of("s").replicas[copy].state != state {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until the copies have so many calls in flight.
async fn in_flight(gate: &Gate, expected: [usize; 2]) {
    soon("the calls in flight", async {
        loop {
            let state = gate.state_of("s");
            let in_flight = state.replicas.iter().map(|copy| copy.in_flight);
            if in_flight.collect::<Vec<_>>() == expected {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The processes of both copies.
async fn pids(client: &mut Client) -> BTreeSet<u32> {
    let mut pids = BTreeSet::new();
    for _ in 0..2 {
        let pid = client.text("s__pid", json!({})).await;
        pids.insert(pid.parse().unwrap());
    }
    pids
}

/// How many lines with these words each copy has got. Calls that end at once go to both in turn.
async fn got(client: &mut Client, words: &str) -> [usize; 2] {
    let mut counts = [0; 2];
    for count in &mut counts {
        *count = client.received("s", words, 0).await.len();
    }
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn calls_go_to_the_copy_with_the_fewest_in_flight() {
    let gate = start().await;
    let mut client = gate.client().await;
    assert_eq!(pids(&mut client).await.len(), 2);

    for _ in 0..6 {
        client.begin_call("s__hold", json!({})).await;
    }

    in_flight(&gate, [3, 3]).await;
    assert_eq!(got(&mut client, r#""name":"hold""#).await, [3, 3]);
    gate.stop().await;
}

#[tokio::test]
async fn a_copy_that_dies_costs_its_own_calls_and_the_server_stays_up() {
    let gate = start().await;
    let mut client = gate.client().await;
    let held = [
        client.begin_call("s__hold", json!({})).await,
        client.begin_call("s__hold", json!({})).await,
    ];
    in_flight(&gate, [1, 1]).await;
    let before = pids(&mut client).await;

    let restarts = gate.state_of("s").restarts;
    signal("KILL", *before.first().unwrap()).await;
    soon("the end of it", async {
        while gate.state_of("s").restarts == restarts {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let lost = client.message().await;
    assert_eq!(lost["error"]["code"], -32000);
    assert!(held.contains(&lost["id"].to_string()));
    for _ in 0..5 {
        assert!(client.call("s__echo", json!({})).await["result"].is_object());
        assert_eq!(gate.state("s"), "up");
    }
    for copy in 0..2 {
        doing(&gate, copy, "up").await;
    }
    // The other one still works on the other call, so the new one is asked.
    let after = pids(&mut client).await;
    assert!(after.is_disjoint(&before), "{after:?} {before:?}");
    let state = gate.state_of("s");
    let in_flight: usize = state.replicas.iter().map(|copy| copy.in_flight).sum();
    assert_eq!(in_flight, 1);
    gate.stop().await;
}

#[tokio::test]
async fn each_copy_is_told_the_log_level() {
    let gate = start().await;
    let mut client = gate.client().await;

    client
        .ask("logging/setLevel", &json!({"level": "error"}))
        .await;

    assert_eq!(got(&mut client, "logging/setLevel").await, [1, 1]);
    gate.stop().await;
}

#[tokio::test]
async fn a_copy_that_comes_back_is_told_the_log_level() {
    let gate = start().await;
    let mut client = gate.client().await;
    client
        .ask("logging/setLevel", &json!({"level": "error"}))
        .await;

    let restarts = gate.state_of("s").restarts;
    client.call("s__die", json!({})).await;
    soon("the restart", async {
        while gate.state_of("s").restarts == restarts {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for copy in 0..2 {
        doing(&gate, copy, "up").await;
    }

    for _ in 0..2 {
        client.received("s", "logging/setLevel", 1).await;
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_resource_is_watched_at_one_copy_and_its_news_come_once() {
    let gate = start().await;
    let mut client = gate.client().await;

    let one = json!({"uri": "s://one"});
    let subscribed = client.ask("resources/subscribe", &one).await;
    assert_eq!(subscribed["result"], json!({}));

    assert_eq!(got(&mut client, "resources/subscribe").await, [0, 1]);
    let news = json!({"jsonrpc": "2.0", "method": "notifications/resources/updated",
        "params": {"uri": "s://one"}});
    for _ in 0..2 {
        client
            .call("s__say", json!({"lines": [news.to_string()]}))
            .await;
    }
    assert_eq!(client.rest().await, [news.to_string()]);
    gate.stop().await;
}

#[tokio::test]
async fn what_was_watched_at_a_copy_that_died_is_watched_at_another() {
    let gate = start().await;
    let mut client = gate.client().await;
    client
        .ask("resources/subscribe", &json!({"uri": "s://one"}))
        .await;
    // Kills each in turn: one of them had it.
    for _ in 0..2 {
        let state = gate.state_of("s").restarts;
        client.call("s__die", json!({})).await;
        soon("the end", async {
            while gate.state_of("s").restarts == state {
                tokio::task::yield_now().await;
            }
        })
        .await;
        for copy in 0..2 {
            doing(&gate, copy, "up").await;
        }
    }

    soon("the subscription", async {
        while got(&mut client, "resources/subscribe").await == [0, 0] {}
    })
    .await;
    gate.stop().await;
}

#[tokio::test]
async fn a_task_is_asked_about_at_the_copy_that_made_it() {
    let gate = start().await;
    let mut client = gate.client().await;
    let made =
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"task":{"taskId":"t-1","status":"working"}}}"#;

    client.call("s__say", json!({"lines": [made]})).await;
    for _ in 0..4 {
        client.ask("tasks/get", &json!({"taskId": "t-1"})).await;
    }

    assert_eq!(got(&mut client, "tasks/get").await, [0, 4]);
    gate.stop().await;
}

#[tokio::test]
async fn a_call_is_cancelled_at_its_copy() {
    let gate = start().await;
    let mut client = gate.client().await;
    let id = client.begin_call("s__hold", json!({})).await;
    client.begin_call("s__hold", json!({})).await;
    in_flight(&gate, [1, 1]).await;
    assert_eq!(got(&mut client, r#""name":"hold""#).await, [1, 1]);

    let id: u64 = id.parse().unwrap();
    let params = json!({"requestId": id});
    client.notify("notifications/cancelled", &params).await;

    soon("the end of the call", async {
        while gate
            .state_of("s")
            .replicas
            .iter()
            .all(|copy| copy.in_flight == 1)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // It goes to the copy that has nothing else to do.
    client.received("s", "notifications/cancelled", 1).await;
    gate.stop().await;
}

#[tokio::test]
async fn all_copies_rest_and_are_launched_again() {
    let config = server("s", &[]) + "pool = 2\nstart = \"lazy\"\n";
    let gate = Gate::start(&config).await;
    for copy in 0..2 {
        doing(&gate, copy, "idle").await;
    }
    assert_eq!(gate.state("s"), "idle");

    let mut client = gate.client().await;

    assert_eq!(pids(&mut client).await.len(), 2);
    gate.stop().await;
}
