//! `[traces]`: of which trace a call is a part, and what servers are told of that.

use serde_json::{Value, json};

use super::Collector;
use crate::{
    pipe,
    support::{Client, Gateway, HttpServer, Modern, SseServer, key, request},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// A gateway with these `[traces]` in front of a remote server and a command.
async fn started(traces: &str) -> (HttpServer, Gateway) {
    let up = HttpServer::with_tools(&["echo"]).await;
    let servers = format!("{traces}{}{}", up.table("up"), pipe::server("kid", &[]));
    let gateway = Gateway::start(&servers).await;
    gateway.settled().await;
    (up, gateway)
}

/// Calls a tool with this after its arguments.
async fn said(client: &Client, tool: &str, more: &str) -> Value {
    let params = format!(r#"{{"name":"{tool}","arguments":{{}}{more}}}"#);
    let answer = client.request("tools/call", &params).await.answer();
    answer["result"]["params"]["_meta"].clone()
}

fn meta(parent: &str, state: &str) -> String {
    format!(r#","_meta":{{"traceparent":"{parent}"{state}}}"#)
}

#[tokio::test]
async fn what_the_message_says_is_the_parent_and_what_its_transport_says_a_link() {
    let collector = Collector::start().await;
    let (up, gateway) = started(&collector.table("")).await;
    let client = gateway.session().await.with("traceparent", OTHER);
    let state = r#","tracestate":"rojo=1,congo=\"2""#;
    said(&client, "up__echo", &meta(PARENT, state)).await;
    gateway.stop().await;

    let (server, call) = (collector.only(2), collector.only(3));
    assert_eq!(
        (server.trace.as_str(), server.parent.as_str()),
        (TRACE, "53995c3f42cd8ad8")
    );
    let other = "0af7651916cd43dd8448eb211c80319c".to_owned();
    assert_eq!(server.links, [(other, "b7ad6b7169203331".to_owned())]);
    assert_eq!((call.trace.as_str(), &call.parent), (TRACE, &server.id));
    assert_eq!((server.flags, call.flags), (0x301, 0x101));
    let heard = up.hears("tools/call").await;
    assert_eq!(
        heard.headers["traceparent"].to_str().unwrap(),
        call.context()
    );
    assert_eq!(heard.headers["tracestate"], r#"rojo=1,congo="2"#);
    let told = json!({"traceparent": call.context(), "tracestate": r#"rojo=1,congo="2"#});
    assert_eq!(heard.param("_meta"), told);
    assert_eq!(call.state, r#"rojo=1,congo="2"#);
}

#[tokio::test]
async fn what_the_headers_say_goes_on_in_the_message_to_commands_too() {
    let collector = Collector::start().await;
    let (_up, gateway) = started(&collector.table("")).await;
    let client = gateway.session().await.with("traceparent", PARENT);
    let client = client
        .with("tracestate", "rojo=1")
        .with("tracestate", "congo=2");
    let told = said(&client, "kid__echo", "").await;
    gateway.stop().await;
    let (server, call) = (collector.only(2), collector.only(3));
    assert_eq!(
        (server.trace.as_str(), server.parent.as_str()),
        (TRACE, "53995c3f42cd8ad8")
    );
    let wanted = json!({"traceparent": call.context(), "tracestate": "rojo=1,congo=2"});
    assert_eq!(told, wanted);
    assert_eq!(call.is("network.transport"), Some("pipe"));
    assert_eq!(call.is("server.address"), None);
}

#[tokio::test]
async fn a_client_on_a_pipe_and_servers_of_other_eras_are_part_of_it() {
    let collector = Collector::start().await;
    let (sse, modern) = (
        SseServer::with_tools(&["echo"]).await,
        HttpServer::modern(&["echo"]).await,
    );
    let servers = format!(
        "{}{}{}",
        collector.table(""),
        sse.table("sse"),
        modern.table("new")
    );
    let gateway = Gateway::start(&servers).await;
    gateway.settled().await;
    let lines = [
        crate::support::initialize("2025-11-25"),
        request(
            "1",
            "tools/call",
            &format!(r#"{{"name":"sse__echo"{}}}"#, meta(PARENT, "")),
        ),
    ];
    gateway.pipe(&lines).await;
    let client = Modern::new(gateway.client()).saying("traceparent", &format!("\"{PARENT}\""));
    client.call("new__echo", "{}").await.answer();
    gateway.stop().await;

    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
    assert_eq!(spans[0].is("network.transport"), Some("pipe"));
    assert_eq!(spans[0].is("mcpgate.caller"), Some("local"));
    let calls: Vec<_> = spans.iter().filter(|span| span.kind == 3).collect();
    for (heard, call) in [
        sse.hears("tools/call").await,
        modern.hears("tools/call").await,
    ]
    .iter()
    .zip(calls)
    {
        assert_eq!(
            heard.headers["traceparent"].to_str().unwrap(),
            call.context()
        );
        assert_eq!(heard.param("_meta")["traceparent"], call.context());
    }
}

#[tokio::test]
async fn nothing_else_of_a_message_changes() {
    let collector = Collector::start().await;
    let (up, gateway) = started(&collector.table("")).await;
    let params = format!(
        r#"{{ "name":"echo" , "arguments":{{ "n":1E+2, "n":1.0, "traceparent":"x" }}, "_meta": {{"a" : 1E0 , "traceparent" : "{PARENT}" }},"z":[ ]}}"#
    );
    let client = gateway.session().await;
    let exposed = params.replace("\"echo\"", "\"up__echo\"");
    client.request("tools/call", &exposed).await.answer();
    gateway.stop().await;
    let told = collector.only(3).context();
    let heard = up.hears("tools/call").await;
    assert_eq!(heard.params(), params.replace(PARENT, &told));
}

#[tokio::test]
async fn what_is_not_sound_is_as_if_it_were_not_there() {
    let collector = Collector::start().await;
    let (_up, gateway) = started(&collector.table("")).await;
    let client = gateway.session().await;
    let bad = PARENT.to_uppercase();
    let told = said(&client, "kid__echo", &meta(&bad, r#","tracestate":"a=b""#)).await;
    gateway.stop().await;
    let (server, call) = (collector.only(2), collector.only(3));
    assert_eq!(server.parent, "");
    assert_ne!(server.trace, TRACE);
    // It began here, so its id is known to be random.
    assert!(call.context().ends_with("-03"));
    assert_eq!(told, json!({"traceparent": call.context()}));
}

#[tokio::test]
async fn a_trace_that_is_not_recorded_passes_as_it_is() {
    let collector = Collector::start().await;
    for (traces, parent) in [("", UNSAMPLED), ("sample = 0", PARENT)] {
        let (up, gateway) = started(&collector.table(traces)).await;
        let client = gateway.session().await.with("traceparent", parent);
        let client = client.with("tracestate", "a=b");
        let params = format!(r#"{{ "name":"echo" {} }}"#, meta(parent, r#", "x":1E0 "#));
        let exposed = params.replace("\"echo\"", "\"up__echo\"");
        client.request("tools/call", &exposed).await.answer();
        gateway.stop().await;
        let heard = up.hears("tools/call").await;
        assert_eq!(heard.params(), params);
        assert_eq!(heard.headers["traceparent"], parent);
        assert_eq!(heard.headers["tracestate"], "a=b");
    }
    assert_eq!(collector.requests().len(), 0);
}

#[tokio::test]
async fn without_traces_nothing_is_read_and_nothing_is_sent() {
    let (up, gateway) = started("").await;
    let client = gateway.session().await.with("traceparent", PARENT);
    let told = said(&client, "kid__echo", &meta(OTHER, "")).await;
    assert_eq!(told, json!({"traceparent": OTHER}));
    said(&client, "up__echo", "").await;
    let heard = up.hears("tools/call").await;
    assert!(!heard.headers.contains_key("traceparent"));
    assert_eq!(heard.params(), r#"{"name":"echo","arguments":{}}"#);
}

#[tokio::test]
async fn who_is_known_decides_what_is_traced_and_a_stranger_does_not() {
    let collector = Collector::start().await;
    let up = HttpServer::with_tools(&["echo"]).await;
    let servers = format!("{}{}", collector.table("sample = 0"), up.table("up"));
    let policy = format!(
        "{}[roles.all]\nallow = [\"*\"]\n[anonymous]\nrole = \"all\"\n",
        key("sam", "role = \"all\"")
    );
    let gateway = Gateway::with_policy(&servers, &policy).await;
    gateway.settled().await;
    let stranger = gateway.session().await.with("traceparent", OTHER);
    said(&stranger, "up__echo", "").await;
    let known = gateway.client().holding("sam").open().await;
    said(&known.with("traceparent", PARENT), "up__echo", "").await;
    gateway.stop().await;
    let server = collector.only(2);
    assert_eq!(server.trace, TRACE);
    assert_eq!(server.is("mcpgate.caller"), Some("key:sam"));
}
