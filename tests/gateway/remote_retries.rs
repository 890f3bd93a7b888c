//! What is sent to a remote server a second time, and what never is.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use http_body_util::BodyExt;

use crate::support::{Answer, Gate, Gateway, HttpServer, call, tool, within};

/// A tool with annotations.
fn annotated(name: &str, annotations: &str) -> String {
    format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}},"annotations":{annotations}}}"#)
}

/// A server with tools of every kind.
async fn server() -> HttpServer {
    let server = HttpServer::with_tools(&[]).await;
    let tools = [
        annotated("reads", r#"{"readOnlyHint":true}"#),
        annotated("sets", r#"{"title":"x","idempotentHint":true}"#),
        annotated("adds", r#"{"readOnlyHint":false,"idempotentHint":false}"#),
        annotated("says", r#"{"readOnlyHint":"true"}"#),
        tool("plain"),
    ];
    server.offer("tools/list", &tools);
    server.offer("prompts/list", &[r#"{"name":"ask"}"#]);
    server.offer("resources/list", &[r#"{"uri":"file:///a","name":"a"}"#]);
    server
}

/// Has it hang up on the first request of a method, and answer the next.
fn hangs_up_once(server: &HttpServer, method: &'static str) {
    let count = AtomicUsize::new(0);
    server.on(method, move |heard| {
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::hang_up(),
            _ => Answer::result(heard, "{}"),
        }
    });
}

async fn retries(gateway: &Gateway) -> String {
    let client = gateway.client().at("/metrics");
    let page = client.ask(Method::GET, "").await;
    let name = "mcp_server_retries_total{server=\"up\"} ";
    let mut lines = page.text().lines();
    let count = lines.find_map(|line| line.strip_prefix(name));
    count.unwrap().to_owned()
}

#[tokio::test]
async fn a_tool_that_says_so_is_called_again_if_the_connection_breaks_before_an_answer() {
    for tool in ["reads", "sets"] {
        let server = server().await;
        let gateway = Gateway::of(&[("up", &server)]).await;
        let client = gateway.session().await;
        hangs_up_once(&server, "tools/call");

        let reply = client.call(&format!("up__{tool}"), r#"{"x":1}"#).await;

        assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        let heard = server.heard_of("tools/call");
        assert_eq!(heard.len(), 2, "{tool}");
        assert_eq!(heard[0].body, heard[1].body);
        assert_eq!(heard[0].session(), heard[1].session());
        assert_eq!(retries(&gateway).await, "1");
    }
}

#[tokio::test]
async fn a_tool_that_may_have_run_is_not_called_again() {
    let server = server().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    for (count, tool) in ["adds", "says", "plain"].into_iter().enumerate() {
        hangs_up_once(&server, "tools/call");
        let reply = client.call(&format!("up__{tool}"), "{}").await;
        let (code, words) = reply.error();
        assert_eq!(code, -32000);
        assert!(words.contains("`up` stopped during the call"), "{words}");
        assert_eq!(server.heard_of("tools/call").len(), count + 1, "{tool}");
    }
    assert_eq!(retries(&gateway).await, "0");
}

#[tokio::test]
async fn what_only_reads_is_asked_again_once() {
    let server = server().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let complete =
        r#"{"ref":{"type":"ref/prompt","name":"up__ask"},"argument":{"name":"a","value":"b"}}"#;

    for (method, params) in [
        ("resources/read", r#"{"uri":"file:///a"}"#),
        ("prompts/get", r#"{"name":"up__ask"}"#),
        ("completion/complete", complete),
    ] {
        hangs_up_once(&server, method);
        let reply = client.request(method, params).await;
        assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        assert_eq!(server.heard_of(method).len(), 2, "{method}");

        server.on(method, |_| Answer::hang_up());
        client.request(method, params).await.error();
        assert_eq!(server.heard_of(method).len(), 4, "not more than once");
    }
}

#[tokio::test]
async fn a_list_that_is_lost_on_its_way_is_fetched_again() {
    let server = server().await;
    let count = AtomicUsize::new(0);
    server.on("tools/list", move |heard| {
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::hang_up(),
            _ => {
                let tools = format!(r#"{{"tools":[{}]}}"#, annotated("reads", "{}"));
                Answer::result(heard, &tools)
            }
        }
    });
    let gateway = Gateway::of(&[("up", &server)]).await;

    let client = gateway.session().await;

    assert_eq!(client.list("tools").await, ["up__reads"]);
}

#[tokio::test]
async fn a_call_of_which_an_answer_has_begun_is_never_sent_again() {
    let server = server().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    type Way = fn() -> Answer;
    let ways: [Way; 3] = [
        || Answer::json(r#"{"jsonrpc""#).breaking(),
        || Answer::events(["{}"]).breaking(),
        || Answer::body(500, "text/plain", "no").breaking(),
    ];

    for (count, way) in ways.into_iter().enumerate() {
        server.on("tools/call", move |_| way());
        client.call("up__reads", "{}").await.error();
        assert_eq!(server.heard_of("tools/call").len(), count + 1);
    }
    assert_eq!(retries(&gateway).await, "0");
}

#[tokio::test]
async fn a_call_whose_answer_streams_through_and_breaks_in_the_middle_is_never_sent_again() {
    let server = server().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |_| {
        let begun = Answer::chunked("x".repeat(100_000), 50_000);
        begun.wait(&held).breaking()
    });

    let call = call("1", "up__reads", "{}");
    let body = client.send(Method::POST, call).await.into_body();
    gate.open();

    assert!(within("its end", body.collect()).await.is_err());
    assert_eq!(server.heard_of("tools/call").len(), 1);
    assert_eq!(retries(&gateway).await, "0");
}

#[tokio::test]
async fn a_call_that_was_sent_twice_has_one_line_in_the_audit() {
    let server = server().await;
    let table = server.table("up") + "[audit]\nfile = \"audit.jsonl\"\n";
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let client = gateway.session().await;
    hangs_up_once(&server, "tools/call");

    client.call("up__reads", "{}").await.answer();

    let lines = gateway.audited().await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(server.heard_of("tools/call").len(), 2);
}
