//! A client on a pipe: what it may say when, and what it hears.

use serde_json::{Value, json};

use crate::pipe::{Gate, server};

#[tokio::test]
async fn ping_is_answered_before_initialize_and_nothing_else_is() {
    let gate = Gate::start("").await;
    let mut client = gate.stranger();

    client
        .say(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#)
        .await;
    assert_eq!(
        client.line().await.unwrap(),
        r#"{"jsonrpc":"2.0","id":"p","result":{}}"#
    );
    let early = client.ask("tools/list", &json!({})).await;
    assert_eq!(early["error"]["code"], -32000);
    assert!(client.initialize("2025-11-25").await["result"].is_object());
    gate.stop().await;
}

#[tokio::test]
async fn a_second_initialize_is_refused() {
    let gate = Gate::start("").await;
    let mut client = gate.client().await;

    assert_eq!(
        client.initialize("2025-11-25").await["error"]["code"],
        -32600
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_known_revision_is_agreed_to_and_another_gets_the_newest() {
    let gate = Gate::start("").await;

    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let greeting = gate.stranger().initialize(asked).await;
        assert_eq!(greeting["result"]["protocolVersion"], agreed);
    }
    gate.stop().await;
}

#[tokio::test]
async fn what_is_not_json_is_answered_with_a_parse_error_and_the_pipe_stays_open() {
    let gate = Gate::start("").await;
    let mut client = gate.client().await;

    for (line, code) in [
        ("{", -32700),
        ("hello", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}}"#, -32700),
        ("\"\u{0}\"", -32700),
        ("7", -32600),
        ("null", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":[],"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"ID":2,"method":"ping"}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":7}"#,
            -32600,
        ),
        ("[]", -32600),
    ] {
        client.say(line).await;
        let answer = client.message().await;
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &Value::Null),
            "{line}"
        );
    }
    assert!(client.rest().await.is_empty());
    gate.stop().await;
}

#[tokio::test]
async fn blank_lines_and_carriage_returns_are_nothing() {
    let gate = Gate::start("").await;
    let mut client = gate.client().await;

    client
        .say("\n\r\n  \t\r\n{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}\r")
        .await;

    assert_eq!(
        client.line().await.unwrap(),
        r#"{"jsonrpc":"2.0","id":5,"result":{}}"#
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_batch_is_taken_where_the_agreed_revision_has_batches_and_refused_elsewhere() {
    let gate = Gate::start(&server("s", &[])).await;
    let ping = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let note = json!({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"});
    let batch = json!([ping(91), note, ping(92)]).to_string();

    let mut with = gate.client_of("2025-03-26").await;
    with.say(&batch).await;
    let answer = |id: u32| json!({"jsonrpc": "2.0", "id": id, "result": {}});
    assert_eq!(with.message().await, json!([answer(91), answer(92)]));

    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let mut without = gate.client_of(revision).await;
        without.say(&batch).await;
        let answer = without.message().await;
        assert_eq!(answer["error"]["code"], -32600, "{revision}");
        assert!(without.rest().await.is_empty());
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_to_the_byte_and_names_the_setting() {
    let gate = Gate::start("[gateway]\nmax_message = 50000\n").await;
    let mut client = gate.client().await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

    client.say(&format!("{ping:<50000}")).await;
    assert_eq!(client.message().await["result"], json!({}));
    client.say(&format!("{ping:<50001}")).await;

    let answer = client.message().await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("max_message"), "{message}");
    assert_eq!(answer["id"], Value::Null);
    assert!(client.line().await.is_none(), "the gateway leaves");
    gate.stop().await;
}

#[tokio::test]
async fn the_end_of_input_waits_for_the_answers_to_what_was_asked() {
    let gate = Gate::start(&server("s", &[])).await;
    let (mut client, mut other) = (gate.client().await, gate.client().await);
    let id = client.begin_call("s__hold", json!({})).await;
    other.received("s", r#""name":"hold""#, 1).await;

    let (rest, _) = tokio::join!(client.close(), other.call("s__release", json!({})));

    let answer: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!(answer["id"].to_string(), id);
    assert_eq!(
        gate.plan()
            .views
            .whole()
            .names(mcpgate::mcp::List::Tools)
            .len(),
        12
    );
    gate.stop().await;
}

#[tokio::test]
async fn an_unknown_name_is_told_and_reaches_no_server() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;

    let answer = client.call("s__no_such", json!({})).await;
    assert_eq!(
        answer["error"],
        json!({"code": -32602, "message": "unknown tool `s__no_such`"})
    );
    let answer = client.ask("resources/read", &json!({"uri": "s://x"})).await;
    assert!(
        answer["result"].is_object(),
        "the only server with resources is asked"
    );
    assert_eq!(client.received("s", "no_such", 0).await.len(), 0);
    gate.stop().await;
}

#[tokio::test]
async fn a_method_that_is_not_known_goes_to_the_only_server_and_to_none_of_several() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;
    let answer = client.ask("no/such", &json!({"x": 1})).await;
    assert_eq!(answer["result"]["method"], "no/such");
    gate.stop().await;

    let gate = Gate::start(&[server("a", &[]), server("b", &[])].concat()).await;
    let mut client = gate.client().await;
    let answer = client.ask("no/such", &json!({})).await;
    assert_eq!(answer["error"]["code"], -32601);
    gate.stop().await;
}

#[tokio::test]
async fn prompts_resources_and_completions_find_their_servers() {
    let gate = Gate::start(&[server("a", &[]), server("b", &[])].concat()).await;
    let mut client = gate.client().await;

    for (method, params, expected) in [
        (
            "prompts/get",
            json!({"name": "b__greet"}),
            json!({"name": "greet"}),
        ),
        (
            "resources/read",
            json!({"uri": "a://one"}),
            json!({"uri": "a://one"}),
        ),
        (
            "resources/read",
            json!({"uri": "b://7/data"}),
            json!({"uri": "b://7/data"}),
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "a__greet"}, "argument": {"name": "x"}}),
            json!({"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "x"}}),
        ),
    ] {
        let answer = client.ask(method, &params).await;
        assert_eq!(
            answer["result"],
            json!({"method": method, "params": expected})
        );
    }
    for (server, count) in [("a", 2), ("b", 2)] {
        let words = format!(r#"{server}://"#);
        let mine = client.received(server, &words, 1).await.len();
        assert_eq!(mine, 1, "of {count} in all");
    }
    gate.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_keeps_its_session_while_it_is_there() {
    let gate = Gate::begin("[gateway]\nsession_idle = '1m'");
    let mut client = gate.client().await;

    tokio::time::sleep(std::time::Duration::from_secs(3600)).await; // the clock is a fake

    assert_eq!(gate.sessions(), 1);
    client.ask("ping", &json!({})).await;
    client.close().await;
    assert_eq!(gate.sessions(), 0);
    gate.stop().await;
}
