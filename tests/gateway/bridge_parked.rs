//! The bridge: calls that are parked until a client of 2026-07-28 comes back, on every transport.

use serde_json::{Value, json};

use crate::{
    pipe::{Gate as Pipes, server},
    support::{
        Answer, Gate, Gateway, Heard, HttpServer, Modern, Reply, SseServer, named, notification,
        request,
    },
};

const ALL: &str = r#"{"sampling":{},"elicitation":{},"roots":{}}"#;

fn kid() -> String {
    format!("{}scope = \"session\"\n", server("kid", &[]))
}

/// The arguments by which a command asks for roots.
const ASKING: &str = r#"{"questions":[{"method":"roots/list","params":{}}]}"#;

/// What a reply asks: the state, and the keys with their questions.
fn required(reply: &Reply) -> (Value, Vec<(String, Value)>) {
    required_of(&reply.answer())
}

fn required_of(answer: &Value) -> (Value, Vec<(String, Value)>) {
    let result = answer["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{answer}");
    let requests = result["inputRequests"].as_object().unwrap();
    let requests = requests
        .iter()
        .map(|(key, asked)| (key.clone(), asked.clone()));
    (result["requestState"].clone(), requests.collect())
}

#[tokio::test]
async fn a_command_asks_a_pipe() {
    let gate = Pipes::start(&kid()).await;
    let mut pipe = gate.stranger();
    let gateway = Gateway::start("").await;
    let client = Modern::new(gateway.client()).capable(ALL);
    let call = client.body("1", "tools/call", &named("kid__ask", ASKING));
    pipe.say(&call).await;
    let (state, asked) = required_of(&pipe.answer("1").await);
    let retry = json!({
        "name": "kid__ask", "inputResponses": {&asked[0].0: {"x": 1}}, "requestState": state,
    });
    pipe.say(&client.body("2", "tools/call", &retry.to_string()))
        .await;
    assert_eq!(
        pipe.answer("2").await["result"]["answers"],
        json!([{"x": 1}])
    );
    gate.stop().await;
}

#[tokio::test]
async fn each_request_on_a_pipe_is_asked_what_it_declares_itself() {
    let gate = Pipes::start(&kid()).await;
    let mut pipe = gate.stranger();
    let gateway = Gateway::start("").await;
    for (id, capabilities, kind) in [
        ("1", "{}", "complete"),
        ("2", ALL, "input_required"),
        ("3", "{}", "complete"),
    ] {
        let client = Modern::new(gateway.client()).capable(capabilities);
        let call = client.body(id, "tools/call", &named("kid__ask", ASKING));
        pipe.say(&call).await;
        assert_eq!(pipe.answer(id).await["result"]["resultType"], kind, "{id}");
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_call_that_goes_on_is_cancelled_under_the_id_of_the_retry() {
    let server = HttpServer::with_tools(&["ask"]).await;
    server.on("tools/call", |_| {
        let asked = request("7", "elicitation/create", "{}");
        Answer::events([asked]).wait(&Gate::default())
    });
    let gateway = Gateway::of(&[("old", &server)]).await;
    let client = Modern::new(gateway.client()).capable(ALL);
    let mut pipe = gateway.stranger();
    pipe.say(&client.body("1", "tools/call", &named("old__ask", "{}")))
        .await;
    let (state, asked) = required_of(&pipe.answer("1").await);
    let retry = json!({
        "name": "old__ask", "inputResponses": {&asked[0].0: {}}, "requestState": state,
    });
    pipe.say(&client.body("2", "tools/call", &retry.to_string()))
        .await;
    server
        .nth("the answer", 1, |heard| heard.text().contains(r#""id":7"#))
        .await;

    pipe.notify("notifications/cancelled", &json!({"requestId": 2}))
        .await;

    let told = server.hears("notifications/cancelled").await;
    let call = server.heard_of("tools/call")[0].clone();
    assert_eq!(told.param("requestId").to_string(), call.id());
}

#[tokio::test]
async fn a_question_that_was_taken_back_is_not_asked_again() {
    let gate = Gate::default();
    let (back, server) = (gate.clone(), HttpServer::with_tools(&["ask"]).await);
    server.on("tools/call", move |heard| {
        let cancelled = notification("notifications/cancelled", r#"{"requestId":7}"#);
        Answer::events([request("7", "elicitation/create", "{}")])
            .wait(&back)
            .then(Answer::events([
                cancelled,
                heard.result(r#"{"content":[]}"#),
            ]))
    });
    let gateway = Gateway::of(&[("old", &server)]).await;
    let client = Modern::new(gateway.client()).capable(ALL);
    let (state, _) = required(&client.call("old__ask", "{}").await);
    gate.open();
    // It may be asked again until the word has come; not after.
    let mut state = state;
    loop {
        let reply = client.retry("old__ask", "{}", "{}", &state).await;
        let result = reply.answer()["result"].clone();
        if result["resultType"] == "complete" {
            break;
        }
        state = required(&reply).0;
    }
}

#[tokio::test]
async fn one_gateway_may_stand_behind_another() {
    let inner = Gateway::start(&kid()).await;
    inner.settled().await;
    let table = format!(
        "[servers.in]\nurl = \"{}/mcp\"\nprefix = \"\"\n",
        inner.url()
    );
    let outer = Gateway::start(&table).await;
    outer.settled().await;
    let client = Modern::new(outer.client()).capable(ALL);
    let (state, asked) = required(&client.call("kid__ask", ASKING).await);
    let answers = json!({&asked[0].0: {"roots": []}}).to_string();
    let reply = client.retry("kid__ask", ASKING, &answers, &state).await;
    assert_eq!(reply.answer()["result"]["answers"], json!([{"roots": []}]));

    let old = outer.client().open_with("2025-11-25", ALL).await;
    let mut events = old
        .post_events(crate::support::call("1", "kid__ask", ASKING))
        .await;
    let question: Value = serde_json::from_str(&events.data().await).unwrap();
    assert_eq!(question["method"], "roots/list");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": [1]}});
    old.post(answer.to_string()).await;
    let answer: Value = serde_json::from_str(&events.data().await).unwrap();
    assert_eq!(answer["result"]["answers"], json!([{"roots": [1]}]));
}

/// A remote server with sessions that asks on the stream of a call.
async fn asks() -> HttpServer {
    let server = HttpServer::with_tools(&["ask"]).await;
    let gate = Gate::default();
    let answered = gate.clone();
    server.on("tools/call", move |heard| {
        let asked = request("7", "elicitation/create", r#"{"n":1E+2}"#);
        let token = heard.param("_meta")["progressToken"].clone();
        let progress = format!(r#"{{"progressToken":{token},"progress":1}}"#);
        let progress = notification("notifications/progress", &progress);
        let last = Answer::events([progress, heard.result(r#"{"content":[]}"#)]);
        Answer::events([asked]).wait(&answered).then(last)
    });
    server.on("", move |heard| {
        assert!(heard.text().contains(r#""id":7"#), "{}", heard.text());
        gate.open();
        Answer::status(202)
    });
    server
}

#[tokio::test]
async fn a_remote_server_asks_on_the_stream_of_the_call() {
    let server = asks().await;
    let gateway = Gateway::of(&[("old", &server)]).await;
    let client = Modern::new(gateway.client()).capable(ALL);
    let params = r#"{"name":"old__ask","_meta":0}"#.replace(r#","_meta":0"#, "");
    let first = client.clone().saying("progressToken", "\"one\"");
    let (state, asked) = required(&first.ask("1", "tools/call", &params).await);
    assert_eq!(
        asked[0].1,
        json!({"method": "elicitation/create", "params": {"n": 1E+2}})
    );
    assert!(
        server
            .heard_of("initialize")
            .last()
            .unwrap()
            .params()
            .contains(ALL)
    );

    let again = client.saying("progressToken", "\"two\"");
    let retry = json!({
        "name": "old__ask", "inputResponses": {&asked[0].0: {"action": "cancel"}},
        "requestState": state,
    });
    let mut events = again
        .events(r#""r""#, "tools/call", &retry.to_string())
        .await;
    let progress = r#"{"progressToken":"two","progress":1}"#;
    assert_eq!(
        events.data().await,
        notification("notifications/progress", progress)
    );
    let answer: Value = serde_json::from_str(&events.data().await).unwrap();
    assert_eq!(answer["id"], "r");
    assert_eq!(answer["result"]["resultType"], "complete");
    assert_eq!(server.heard_of("tools/call").len(), 1);
}

#[tokio::test]
async fn a_legacy_server_asks_on_its_one_stream() {
    let server = SseServer::with_tools(&["ask"]).await;
    let call = std::sync::Arc::new(std::sync::Mutex::new(None::<Heard>));
    let kept = call.clone();
    server.on("tools/call", move |heard| {
        *kept.lock().unwrap() = Some(heard.clone());
        vec![request("7", "roots/list", "{}")]
    });
    server.on("", move |heard| {
        assert_eq!(
            heard.text(),
            r#"{"jsonrpc":"2.0","id":7,"result":{"roots":[1E+2]}}"#
        );
        let call = call.lock().unwrap().take().unwrap();
        vec![call.result(r#"{"content":[]}"#)]
    });
    let gateway = Gateway::start(&server.table("old")).await;
    gateway.settled().await;
    let client = Modern::new(gateway.client()).capable(ALL);
    let (state, asked) = required(&client.call("old__ask", "{}").await);
    let answers = format!(r#"{{"{}":{{"roots":[1E+2]}}}}"#, asked[0].0);
    let reply = client.retry("old__ask", "{}", &answers, &state).await;
    assert_eq!(reply.answer()["result"]["resultType"], "complete");
    assert_eq!(server.heard_of("tools/call").len(), 1);
}
