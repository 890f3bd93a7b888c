//! The bridge: clients of 2026-07-28 in front of servers with sessions, which ask in mid-call.

use serde_json::{Value, json};

use crate::{
    pipe::{Gate as Pipes, server},
    support::{
        Answer, Gate, Gateway, Heard, HttpServer, Modern, Reply, SseServer, named, notification,
        request,
    },
};

const ALL: &str = r#"{"sampling":{},"elicitation":{},"roots":{}}"#;
const KEYS: [(&str, &str); 2] = [("alice", "key-of-alice"), ("bob", "key-of-bob")];

fn kid() -> String {
    format!("{}scope = \"session\"\n", server("kid", &[]))
}

/// The arguments by which a command asks these.
fn asking(methods: &[&str]) -> String {
    let question = |method: &&str| json!({"method": method, "params": {"n": method}});
    json!({"questions": methods.iter().map(question).collect::<Vec<_>>()}).to_string()
}

async fn started(table: &str) -> (Gateway, Modern, Modern) {
    let gateway = Gateway::with_keys(table, &KEYS).await;
    gateway.settled().await;
    let user = |key| Modern::new(gateway.client().with("x-api-key", key)).capable(ALL);
    let users = (user(KEYS[0].1), user(KEYS[1].1));
    (gateway, users.0, users.1)
}

/// What a reply asks: the state, and the keys with their questions.
fn required(reply: &Reply) -> (Value, Vec<(String, Value)>) {
    let result = reply.answer()["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{}", reply.text());
    let requests = result["inputRequests"].as_object().unwrap();
    let requests = requests
        .iter()
        .map(|(key, asked)| (key.clone(), asked.clone()));
    (result["requestState"].clone(), requests.collect())
}

/// How often a command was called so.
async fn received(client: &Modern, words: &str, count: usize) -> usize {
    let arguments = json!({"contains": words, "count": count}).to_string();
    let reply = client.call("kid__received", &arguments).await;
    let lines = reply.answer()["result"]["structuredContent"]["lines"].clone();
    lines.as_array().unwrap().len()
}

#[tokio::test]
async fn a_question_in_mid_call_is_a_result_and_the_retry_goes_on_with_the_call() {
    let (_gateway, alice, _) = started(&kid()).await;
    let arguments = asking(&["elicitation/create"]);
    let (state, asked) = required(&alice.call("kid__ask", &arguments).await);
    let [(key, question)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let params = json!({"n": "elicitation/create"});
    assert_eq!(
        *question,
        json!({"method": "elicitation/create", "params": params})
    );
    assert!(!state.as_str().unwrap().contains("ask"), "it is sealed");

    let answers = format!(r#"{{"{key}":{{"action" : "accept","n":1E+2}}}}"#);
    let reply = alice.retry("kid__ask", &arguments, &answers, &state).await;
    assert_eq!(
        reply.text(),
        r#"{"jsonrpc":"2.0","id":2,"result":{"resultType":"complete","content":[],"answers":[{"action" : "accept","n":1E+2}]}}"#
    );
    assert_eq!(received(&alice, r#""name":"ask""#, 1).await, 1);
}

#[tokio::test]
async fn several_questions_come_at_once_and_those_left_open_are_asked_again() {
    let (_gateway, alice, _) = started(&kid()).await;
    let arguments = asking(&["roots/list", "sampling/createMessage", "elicitation/create"]);
    let mut reply = alice.call("kid__ask", &arguments).await;
    let mut open = 3;
    // They may come in one round or in several; one is answered in each.
    let mut rounds = 0;
    let result = loop {
        let result = reply.answer()["result"].clone();
        if result["resultType"] == "complete" {
            break result;
        }
        let (state, asked) = required(&reply);
        assert!(asked.len() <= open, "{asked:?}");
        let (key, question) = &asked[asked.len() - 1];
        let answers = json!({key: {"for": question["params"]["n"]}, "unknown": {}}).to_string();
        reply = alice.retry("kid__ask", &arguments, &answers, &state).await;
        (open, rounds) = (open - 1, rounds + 1);
    };
    assert_eq!(rounds, 3);
    let answers = ["roots/list", "sampling/createMessage", "elicitation/create"];
    assert_eq!(
        result["answers"],
        json!(answers.map(|method| json!({"for": method})))
    );
    assert_eq!(received(&alice, r#""name":"ask""#, 1).await, 1);
}

#[tokio::test]
async fn a_state_is_good_for_one_caller_and_one_request_once() {
    let (_gateway, alice, bob) = started(&kid()).await;
    let arguments = asking(&["roots/list"]);
    let (state, asked) = required(&alice.call("kid__ask", &arguments).await);
    let answers = json!({&asked[0].0: {"roots": []}}).to_string();
    let text = state.as_str().unwrap();
    let mut touched = text.to_owned();
    let last = touched.pop().unwrap();
    touched.push(if last == 'A' { 'Q' } else { 'A' });
    let mut earlier = text.to_owned();
    let place = text.len() / 2;
    let other = if &text[place..=place] == "A" {
        "B"
    } else {
        "A"
    };
    earlier.replace_range(place..=place, other);
    let short = text[..text.len() - 8].to_owned();
    let made_up = "mcpgate.AAAA".to_owned();

    let mut refused = vec![
        bob.retry("kid__ask", &arguments, &answers, &state).await,
        alice.retry("kid__pid", &arguments, &answers, &state).await,
    ];
    for state in [touched, earlier, short, made_up, String::new()] {
        refused.push(
            alice
                .retry("kid__ask", &arguments, &answers, &json!(state))
                .await,
        );
    }
    for refused in refused {
        assert_eq!(refused.error().0, -32602, "{}", refused.text());
        assert_eq!(refused.answer()["id"], 2);
    }
    let reply = alice.retry("kid__ask", &arguments, &answers, &state).await;
    assert_eq!(reply.answer()["result"]["answers"], json!([{"roots": []}]));
    let again = alice.retry("kid__ask", &arguments, &answers, &state).await;
    assert_eq!(again.error().0, -32602);
    assert_eq!(received(&alice, r#""name":"ask""#, 1).await, 1);
    assert_eq!(received(&bob, r#""name":"ask""#, 0).await, 0);
}

#[tokio::test]
async fn what_the_request_does_not_declare_is_declined_for_it() {
    let (gateway, _, _) = started(&kid()).await;
    let client = Modern::new(gateway.client().with("x-api-key", KEYS[0].1));
    for (capabilities, declined) in [("{}", true), (r#"{"roots":{}}"#, false), ("{}", true)] {
        let client = client.clone().capable(capabilities);
        let reply = client.call("kid__ask", &asking(&["roots/list"])).await;
        let result = reply.answer()["result"].clone();
        assert_eq!(
            result["resultType"] == "complete",
            declined,
            "{capabilities}"
        );
    }
}

#[tokio::test]
async fn a_server_that_dies_meanwhile_is_an_error_at_the_retry() {
    let (_gateway, alice, _) = started(&kid()).await;
    let arguments = asking(&["roots/list"]);
    let (state, asked) = required(&alice.call("kid__ask", &arguments).await);
    let died = alice
        .call("kid__die", r#"{"status":3,"stderr":["oh"]}"#)
        .await;
    assert_eq!(died.error().0, -32000);

    let answers = json!({&asked[0].0: {}}).to_string();
    let (code, words) = alice
        .retry("kid__ask", &arguments, &answers, &state)
        .await
        .error();
    assert_eq!(code, -32000);
    assert!(words.contains("`kid` stopped during the call"), "{words}");
}

#[tokio::test]
async fn on_a_pipe_as_well() {
    let gate = Pipes::start(&kid()).await;
    let mut pipe = gate.stranger();
    let gateway = Gateway::start("").await;
    let client = Modern::new(gateway.client()).capable(ALL);
    let arguments = asking(&["elicitation/create"]);
    pipe.say(&client.body("1", "tools/call", &named("kid__ask", &arguments)))
        .await;
    let asked = pipe.answer("1").await["result"].clone();
    let (key, _) = asked["inputRequests"]
        .as_object()
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let params = json!({
        "name": "kid__ask", "inputResponses": {key: {"x": 1}}, "requestState": asked["requestState"],
    });
    pipe.say(&client.body("2", "tools/call", &params.to_string()))
        .await;
    assert_eq!(
        pipe.answer("2").await["result"]["answers"],
        json!([{"x": 1}])
    );

    // Two rounds: the second is cancelled under the id of the retry.
    let arguments = asking(&["elicitation/create"]);
    pipe.say(&client.body("3", "tools/call", &named("kid__ask", &arguments)))
        .await;
    let asked = pipe.answer("3").await["result"].clone();
    let params = json!({
        "name": "kid__ask", "inputResponses": {}, "requestState": asked["requestState"],
    });
    pipe.say(&client.body("4", "tools/call", &params.to_string()))
        .await;
    let again = pipe.answer("4").await["result"].clone();
    assert_eq!(again["inputRequests"], asked["inputRequests"]);
    gate.stop().await;
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
