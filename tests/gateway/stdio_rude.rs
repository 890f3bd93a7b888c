//! Servers that break every rule of the pipe: the gateway's log stays readable, and whoever can
//! still be served is.

use std::process::Output;

use serde_json::{Value, json};

use crate::pipe::{Gate, Stdio, server, table};

const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#;

/// What the program says about a server that is asked these things.
async fn said(calls: &[(&str, Value)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("servers.toml"), server("s", &[])).unwrap();
    let mut mcpgate = Stdio::start(folder.path());
    mcpgate.say(HELLO).await;
    for (id, (tool, arguments)) in (1..).zip(calls) {
        let params = json!({"name": tool, "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        mcpgate.say(&call.to_string()).await;
    }
    mcpgate.close().await
}

#[tokio::test]
async fn thousands_of_lines_that_are_no_messages_leave_a_few_lines_in_the_log() {
    let garbage = vec!["Loading... [####      ]"; 5000];

    let output = said(&[("s__say", json!({"lines": garbage})), ("s__pid", json!({}))]).await;

    let answers = String::from_utf8(output.stdout).unwrap();
    assert!(answers.contains("\"said\""), "the server stays usable");
    let log = String::from_utf8(output.stderr).unwrap();
    let skipped = log.matches("not a message, skipped").count();
    assert!((4..=20).contains(&skipped), "{skipped} lines");
    assert!(log.contains("count=4096"), "{log}");
}

#[tokio::test]
async fn a_flood_on_stderr_leaves_a_part_of_it_in_the_log_and_its_end_in_the_error() {
    let lines: Vec<String> = (1..=50_000)
        .map(|number| format!("line {number}"))
        .collect();

    let output = said(&[("s__die", json!({"status": 3, "stderr": lines}))]).await;

    let answers = String::from_utf8(output.stdout).unwrap();
    assert!(answers.contains("\"line 50000\""), "{answers}");
    let log = String::from_utf8(output.stderr).unwrap();
    let shown = log.matches("stderr: line").count();
    assert!((200..10_000).contains(&shown), "{shown} lines");
    assert!(log.contains("left_out="), "what is left out is counted");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_a_line_fails_its_calls_with_its_status() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;

    let script = r#"printf '{"jsonrpc":"2.0","id":'; exit 3"#;
    let answer = client.call("s__become", json!({"script": script})).await;

    let message = &answer["error"]["message"];
    assert_eq!(
        *message,
        "server `s` stopped during the call: exit status: 3"
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_greets_with_garbage_alone_is_given_up_in_time() {
    let script = "yes garbage";
    let loud = table("loud", "sh".as_ref(), &["-c".to_owned(), script.to_owned()]);
    let text = format!("{loud}connect_timeout = '300ms'\n{}", server("s", &[]));
    let gate = Gate::start(&text).await;

    let state = gate.state_of("loud");

    assert_eq!(state.state, "down");
    assert!(state.error.unwrap().contains("connect_timeout"));
    assert_eq!(gate.state("s"), "up");
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_is_down_says_how_often_it_failed_and_when_it_is_tried_again() {
    let gate = Gate::start(&table("none", "/no/such/program".as_ref(), &[])).await;

    let state = gate.state_of("none");

    assert!(state.restarts >= 1);
    assert!(state.next_attempt.unwrap() > state.since);
    gate.stop().await;
}
