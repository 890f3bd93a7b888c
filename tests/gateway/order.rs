//! Order and completeness: progress before its result, nothing after it, nobody waits for a
//! client that does not read, and the clock of a call stands still while somebody is asked.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    pipe,
    support::{
        Answer, Gate, Gateway, HttpServer, Modern, SseClient, call, notification, request, within,
    },
};

fn progress(token: &Value, step: usize) -> String {
    let params = json!({"progressToken": token, "progress": step});
    notification("notifications/progress", &params.to_string())
}

/// The arguments by which a command tells of its progress before it answers.
fn telling(steps: usize) -> Value {
    let line = |step: usize| {
        let params = format!(r#"{{"progressToken":$TOKEN,"progress":{step}}}"#);
        notification("notifications/progress", &params)
    };
    json!({"lines": (0..steps).map(line).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_comes_in_its_order_before_its_result_under_load() {
    let server = HttpServer::with_tools(&["say"]).await;
    server.on("tools/call", |heard| {
        let token = heard.param("_meta")["progressToken"].clone();
        let steps = (0..100).map(|step| progress(&token, step));
        Answer::events(steps.chain([heard.result("{}")]))
    });
    let table = format!("{}{}", server.table("up"), pipe::server("kid", &[]));
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let mut all = JoinSet::new();
    for at in 0..24 {
        let client = gateway.session().await;
        let tool = if at % 2 == 0 { "up__say" } else { "kid__say" };
        all.spawn(async move {
            let params = json!({
                "name": tool, "arguments": telling(100), "_meta": {"progressToken": at},
            });
            let body = request("1", "tools/call", &params.to_string());
            let mut events = client.post_events(body).await;
            for step in 0..100 {
                let told: Value = serde_json::from_str(&events.data().await).unwrap();
                let params = json!({"progressToken": at, "progress": step});
                assert_eq!((&told["params"], &told["id"]), (&params, &Value::Null));
            }
            let last: Value = serde_json::from_str(&events.data().await).unwrap();
            assert_eq!(last["id"], 1);
            assert_eq!(events.next().await, None, "nothing after the result");
        });
    }
    while let Some(done) = within("all", all.join_next()).await {
        done.unwrap();
    }
}

/// Trap: One slow reader who stalls a server for all.
#[tokio::test]
async fn a_client_that_never_reads_holds_nobody_up() {
    let gateway = Gateway::start(&pipe::server("kid", &[])).await;
    gateway.settled().await;
    let slow = SseClient::of(gateway.client()).await;
    let slow = slow.initialize("2024-11-05", "{}").await;
    // More than every buffer on the way can hold.
    for id in 1..64 {
        let big = call(&id.to_string(), "kid__big", r#"{"bytes":1000000}"#);
        slow.say(&big).await;
    }
    let other = gateway.session().await;
    for _ in 0..10 {
        let answer = other.call("kid__echo", r#"{"n":1}"#).await;
        assert!(answer.text().contains(r#""n":1"#));
    }
}

#[tokio::test]
async fn progress_gives_a_call_its_time_anew_but_not_for_ever() {
    let server = HttpServer::with_tools(&["work"]).await;
    // Many steps within one `timeout`.
    server.on("tools/call", |heard| {
        let token = heard.param("_meta")["progressToken"].clone();
        Answer::ticking(Duration::from_millis(50), move |step| {
            progress(&token, step)
        })
    });
    let table = server.table("up");
    let table = format!("{table}timeout = \"1s\"\ntimeout_total = \"2s\"\n");
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let client = gateway.session().await;
    let params = r#"{"name":"up__work","_meta":{"progressToken":1}}"#;
    let begun = tokio::time::Instant::now();
    let mut events = client.post_events(request("1", "tools/call", params)).await;
    let mut steps = 0;
    let error = loop {
        let message: Value = serde_json::from_str(&events.next().await.unwrap().data).unwrap();
        match message.get("error") {
            None => steps += 1,
            Some(error) => break error.clone(),
        }
    };
    assert_eq!(error["code"], -32001, "{error}");
    assert!(steps > 1, "{steps}");
    let words = error["message"].as_str().unwrap();
    assert!(
        words.ends_with("within 2s ([servers.up] timeout_total)"),
        "{words}"
    );
    assert_eq!(error["data"]["timeout_seconds"], 2.0);
    // It outlived its `timeout`, and not the cap.
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn while_a_client_is_asked_the_clock_of_its_call_stands_still() {
    let server = HttpServer::with_tools(&["ask"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard| {
        let asked = request("7", "roots/list", "{}");
        let last = Answer::events([heard.result(r#"{"content":[]}"#)]);
        Answer::events([asked]).wait(&held).then(last)
    });
    server.on("", move |_| {
        gate.open();
        Answer::status(202)
    });
    let table = format!("{}timeout = \"500ms\"\n", server.table("up"));
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let client = Modern::new(gateway.client()).capable(r#"{"roots":{}}"#);
    let asked = client.call("up__ask", "{}").await.answer()["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    // Another call's whole time passes, and more.
    server.on("tools/call", |heard| {
        Answer::result(heard, "{}").held(&Gate::default())
    });
    for _ in 0..2 {
        let (code, _) = client.call("up__ask", "{}").await.error();
        assert_eq!(code, -32001);
    }
    let reply = client
        .retry(
            "up__ask",
            "{}",
            r#"{"1":{"roots":[]}}"#,
            &asked["requestState"],
        )
        .await;
    assert_eq!(
        reply.answer()["result"]["content"],
        json!([]),
        "{}",
        reply.text()
    );
}
