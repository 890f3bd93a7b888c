//! Requests that stand for themselves (2026-07-28): the headers, the errors, the lists.

use http::StatusCode;
use serde_json::json;

use crate::support::{
    Answer, Gateway, HttpServer, Modern, initialize, named, notification, request,
};

const VERSIONS: [&str; 5] = [
    "2026-07-28",
    "2025-11-25",
    "2025-06-18",
    "2025-03-26",
    "2024-11-05",
];

async fn behind() -> (HttpServer, Gateway, Modern) {
    let server = HttpServer::modern(&["echo", "zebra", "ant"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = Modern::new(gateway.client());
    (server, gateway, client)
}

#[tokio::test]
async fn another_revision_is_refused_with_those_that_are_spoken() {
    let (_server, gateway, _) = behind().await;
    for version in ["2027-01-01", "2026-07-29"] {
        let meta = format!(
            r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}"#
        );
        let client = gateway.client().with("mcp-protocol-version", version);
        let client = client.with("mcp-method", "tools/list");
        let reply = client.post(request("1", "tools/list", &meta)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(reply.error().0, -32022);
        let data = &reply.answer()["error"]["data"];
        assert_eq!(*data, json!({"supported": VERSIONS, "requested": version}));
    }
}

#[tokio::test]
async fn what_every_request_says_of_itself_must_be_there() {
    let (_server, gateway, _) = behind().await;
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    for meta in [
        format!(r#"{{"_meta":{{{version}}}}}"#),
        format!(r#"{{"_meta":{{{version},"io.modelcontextprotocol/clientCapabilities":null}}}}"#),
        "{}".to_owned(),
    ] {
        let client = gateway.client().with("mcp-protocol-version", "2026-07-28");
        let client = client.with("mcp-method", "tools/list");
        let reply = client.post(request("1", "tools/list", &meta)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{meta}");
        assert_eq!(reply.error().0, -32602, "{meta}");
    }
    // Who the client is, it may keep to itself.
    let meta =
        format!(r#"{{"_meta":{{{version},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}"#);
    let client = gateway.client().with("mcp-protocol-version", "2026-07-28");
    let client = client.with("mcp-method", "tools/list");
    let reply = client.post(request("1", "tools/list", &meta)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
}

#[tokio::test]
async fn methods_that_the_revision_has_not_are_not_found() {
    let (server, gateway, modern) = behind().await;
    let opened = gateway.session().await;
    // What nobody here knows is the server's to refuse.
    server.on("no/such", |heard| {
        let error = heard.error(r#"{"code":-32601,"message":"no"}"#);
        Answer::body(404, "application/json", error)
    });
    for method in [
        "no/such",
        "ping",
        "initialize",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "sampling/createMessage",
        "roots/list",
    ] {
        let reply = modern
            .ask("7", method, r#"{"uri":"a://b","level":"info"}"#)
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{method}");
        assert_eq!(reply.error().0, -32601, "{method}");
        assert_eq!(reply.answer()["id"], 7);
    }
    assert_eq!(server.heard_of("initialize").len(), 0);
    // The same endpoint goes on serving the other era.
    assert_eq!(opened.request("ping", "{}").await.status, StatusCode::OK);
    let mixed = gateway.client().with("mcp-protocol-version", "2026-07-28");
    let mixed = mixed.post(initialize("2025-11-25")).await;
    assert_eq!(
        mixed.status,
        StatusCode::BAD_REQUEST,
        "a claim in the header is a claim"
    );
}

#[tokio::test]
async fn a_list_says_how_long_it_holds_and_for_whom_and_is_the_same_each_time() {
    let (server, _gateway, modern) = behind().await;
    let fetched = server.heard_of("tools/list").len();
    for (method, key) in [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ] {
        let first = modern.ask("1", method, "{}").await;
        let result = first.answer()["result"].clone();
        assert_eq!(result["resultType"], "complete", "{method}");
        assert!(result["ttlMs"].is_u64(), "{method}");
        assert!(["public", "private"].contains(&result["cacheScope"].as_str().unwrap()));
        assert!(result[key].is_array(), "{method}");
        for _ in 0..3 {
            assert_eq!(modern.ask("1", method, "{}").await.text(), first.text());
        }
    }
    assert_eq!(
        server.heard_of("tools/list").len(),
        fetched,
        "answered from memory"
    );
}

#[tokio::test]
async fn discovery_says_what_is_spoken_and_offered() {
    let (_server, _gateway, modern) = behind().await;
    let reply = modern.ask(r#""d-1""#, "server/discover", "{}").await;
    let answer = reply.answer();
    assert_eq!(answer["id"], "d-1");
    let result = &answer["result"];
    assert_eq!(result["supportedVersions"], json!(VERSIONS));
    assert_eq!(result["resultType"], "complete");
    for capability in ["tools", "prompts", "resources", "completions", "logging"] {
        assert!(
            result["capabilities"][capability].is_object(),
            "{capability}"
        );
    }
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["name"], "mcpgate");
    assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
}

#[tokio::test]
async fn what_is_no_request_is_taken_and_forgotten() {
    let (_server, gateway, modern) = behind().await;
    let client = modern.headed("notifications/x", "{}");
    let reply = client.post(notification("notifications/x", "{}")).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    assert!(reply.body.is_empty());
    assert!(gateway.pipeline().sessions.all().is_empty());
}

#[tokio::test]
async fn a_servers_own_words_go_through_as_they_are() {
    let (server, _gateway, modern) = behind().await;
    let result = r#"{"z":1E+2,"resultType":"complete","_meta":{"x/y":[null]},"content":[{"type":"new"}],"structuredContent":18446744073709551616}"#;
    server.on("tools/call", move |heard| Answer::result(heard, result));
    let reply = modern.call("up__echo", r#"{ "a" : 1.0 }"#).await;
    assert_eq!(
        reply.text(),
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#)
    );
    let heard = server.heard_of("tools/call")[0].clone();
    assert_eq!(
        heard.text(),
        modern.body("1", "tools/call", &named("echo", r#"{ "a" : 1.0 }"#))
    );

    for (code, status) in [
        (-32020, 400),
        (-32021, 400),
        (-32022, 400),
        (-32601, 404),
        (-32603, 200),
    ] {
        let error = format!(r#"{{"code":{code},"message":"no","data":{{"a":1.50}}}}"#);
        let scripted = error.clone();
        server.on("tools/call", move |heard| {
            Answer::body(status, "application/json", heard.error(&scripted))
        });
        let reply = modern.call("up__echo", "{}").await;
        assert_eq!(
            reply.text(),
            format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#)
        );
        assert_eq!(reply.status, status, "{code}");
    }
}

#[tokio::test]
async fn an_unknown_resource_has_the_revisions_own_code() {
    let (server, gateway, modern) = behind().await;
    for known in [false, true] {
        let old = HttpServer::with_tools(&["t"]).await;
        let gateway = match known {
            true => {
                old.offer("resources/list", &[r#"{"uri":"a://b","name":"b"}"#]);
                old.on("resources/read", |heard| {
                    Answer::error(
                        heard,
                        r#"{"code":-32002,"message":"gone","data":{"uri":"a://b"}}"#,
                    )
                });
                Gateway::of(&[("old", &old)]).await
            }
            false => Gateway::start("").await,
        };
        let reply = Modern::new(gateway.client());
        let reply = reply.ask("1", "resources/read", r#"{"uri":"a://b"}"#).await;
        assert_eq!(reply.error().0, -32602, "known: {known}");
        assert_eq!(reply.answer()["error"]["data"], json!({"uri": "a://b"}));
    }
    // A tool's own code stays what it is.
    server.on("tools/call", |heard| {
        Answer::error(heard, r#"{"code":-32002,"message":"mine"}"#)
    });
    assert_eq!(modern.call("up__echo", "{}").await.error().0, -32002);
    let old = HttpServer::with_tools(&["echo"]).await;
    old.on("tools/call", |heard| {
        Answer::error(heard, r#"{"code":-32002,"message":"mine"}"#)
    });
    drop(gateway);
    let gateway = Gateway::of(&[("up", &old)]).await;
    let reply = Modern::new(gateway.client()).call("up__echo", "{}").await;
    assert_eq!(reply.error().0, -32002);
}
