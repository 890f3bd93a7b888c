//! The bridge: clients of 2026-07-28 in front of servers with sessions, which ask in mid-call.

use serde_json::{Value, json};

use crate::{
    pipe::server,
    support::{Gateway, Modern, Reply},
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
