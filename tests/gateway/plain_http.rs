//! Tools over plain HTTP: the list, and the results of calls.

use http::{Method, StatusCode};
use mcpgate::authenticate::hash_of;

use crate::support::{Answer, Client, Gateway, Heard, HttpServer, Reply, tool};

pub(crate) const RESULT: &str = r#"{ "content" : [ ], "isError":true, "n":1E+2 }"#;

pub(crate) async fn serving(result: &'static str) -> HttpServer {
    let server = HttpServer::with_tools(&["read", "drop"]).await;
    server.on("tools/call", move |heard: &Heard| {
        Answer::result(heard, result)
    });
    server
}

/// Whoever asks LibreChat, in the role that it names; a user may read three times an hour.
pub(crate) async fn guarded(server: &HttpServer) -> Gateway {
    let policy = format!(
        "[keys.librechat]\nhash = \"{}\"\nrole = \"nobody\"\n\
         [keys.plain]\nhash = \"{}\"\nrole = \"analyst\"\n\
         [trusted_headers]\nkeys = [\"librechat\"]\nroles = {{ USER = \"analyst\" }}\n\
         [roles.nobody]\n[roles.analyst]\n\
         allow = [{{ target = \"up/read\", when = \"args.path != '/etc'\" }}]\n\
         limits = [{{ calls = 3, per = \"1h\" }}]\n",
        hash_of("chat"),
        hash_of("plain")
    );
    let servers = format!("[audit]\nfile = \"audit.jsonl\"\n{}", server.table("up"));
    let gateway = Gateway::with_policy(&servers, &policy).await;
    gateway.settled().await;
    gateway
}

pub(crate) fn user(gateway: &Gateway) -> Client {
    let client = gateway.client().with("x-api-key", "chat");
    client.asking_for("sam", "USER")
}

pub(crate) async fn calls(client: &Client, name: &str, arguments: &str) -> Reply {
    let body = format!(r#"{{"name":"{name}","arguments":{arguments}}}"#);
    client.clone().at("/mcp/call-tool").post(body).await
}

#[tokio::test]
async fn the_list_is_what_the_caller_sees_of_it_in_mcp() {
    let server = serving(RESULT).await;
    server.offer(
        "tools/list",
        &[
            tool("read"),
            r#"{ "name":"drop", "inputSchema" : {"type":"object","x" : 1E+2} }"#.to_owned(),
        ],
    );
    let open = Gateway::of(&[("up", &server)]).await;
    let guarded = guarded(&server).await;

    let all = open.client().at("/mcp/tools").ask(Method::GET, "").await;
    let own = open
        .client()
        .at("/s/up/mcp/tools")
        .ask(Method::GET, "")
        .await;
    let some = user(&guarded).at("/mcp/tools").ask(Method::GET, "").await;

    assert_eq!(all.status, StatusCode::OK);
    let read = tool("up__read");
    let listed = format!(
        r#"{{"tools":[{read},{{ "name":"up__drop", "inputSchema" : {{"type":"object","x" : 1E+2}} }}]}}"#
    );
    assert_eq!(all.text(), listed);
    assert_eq!(own.text(), listed.replace("up__", ""));
    assert_eq!(some.text(), format!(r#"{{"tools":[{read}]}}"#));
}

#[tokio::test]
async fn a_call_gives_the_result_as_the_server_wrote_it() {
    let server = serving(RESULT).await;
    let gateway = Gateway::of(&[("up", &server)]).await;

    for (path, body) in [
        (
            "/mcp/call-tool",
            r#"{"name":"up__read","arguments":{"a" : 1E+2}}"#,
        ),
        (
            "/mcp/tools/call",
            r#"{"arguments":{"a" : 1E+2},"tool_name":"up__read"}"#,
        ),
        (
            "/s/up/mcp/tools/call",
            r#"{"arguments":{"a" : 1E+2},"tool_name":"read"}"#,
        ),
    ] {
        let reply = gateway.client().at(path).post(body).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
        assert_eq!(reply.text(), RESULT, "{path}");
    }
    let heard = server.heard_of("tools/call");
    assert!(
        heard
            .iter()
            .all(|heard| heard.text().contains(r#"{"a" : 1E+2}"#))
    );
    let bare = calls(&gateway.client(), "up__read", "null").await;
    assert_eq!(bare.status, StatusCode::OK);
    let without = gateway.client().at("/mcp/call-tool");
    let without = without.post(r#"{"name":"up__read"}"#).await;
    assert_eq!(without.status, StatusCode::OK);
}

#[tokio::test]
async fn a_large_result_arrives_whole() {
    let server = HttpServer::with_tools(&["read"]).await;
    let large = format!(r#"{{"content":"{}"}}"#, "x".repeat(300_000));
    let answer = large.clone();
    server.on("tools/call", move |heard: &Heard| {
        Answer::chunked(heard.result(&answer), 10_000)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;

    let reply = calls(&gateway.client(), "up__read", "{}").await;

    assert_eq!(reply.text(), large);
}

#[tokio::test]
async fn a_server_without_sessions_is_called_the_same_way() {
    let server = HttpServer::modern(&["read"]).await;
    server.on("tools/call", |heard: &Heard| {
        Answer::result(heard, r#"{"resultType":"complete","content":[]}"#)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;

    let reply = calls(&gateway.client(), "up__read", "{}").await;

    assert_eq!(reply.text(), r#"{"content":[]}"#);
}

#[tokio::test]
async fn one_caller_has_one_session_there_and_another_has_another() {
    let server = serving(RESULT).await;
    let gateway = guarded(&server).await;
    let sam = user(&gateway);
    let kim = sam.clone().without("x-user-id").with("x-user-id", "kim");

    for client in [&sam, &sam, &kim] {
        assert_eq!(
            calls(client, "up__read", "{\"path\":1}").await.status,
            StatusCode::OK
        );
    }

    let heard = server.heard_of("tools/call");
    assert_eq!(heard[0].session(), heard[1].session());
    assert_ne!(heard[0].session(), heard[2].session());
    assert_ne!(heard[0].id(), heard[1].id());
    assert_eq!(gateway.pipeline().sessions.count(), 2);
}

#[tokio::test]
async fn nobody_can_name_the_session_that_plain_calls_share() {
    let server = serving(RESULT).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    calls(&gateway.client(), "up__read", "{}").await;
    let sessions = gateway.pipeline().sessions.all();
    let client = gateway.client().with("mcp-session-id", sessions[0].id());

    assert_eq!(
        client.request("ping", "{}").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_server_that_asks_learns_that_nobody_answers_here() {
    let server = HttpServer::with_tools(&["read"]).await;
    server.on("tools/call", |heard: &Heard| {
        let question = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
        Answer::events([question.to_owned(), heard.result("{}")])
    });
    let gateway = Gateway::of(&[("up", &server)]).await;

    let reply = calls(&gateway.client(), "up__read", "{}").await;

    assert_eq!((reply.status, reply.text()), (StatusCode::OK, "{}"));
}
