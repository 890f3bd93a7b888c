//! The bridge: clients with sessions in front of servers of 2026-07-28.

use serde_json::{Value, json};

use crate::{
    pipe::{Gate, server},
    support::{Answer, Client, Gateway, Heard, HttpServer, SseClient, call, request},
};

const ALL: &str = r#"{"sampling":{},"elicitation":{},"roots":{}, "x/y":1E+2}"#;
const META: &str = "io.modelcontextprotocol/";

async fn behind(names: &[&str]) -> (HttpServer, Gateway) {
    let server = HttpServer::modern(names).await;
    let gateway = Gateway::of(&[("new", &server)]).await;
    (server, gateway)
}

/// A result that asks; `questions` and `state` are JSON.
fn required(heard: &Heard, questions: &str, state: &str) -> Answer {
    Answer::result(
        heard,
        &format!(
            r#"{{"resultType":"input_required","inputRequests":{questions},"requestState":{state}}}"#
        ),
    )
}

async fn capable(gateway: &Gateway) -> Client {
    gateway.client().open_with("2025-11-25", ALL).await
}

#[tokio::test]
async fn a_call_says_again_what_was_said_at_initialize() {
    let (server, gateway) = behind(&["echo"]).await;
    let client = capable(&gateway).await;
    client
        .request("logging/setLevel", r#"{"level":"warning"}"#)
        .await;
    let params =
        r#"{"arguments":{"n":1E+2}, "name":"new__echo","_meta":{"x/y":[ ],"progressToken":"t"}}"#;
    client.post(request(r#""i""#, "tools/call", params)).await;

    let heard = server.heard_of("tools/call")[0].clone();
    assert_eq!(heard.headers["mcp-protocol-version"], "2026-07-28");
    assert_eq!(heard.headers["mcp-method"], "tools/call");
    assert_eq!(heard.headers["mcp-name"], "echo");
    assert!(!heard.headers.contains_key("mcp-session-id"));
    let meta = heard.param("_meta");
    assert_eq!(meta[format!("{META}protocolVersion")], "2026-07-28");
    assert_eq!(meta[format!("{META}logLevel")], "warning");
    assert_eq!(
        meta[format!("{META}clientInfo")],
        json!({"name": "test", "version": "0"})
    );
    assert!(heard.params().contains(ALL), "{}", heard.params());
    assert!(
        heard
            .params()
            .starts_with(r#"{"arguments":{"n":1E+2}, "name":"echo","_meta":{"#)
    );
    assert!(
        heard
            .params()
            .ends_with(r#""x/y":[ ],"progressToken":"t"}}"#),
        "{}",
        heard.params()
    );
    assert_eq!(server.heard_of("initialize").len(), 0);
    assert_eq!(server.heard_of("logging/setLevel").len(), 0);
}

#[tokio::test]
async fn a_result_loses_what_only_the_new_revision_has_and_nothing_else() {
    let (server, gateway) = behind(&["echo"]).await;
    let client = gateway.session().await;
    let big = format!(r#""big":"{}""#, "x".repeat(200_000));
    for rest in [
        r#""z":1E+2, "content":[{"type":"new"}],"_meta":{"resultType":1}"#,
        r#""structuredContent":{"ttlMs":1,"n":18446744073709551616}"#,
        big.as_str(),
    ] {
        let result =
            format!(r#"{{"resultType":"complete",{rest},"ttlMs":5,"cacheScope":"public"}}"#);
        server.on("tools/call", move |heard| Answer::result(heard, &result));
        let reply = client.call("new__echo", "{}").await;
        let expected = rest.replace(", \"content\"", ",\"content\"");
        assert_eq!(
            reply.text(),
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{{expected}}}}}"#)
        );
    }
}

#[tokio::test]
async fn a_missing_resource_has_the_code_of_the_clients_revision() {
    let (server, gateway) = behind(&["echo"]).await;
    server.offer("resources/list", &[r#"{"uri":"a://b","name":"b"}"#]);
    drop(gateway);
    let gateway = Gateway::of(&[("new", &server)]).await;
    let error = r#"{"code":-32602,"message":"gone","data":{"uri":"a://b","n":1.0}}"#;
    server.on("resources/read", move |heard| Answer::error(heard, error));
    server.on("tools/call", move |heard| Answer::error(heard, error));
    let client = gateway.session().await;
    let read = client.request("resources/read", r#"{"uri":"a://b"}"#).await;
    let expected = error.replace("-32602", "-32002");
    assert_eq!(
        read.text(),
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{expected}}}"#)
    );
    assert_eq!(client.call("new__echo", "{}").await.error().0, -32602);
}

/// A server that asks two questions at once, and then a third.
async fn asks_thrice() -> (HttpServer, Gateway) {
    let (server, gateway) = behind(&["ask"]).await;
    server.on("tools/call", |heard| {
        let state = heard.param("requestState");
        match state.as_str() {
            None => required(
                heard,
                r#"{"a{\"b":{"method":"elicitation/create","params":{"message":"1E+2","n":1E+2}},"roots":{"method":"roots/list"}}"#,
                r#""one \ud83d\ude80\/""#,
            ),
            Some("one 🚀/") => required(
                heard,
                r#"{"s":{"method":"sampling/createMessage","params":{"messages":[]}}}"#,
                r#""two""#,
            ),
            _ => Answer::result(heard, r#"{"resultType":"complete","content":[]}"#),
        }
    });
    (server, gateway)
}

fn check_thrice(server: &HttpServer) {
    let heard = server.heard_of("tools/call");
    assert_eq!(heard.len(), 3);
    let ids: std::collections::HashSet<&str> = heard.iter().map(Heard::id).collect();
    assert_eq!(ids.len(), 3, "each round has an id of its own: {ids:?}");
    assert!(!heard[0].params().contains("inputResponses"));
    assert!(
        heard[1]
            .params()
            .contains(r#""requestState":"one \ud83d\ude80\/""#)
    );
    assert_eq!(
        heard[1].param("inputResponses"),
        json!({"a{\"b": {"for": "elicitation/create"}, "roots": {"for": "roots/list"}})
    );
    assert_eq!(heard[2].param("requestState"), "two");
    assert_eq!(
        heard[2].param("inputResponses"),
        json!({"s": {"for": "sampling/createMessage"}})
    );
    for heard in &heard {
        assert_eq!(heard.param("arguments"), json!({"x": 1}));
        assert_eq!(heard.headers["mcp-name"], "ask");
    }
}

fn answer_to(asked: &Value) -> String {
    let result = json!({"for": asked["method"]});
    json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string()
}

#[tokio::test]
async fn what_a_server_requires_is_asked_and_the_answers_go_back_in_a_retry() {
    let (server, gateway) = asks_thrice().await;
    let client = capable(&gateway).await;
    let mut events = client
        .post_events(call("7", "new__ask", r#"{"x":1}"#))
        .await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        let question: Value = serde_json::from_str(&events.data().await).unwrap();
        asked.push(question["method"].as_str().unwrap().to_owned());
        if asked.len() == 2 {
            // Not before the other, though it came before it.
            assert_eq!(server.heard_of("tools/call").len(), 1);
        }
        client.post(answer_to(&question)).await;
    }
    assert_eq!(
        events.data().await,
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#
    );
    assert_eq!(
        asked,
        ["elicitation/create", "roots/list", "sampling/createMessage"]
    );
    check_thrice(&server);
}

#[tokio::test]
async fn a_legacy_stream_is_asked_just_the_same() {
    let (server, gateway) = asks_thrice().await;
    let client = SseClient::of(gateway.client()).await;
    let mut client = client.initialize("2024-11-05", ALL).await;
    client.say(&call("7", "new__ask", r#"{"x":1}"#)).await;
    for _ in 0..3 {
        let question = client.message().await;
        client.say(&answer_to(&question)).await;
    }
    let answer = client.answer("7").await;
    assert_eq!(
        answer,
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#
    );
    check_thrice(&server);
}

#[tokio::test]
async fn a_question_larger_than_a_look_is_a_question_all_the_same() {
    let (server, gateway) = behind(&["ask"]).await;
    let image = "x".repeat(200_000);
    let question = json!({"q": {"method": "sampling/createMessage", "params": {"image": image}}});
    let question = question.to_string();
    server.on("tools/call", move |heard| {
        match heard.param("requestState").is_null() {
            true => required(heard, &question, r#""s""#),
            false => Answer::result(heard, r#"{"resultType":"complete","content":[]}"#),
        }
    });
    let client = capable(&gateway).await;
    let mut events = client.post_events(call("7", "new__ask", "{}")).await;
    let question: Value = serde_json::from_str(&events.data().await).unwrap();
    assert_eq!(question["method"], "sampling/createMessage");
    client.post(answer_to(&question)).await;
    assert_eq!(
        events.data().await,
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#
    );
}

#[tokio::test]
async fn a_server_that_never_has_enough_is_left_in_the_end() {
    let (server, gateway) = behind(&["ask"]).await;
    server.on("tools/call", |heard| required(heard, "{}", r#""again""#));
    let client = capable(&gateway).await;
    let (code, _) = client.call("new__ask", "{}").await.error();
    assert_eq!(code, -32603);
    assert_eq!(server.heard_of("tools/call").len(), 32);
}

#[tokio::test]
async fn a_command_of_the_new_revision_is_found_and_asks_as_well() {
    let gate = Gate::start(&server("kid", &["--modern", "2026-07-28"])).await;
    let mut client = gate.stranger();
    let capabilities = serde_json::from_str(ALL).unwrap();
    client.initialize_with("2025-06-18", capabilities).await;
    let questions =
        json!([{"method": "roots/list"}, {"method": "elicitation/create", "params": {}}]);
    let arguments = json!({"questions": questions, "rounds": 2});
    let id = client.begin_call("kid__ask", arguments).await;
    for _ in 0..2 {
        for method in ["roots/list", "elicitation/create"] {
            let question = client.told(method).await;
            client.say(&answer_to(&question)).await;
        }
    }
    let expected = json!({"q0": {"for": "roots/list"}, "q1": {"for": "elicitation/create"}});
    assert_eq!(
        client.answer(&id).await["result"],
        json!({"content": [], "answers": expected})
    );
    gate.stop().await;
}
