//! Requests that stand for themselves (2026-07-28): headers mirror the body, or else.

use http::StatusCode;

use crate::support::{Client, Gateway, HttpServer, Modern, Reply, named};

/// The call of `up__echo`, with these headers and no others of the revision.
async fn with_headers(client: &Client, modern: &Modern, headers: &[(&str, &str)]) -> Reply {
    let body = modern.body("\"x\"", "tools/call", &named("up__echo", "{}"));
    let client = headers
        .iter()
        .fold(client.clone(), |client, (name, value)| {
            client.with(name, value)
        });
    client.post(body).await
}

#[tokio::test]
async fn headers_say_what_the_body_does_or_the_request_is_refused() {
    let server = HttpServer::modern(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let modern = Modern::new(gateway.client());
    let client = gateway.client();
    let [version, method, name] = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "up__echo"),
    ];
    let good: [&[(&str, &str)]; 3] = [
        &[version, method, name],
        &[version, method, ("mcp-name", "=?base64?dXBfX2VjaG8=?=")],
        &[
            version,
            method,
            ("MCP-Name", "up__echo"),
            ("mcp-session-id", "no such"),
        ],
    ];
    for headers in good {
        let reply = with_headers(&client, &modern, headers).await;
        assert_eq!(
            reply.status,
            StatusCode::OK,
            "{headers:?}: {}",
            reply.text()
        );
        assert!(!reply.headers.contains_key("mcp-session-id"));
    }
    let bad: [&[(&str, &str)]; 12] = [
        &[method, name],
        &[version, name],
        &[version, method],
        &[],
        &[version, method, ("mcp-name", "up__ant")],
        &[version, method, ("mcp-name", "UP__ECHO")],
        &[version, ("mcp-method", "prompts/get"), name],
        &[("mcp-protocol-version", "2025-11-25"), method, name],
        &[version, version, method, name],
        &[version, method, method, name],
        &[version, method, name, ("mcp-name", "up__ant")],
        &[version, method, ("mcp-name", "=?base64?%%%?=")],
    ];
    for headers in bad {
        let reply = with_headers(&client, &modern, headers).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{headers:?}");
        assert_eq!(reply.error().0, -32020, "{headers:?}: {}", reply.text());
        assert_eq!(reply.answer()["id"], "x");
    }
    assert_eq!(server.heard_of("tools/call").len(), good.len());
}

/// Arguments, the headers that come with them, and whether they agree.
type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

const CASES: [Case; 12] = [
    ("{}", &[], true),
    (r#"{"region":null}"#, &[], true),
    (r#"{"region":"eu"}"#, &[("mcp-param-region", "eu")], true),
    (
        r#"{"region":"eu"}"#,
        &[("mcp-param-region", "=?base64?ZXU=?=")],
        true,
    ),
    (
        r#"{"n":42,"on":true}"#,
        &[("mcp-param-n", "42.0"), ("mcp-param-on", "true")],
        true,
    ),
    (
        r#"{"region":"eu"}"#,
        &[("mcp-param-region", "eu"), ("mcp-param-other", "x")],
        true,
    ),
    (r#"{"region":"eu"}"#, &[], false),
    (r#"{"region":"eu"}"#, &[("mcp-param-region", "us")], false),
    (r#"{"region":"1"}"#, &[("mcp-param-region", "1.0")], false),
    (r#"{"n":42}"#, &[("mcp-param-n", "43")], false),
    ("{}", &[("mcp-param-region", "us")], false),
    (
        r#"{"region":"eu"}"#,
        &[("mcp-param-region", "eu"), ("mcp-param-region", "us")],
        false,
    ),
];

#[tokio::test]
async fn arguments_that_a_tool_mirrors_are_compared_with_their_headers() {
    let server = HttpServer::modern(&[]).await;
    let tool = r#"{"name":"q","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"},"on":{"type":"boolean","x-mcp-header":"On"}}}}"#;
    server.offer("tools/list", &[tool]);
    let gateway = Gateway::of(&[("up", &server)]).await;
    let modern = Modern::new(gateway.client());
    for (arguments, headers, good) in CASES {
        let before = server.heard_of("tools/call").len();
        let client = headers
            .iter()
            .fold(modern.clone(), |client, (name, value)| {
                client.with(name, value)
            });
        let reply = client.call("up__q", arguments).await;
        if good {
            assert_eq!(
                reply.status,
                StatusCode::OK,
                "{arguments} {headers:?}: {}",
                reply.text()
            );
            let heard = server.heard_of("tools/call")[before].clone();
            assert_eq!(heard.headers["mcp-name"], "q");
            assert_eq!(heard.headers["mcp-method"], "tools/call");
            assert_eq!(
                heard.headers.contains_key("mcp-param-other"),
                headers.len() == 2 && arguments.contains("eu")
            );
            assert_eq!(
                heard.headers.contains_key("mcp-param-region"),
                arguments.contains("eu")
            );
            if arguments.contains("42") {
                assert_eq!(heard.headers["mcp-param-n"], "42");
                assert_eq!(heard.headers["mcp-param-on"], "true");
            }
        } else {
            assert_eq!(
                reply.status,
                StatusCode::BAD_REQUEST,
                "{arguments} {headers:?}"
            );
            assert_eq!(reply.error().0, -32020, "{arguments} {headers:?}");
            assert_eq!(server.heard_of("tools/call").len(), before);
        }
    }
}
