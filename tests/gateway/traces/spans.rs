//! `[traces]`: what spans say of calls.

use super::{CLIENT, Collector, SERVER, Span, started};
use crate::support::{Answer, BELIEVED, Gate, Gateway, HttpServer};

/// The two spans of the only call, once the gateway has ended.
async fn both(collector: &Collector, gateway: Gateway) -> (Span, Span) {
    gateway.stop().await;
    (collector.only(SERVER), collector.only(CLIENT))
}

#[tokio::test]
async fn a_call_is_a_span_here_and_one_at_its_server_and_the_server_is_told() {
    let (collector, up, gateway) = started("").await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await.answer();
    let (server, call) = both(&collector, gateway).await;

    assert_eq!(server.name, "tools/call up__echo");
    assert_eq!(call.name, "tools/call echo");
    assert_eq!(
        (server.parent.as_str(), call.parent.as_str()),
        ("", server.id.as_str())
    );
    assert_eq!(server.trace, call.trace);
    assert!(server.times.0 <= call.times.0 && call.times.0 <= call.times.1);
    assert!(call.times.1 <= server.times.1);
    assert_eq!((server.status, call.status), (0, 0));
    let heard = up.hears("tools/call").await;
    assert_eq!(
        heard.headers["traceparent"].to_str().unwrap(),
        call.context()
    );
    assert_eq!(heard.param("_meta")["traceparent"], call.context());

    for span in [&server, &call] {
        assert_eq!(span.is("mcp.method.name"), Some("tools/call"));
        assert_eq!(span.is("gen_ai.operation.name"), Some("execute_tool"));
        assert_eq!(span.is("mcp.protocol.version"), Some("2025-11-25"));
        assert_eq!(span.is("network.transport"), Some("tcp"));
        assert_eq!(span.is("mcpgate.server"), Some("up"));
        assert_eq!(span.is("error.type"), None);
    }
    assert_eq!(server.is("gen_ai.tool.name"), Some("up__echo"));
    assert_eq!(call.is("gen_ai.tool.name"), Some("echo"));
    assert_eq!(server.is("jsonrpc.request.id"), Some("1"));
    assert_eq!(server.is("client.address"), Some("127.0.0.1"));
    assert_eq!(server.is("mcpgate.outcome"), Some("ok"));
    assert_eq!(call.is("server.address"), Some("127.0.0.1"));
    assert!(call.is("server.port").is_some());
    let session = server.is("mcp.session.id").unwrap();
    assert!(session.len() == 16 && !client.session().contains(session));
    let resource = collector.resource();
    assert_eq!(resource["service.name"], "mcpgate");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn what_the_gateway_answers_itself_has_no_call() {
    let (collector, _up, gateway) = started("").await;
    let client = gateway.session().await;
    client.list("tools").await;
    client.request("ping", "{}").await.answer();
    gateway.stop().await;
    let names: Vec<_> = collector
        .spans()
        .into_iter()
        .map(|span| (span.kind, span.name))
        .collect();
    let wanted = ["tools/list", "ping"].map(|name| (SERVER, name.to_owned()));
    assert_eq!(names, wanted);
}

#[tokio::test]
async fn a_refusal_says_its_code_its_stage_and_its_kind_and_has_no_name_that_was_made_up() {
    let (collector, _up, gateway) = started("").await;
    gateway
        .session()
        .await
        .call("up__made_up", "{}")
        .await
        .error();
    gateway.stop().await;
    let span = collector.only(SERVER);
    assert_eq!(
        (collector.spans().len(), span.name.as_str()),
        (1, "tools/call")
    );
    assert_eq!(span.is("gen_ai.tool.name"), Some("up__made_up"));
    assert_eq!(
        (span.status, span.message.as_str()),
        (2, "unknown tool `up__made_up`")
    );
    for (key, value) in [
        ("error.type", "-32602"),
        ("rpc.response.status_code", "-32602"),
        ("mcpgate.refusal", "no_route"),
        ("mcpgate.stage", "route"),
        ("mcpgate.outcome", "refused"),
    ] {
        assert_eq!(span.is(key), Some(value), "{key}");
    }
}

#[tokio::test]
async fn an_unknown_method_names_no_span() {
    let (collector, _up, gateway) = started("").await;
    let made_up = format!("x/{}", "y".repeat(1000));
    gateway.session().await.request(&made_up, "{}").await;
    gateway.stop().await;
    let span = &collector.spans()[0];
    assert_eq!(span.name, "_OTHER");
    assert_eq!(span.is("mcp.method.name"), Some(&made_up[..500]));
}

#[tokio::test]
async fn a_server_that_takes_too_long_is_a_timeout() {
    let (collector, up, gateway) = started("timeout = \"50ms\"\n").await;
    up.on("tools/call", |_| Answer::status(200).held(&Gate::default()));
    gateway.session().await.call("up__echo", "{}").await.error();
    let (server, call) = both(&collector, gateway).await;
    assert_eq!((call.status, call.is("error.type")), (2, Some("timed_out")));
    assert_eq!(
        (server.status, server.is("error.type")),
        (2, Some("-32001"))
    );
    assert_eq!(server.is("mcpgate.refusal"), Some("timed_out"));
    assert_eq!(server.is("mcpgate.stage"), Some("forward"));
}

#[tokio::test]
async fn a_failed_tool_is_one_and_a_servers_error_is_its_code_without_its_words() {
    for (answer, kind, code) in [
        (r#"{"content":[],"isError":true}"#, "tool_error", None),
        (
            r#"{"code":-31999,"message":"no SECRET"}"#,
            "-31999",
            Some("-31999"),
        ),
    ] {
        let (collector, up, gateway) = started("").await;
        up.on("tools/call", move |heard| match code {
            None => Answer::result(heard, answer),
            Some(_) => Answer::error(heard, answer),
        });
        gateway
            .session()
            .await
            .call("up__echo", "{}")
            .await
            .answer();
        let (server, call) = both(&collector, gateway).await;
        for span in [server, call] {
            assert_eq!((span.status, span.is("error.type")), (2, Some(kind)));
            assert_eq!(span.is("rpc.response.status_code"), code);
            assert_eq!(span.message, "");
        }
    }
}

#[tokio::test]
async fn neither_arguments_nor_results_nor_ids_of_sessions_are_in_a_span() {
    let (collector, _up, gateway) = started("").await;
    let client = gateway.session().await;
    client
        .call("up__echo", r#"{"a":"SECRET","isError":1}"#)
        .await
        .answer();
    gateway.stop().await;
    assert_eq!(collector.spans().len(), 2);
    for (_, body) in collector.requests() {
        let has = |secret: &str| memchr::memmem::find(&body, secret.as_bytes()).is_some();
        assert!(!has("SECRET") && !has(client.session()));
        assert!(has("up__echo"));
    }
}

#[tokio::test]
async fn a_span_says_who_called_as_the_audit_does() {
    let (collector, up) = (
        Collector::start().await,
        HttpServer::with_tools(&["echo"]).await,
    );
    let servers = format!("{}{}", collector.table(""), up.table("up"));
    let gateway = Gateway::with_policy(&servers, BELIEVED).await;
    gateway.settled().await;
    let client = gateway.client().asking_for("sam", "guest").open().await;
    client.call("up__echo", "{}").await.answer();
    let (server, _) = both(&collector, gateway).await;
    assert_eq!(server.is("mcpgate.caller"), Some("user:sam"));
    assert_eq!(server.is("mcpgate.role"), Some("guest"));
}
