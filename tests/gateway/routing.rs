//! Where a call leads, and what is answered where it leads nowhere.

use crate::support::{Answer, Client, Gateway, HttpServer};

/// Method, `params`, and the error that answers them: its code, and what its message has.
const UNKNOWN: &[(&str, &str, i64, &str)] = &[
    (
        "tools/call",
        r#"{"name":"echo"}"#,
        -32602,
        "unknown tool `echo`",
    ),
    ("tools/call", "{}", -32602, "`name` is missing"),
    (
        "prompts/get",
        r#"{"name":"p"}"#,
        -32602,
        "unknown prompt `p`",
    ),
    (
        "resources/read",
        r#"{"uri":"x://1"}"#,
        -32002,
        "unknown resource `x://1`",
    ),
    (
        "resources/subscribe",
        r#"{"uri":"x://1"}"#,
        -32002,
        "unknown resource `x://1`",
    ),
    (
        "completion/complete",
        r#"{"ref":{"name":"p"}}"#,
        -32602,
        "unknown prompt `p`",
    ),
    ("completion/complete", "{}", -32602, "`ref` is missing"),
    (
        "tools/list",
        r#"{"cursor":"1"}"#,
        -32602,
        "unknown `cursor`",
    ),
    (
        "prompts/list",
        r#"{"cursor":""}"#,
        -32602,
        "unknown `cursor`",
    ),
    (
        "logging/setLevel",
        r#"{"level":"loud"}"#,
        -32602,
        "unknown `level`",
    ),
    (
        "io.example/new",
        "{}",
        -32601,
        "unknown method `io.example/new`",
    ),
    ("sampling/createMessage", "{}", -32601, "unknown method"),
    ("initialize", "{}", -32602, "`protocolVersion` is missing"),
];

async fn error_of(client: &Client, method: &str, params: &str) -> (i64, String) {
    client.request(method, params).await.error()
}

#[tokio::test]
async fn what_nobody_offers_is_unknown_in_the_protocols_own_codes() {
    let servers = [
        HttpServer::with_tools(&["echo"]).await,
        HttpServer::with_tools(&[]).await,
    ];
    let gateway = Gateway::of(&[("a", &servers[0]), ("b", &servers[1])]).await;
    let client = gateway.session().await;

    for (method, params, code, words) in UNKNOWN {
        let (found, message) = error_of(&client, method, params).await;
        assert_eq!(found, *code, "{method} {params}: {message}");
        assert!(message.contains(words), "{method} {params}: {message}");
    }
    let read = client.request("resources/read", r#"{"uri":"x://1"}"#).await;
    assert_eq!(read.answer()["error"]["data"]["uri"], "x://1");
    for server in &servers {
        assert!(server.heard_of("tools/call").is_empty());
    }
}

/// Trap: An exposed name split at its underscores.
#[tokio::test]
async fn names_full_of_underscores_lead_to_their_own_tools() {
    let tools: [&[&str]; 3] = [&["b__d", "_x", "y_"], &["d_"], &["a__z", "a__b__e"]];
    let [a, inner, bare] = tools.map(HttpServer::with_tools);
    let (a, inner, bare) = (a.await, inner.await, bare.await);
    // Split anywhere, names of the third look like those of the others.
    let tables = [a.table("a"), inner.table("a__b"), bare.table("bare")];
    let gateway = Gateway::start(&(tables.concat() + "prefix = \"\"\n")).await;
    gateway.settled().await;
    let client = gateway.session().await;

    for (exposed, server, own) in [
        ("a__b__d", &a, "b__d"),
        ("a___x", &a, "_x"),
        ("a__y_", &a, "y_"),
        ("a__b__d_", &inner, "d_"),
        ("a__z", &bare, "a__z"),
        ("a__b__e", &bare, "a__b__e"),
    ] {
        client.call(exposed, "{}").await.answer();
        let heard = server.heard_of("tools/call");
        let last = heard.last().map(|call| call.param("name"));
        assert_eq!(last, Some(own.into()), "{exposed}");
    }
    let error = error_of(&client, "tools/call", r#"{"name":"b__d"}"#).await;
    assert!(error.1.contains("unknown tool"), "{}", error.1);
}

#[tokio::test]
async fn a_resource_goes_to_the_server_that_lists_it_or_whose_template_it_fits() {
    let (a, b) = (
        HttpServer::with_tools(&[]).await,
        HttpServer::with_tools(&[]).await,
    );
    a.offer("resources/list", &[r#"{"uri":"x://one","name":"one"}"#]);
    a.offer(
        "resources/templates/list",
        &[r#"{"uriTemplate":"db://{table}/{row}","name":"r"}"#],
    );
    b.offer(
        "resources/list",
        &[r#"{"uri":"db://users/1","name":"exact"}"#],
    );
    b.offer(
        "resources/templates/list",
        &[r#"{"uriTemplate":"file:///{+path}","name":"f"}"#],
    );
    for (server, name) in [(&a, "a"), (&b, "b")] {
        server.on("resources/read", move |heard| {
            Answer::result(heard, &format!(r#"{{"from":"{name}"}}"#))
        });
    }
    let gateway = Gateway::of(&[("a", &a), ("b", &b)]).await;
    let client = gateway.session().await;

    for (uri, server) in [
        ("x://one", "a"),
        ("db://users/2", "a"),
        ("db://users/1", "b"),
        ("file:///etc/x/y", "b"),
    ] {
        let reply = client
            .request("resources/read", &format!(r#"{{"uri":"{uri}"}}"#))
            .await;
        assert_eq!(reply.answer()["result"]["from"], server, "{uri}");
    }
    for uri in ["x://two", "db://users", "db://a/b/c"] {
        let (code, _) = error_of(&client, "resources/read", &format!(r#"{{"uri":"{uri}"}}"#)).await;
        assert_eq!(code, -32002, "{uri}");
    }
}
