//! Many calls of many clients on one child: whose is whose, and nothing is changed.

use serde_json::json;

use crate::pipe::{Gate, server};

/// Ids as clients may spell them.
const IDS: [&str; 9] = [
    "1",
    "-0",
    "1E+2",
    "1.0",
    "18446744073709551616",
    r#""1""#,
    r#""""#,
    r#""\u0061\ud83d\ude00\/""#,
    r#""a b""#,
];

/// `tools/call` as text.
fn call(id: &str, tool: &str, rest: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"{rest}}}}}"#
    )
}

/// Trap: Pending calls under the id that the client chose.
#[tokio::test]
async fn two_clients_that_use_the_same_ids_get_their_own_answers() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);

    for id in IDS {
        ann.say(&call(id, "s__echo", r#","arguments":{"who":"ann"}"#))
            .await;
        bob.say(&call(id, "s__echo", r#","arguments":{"who":"bob"}"#))
            .await;
    }

    for id in IDS {
        let (to_ann, to_bob) = (ann.answer(id).await, bob.answer(id).await);
        assert_eq!(
            to_ann["result"]["params"]["arguments"]["who"], "ann",
            "{id}"
        );
        assert_eq!(
            to_bob["result"]["params"]["arguments"]["who"], "bob",
            "{id}"
        );
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_child_sees_every_id_once() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    for id in ["7", r#""7""#] {
        for client in [&mut ann, &mut bob] {
            client.say(&call(id, "s__hold", "")).await;
        }
    }

    let lines = ann.received("s", r#""id""#, 4).await;

    let mut ids: Vec<String> = lines.iter().map(|line| line["id"].to_string()).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
    gate.stop().await;
}

#[tokio::test]
async fn answers_in_another_order_reach_their_questions() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(client.begin_call("s__hold", json!({})).await);
    }
    asked.push(client.begin_call("s__release", json!({})).await);

    let mut answered = Vec::new();
    for _ in &asked {
        answered.push(client.message().await["id"].to_string());
    }

    assert_ne!(answered, asked, "the server answers the last one first");
    answered.sort_by_key(|id| id.parse::<u64>().unwrap());
    assert_eq!(answered, asked);
    gate.stop().await;
}

#[tokio::test]
async fn a_call_and_its_answer_keep_every_byte_that_is_not_the_gateways() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let odd = r#"{ "z" : 1e400,"a":18446744073709551617, "a":-0,"s":"\ud800\u0000\/é","name":"s__echo","id":1 ,"d":[ ]}"#;

    let rest = format!(r#" , "arguments" :{odd},"later":{{"B":1,"a":2}}"#);
    client.say(&call("\"x\"", "s__echo", &rest)).await;

    let expected = format!(
        r#"{{"jsonrpc":"2.0","id":"x","result":{{"content":[],"params":{{"name":"echo"{rest}}}}}}}"#
    );
    assert_eq!(client.raw_answer("\"x\"").await, expected);
    gate.stop().await;
}

#[tokio::test]
async fn absent_arguments_stay_absent() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;

    client.say(&call("1", "s__echo", "")).await;

    assert_eq!(
        client.answer("1").await["result"]["params"],
        json!({"name": "echo"})
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_servers_error_passes_unchanged() {
    let gate = Gate::start(&server("s", &["--fail", "prompts/get"])).await;
    let mut client = gate.client().await;

    client
        .request("9", "prompts/get", &json!({"name": "s__greet"}))
        .await;

    let expected = r#"{"jsonrpc":"2.0","id":9,"error":{"code":-31999,"message":"told to fail","data":{"z":1,"a":1.50}}}"#;
    assert_eq!(client.raw_answer("9").await, expected);
    gate.stop().await;
}

#[tokio::test]
async fn progress_comes_under_the_token_of_the_client_that_asked_and_to_it_alone() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut ann, mut bob) = (gate.client().await, gate.client().await);
    let line = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$TOKEN,"progress":1,"total":2.0}}"#;
    let arguments = json!({"lines": [line]});
    bob.begin_call("s__hold", json!({})).await;

    for token in [r#""t""#, "1", r#""1""#] {
        let rest = format!(r#","arguments":{arguments},"_meta":{{"progressToken":{token},"x":1}}"#);
        ann.say(&call("1", "s__say", &rest)).await;

        let expected = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1,"total":2.0}}}}"#
        );
        assert_eq!(ann.line().await.unwrap(), expected);
        assert_eq!(ann.message().await["id"], 1, "the answer comes after it");
    }

    assert!(bob.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn progress_of_a_finished_call_reaches_nobody() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let late = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}"#;
    let params = json!({"name": "s__echo", "_meta": {"progressToken": "t"}});
    client.ask("tools/call", &params).await;

    client
        .call("s__say", json!({"lines": [late, late.replace('2', "999")]}))
        .await;

    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

/// Trap: A child written to without being read from.
#[tokio::test]
async fn large_calls_in_flight_do_not_block_each_other() {
    const SIZE: usize = 256 * 1024;
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let large = "y".repeat(SIZE);

    for _ in 0..64 {
        client.begin_call("s__echo", json!({"text": large})).await;
    }

    for _ in 0..64 {
        let answer = client.message().await;
        let text = answer["result"]["params"]["arguments"]["text"].as_str();
        assert_eq!(text.map(str::len), Some(SIZE));
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_line_of_many_pipe_buffers_arrives_whole() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;

    for bytes in [64 * 1024 - 1, 64 * 1024, 1024 * 1024, 10 * 1024 * 1024] {
        let text = client.text("s__big", json!({"bytes": bytes})).await;
        assert_eq!(text.len(), bytes);
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_line_of_stdout_that_is_no_message_is_passed_over() {
    let gate = Gate::start(&server(
        "s",
        &["--banner", "Welcome to fake 1.0! {\"a\":1}"],
    ))
    .await;
    let mut client = gate.client().await;
    let garbage = [
        "npm WARN deprecated",
        "",
        "{",
        "[]",
        "[1]",
        "{}",
        "null",
        "\u{FEFF}{}",
        "\t ",
    ];
    let stranger = r#"{"jsonrpc":"2.0","id":"of nobody","result":{}}"#;

    client.call("s__say", json!({"lines": garbage})).await;
    client.call("s__say", json!({"lines": [stranger]})).await;

    assert_ne!(client.text("s__pid", json!({})).await, "");
    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn a_child_that_answers_in_a_batch_is_understood() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let id = client.begin_call("s__hold", json!({})).await;
    let held = client.received("s", r#""hold""#, 1).await;
    let note =
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}}"#;
    let batch = format!(
        r#"[{note},{{"jsonrpc":"2.0","id":{},"result":{{"n":1}}}}]"#,
        held[0]["id"]
    );

    client.begin_call("s__say", json!({"lines": [batch]})).await;

    assert_eq!(client.answer(&id).await["result"], json!({"n": 1}));
    assert_eq!(
        client.told("notifications/message").await["params"]["data"],
        1
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_child_gets_one_line_for_a_message_that_was_spread_over_many() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    // On stdio a client cannot spread a message; a carriage return it can put between tokens.
    client
        .say(&call("1", "s__echo", ",\r\"arguments\":\r{\"a\":\r1}"))
        .await;

    let answer = client.answer("1").await;

    assert_eq!(answer["result"]["params"]["arguments"], json!({"a": 1}));
    gate.stop().await;
}

#[tokio::test]
async fn a_launched_server_has_as_many_places_and_no_more() {
    let table = server("s", &[]) + "max_in_flight = 2\nqueue = 0\n";
    let gate = Gate::start(&table).await;
    let mut client = gate.client().await;
    for id in 1..=3 {
        let params = r#"{"name":"s__hold"}"#;
        let call =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#);
        client.say(&call).await;
    }
    let refused = client.answer("3").await;
    assert_eq!(
        refused["error"]["data"],
        json!({"server": "s", "retry_after": 1})
    );
    gate.stop().await;
}
