//! `caller_meta`: calls say in `_meta` who makes them, in the gateway's words alone.

use serde_json::{Value, json};

use crate::{
    pipe,
    support::{BELIEVED, Client, Gateway, HttpServer, Modern, call, request},
};

/// Two remote servers and two commands, of which one each is told who calls.
async fn started() -> (Gateway, HttpServer, HttpServer) {
    let told = HttpServer::with_tools(&["echo"]).await;
    let plain = HttpServer::with_tools(&["echo"]).await;
    let tables = [
        format!("{}caller_meta = true\n", told.table("told")),
        plain.table("plain"),
        format!("{}caller_meta = true\n", pipe::server("kid", &[])),
        pipe::server("deaf", &[]),
    ];
    let gateway = Gateway::with_policy(&tables.concat(), BELIEVED).await;
    gateway.settled().await;
    (gateway, told, plain)
}

/// What a command says that it has heard.
async fn heard(client: &Client, tool: &str, meta: &str) -> Value {
    let params = format!(r#"{{"name":"{tool}","arguments":{{}}{meta}}}"#);
    let answer = client.request("tools/call", &params).await.answer();
    answer["result"]["params"]["_meta"].clone()
}

#[tokio::test]
async fn a_call_says_who_makes_it_with_what_is_known() {
    let (gateway, told, _plain) = started().await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    let known = json!({"mcpgate/caller": {"id": "sam", "role": "admin"}});
    assert_eq!(heard(&client, "kid__echo", "").await, known);
    client.call("told__echo", r#"{"n":1E+2}"#).await.answer();
    let said = told.hears("tools/call").await;
    assert_eq!(said.param("_meta"), known);
    assert!(said.params().contains(r#""arguments":{"n":1E+2}"#));

    let client = client.now_in("guest");
    let client = client.with("x-user-email", "säm@example.com");
    let known =
        json!({"mcpgate/caller": {"id": "sam", "email": "säm@example.com", "role": "guest"}});
    assert_eq!(heard(&client, "kid__echo", "").await, known);
}

#[tokio::test]
async fn nobody_else_says_who_calls() {
    let (gateway, _told, _plain) = started().await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    for posing in ["mcpgate/caller", "MCPGATE/Caller", r"mcpgate\u002fcaller"] {
        let meta = format!(r#","_meta":{{"x/y":1.0,"{posing}":{{"id":"root"}}}}"#);
        assert_eq!(
            heard(&client, "kid__echo", &meta).await,
            json!({"mcpgate/caller": {"id": "sam", "role": "admin"}, "x/y": 1.0}),
            "{posing}"
        );
    }
}

#[tokio::test]
async fn of_whom_nothing_is_known_that_is_said() {
    let table = format!("{}caller_meta = true\n", pipe::server("kid", &[]));
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let meta = r#","_meta":{"mcpgate/caller":{"id":"root"}}"#;
    let client = gateway.session().await;
    let said = heard(&client, "kid__echo", meta).await;
    assert_eq!(said, json!({"mcpgate/caller": {}}));
}

#[tokio::test]
async fn a_server_that_is_not_to_know_hears_the_clients_own_words() {
    let (gateway, _told, plain) = started().await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    let params = r#"{ "name":"echo", "_meta": {"mcpgate/caller":7 , "a":1E0}, "arguments":{ } }"#;
    let exposed = params.replace("echo", "plain__echo");
    client.post(request("7", "tools/call", &exposed)).await;
    assert_eq!(plain.hears("tools/call").await.params(), params);
    let meta = r#","_meta":{"mcpgate/caller":7}"#;
    let said = heard(&client, "deaf__echo", meta).await;
    assert_eq!(said, json!({"mcpgate/caller": 7}));
}

#[tokio::test]
async fn it_is_said_across_revisions_too() {
    let (gateway, told, _plain) = started().await;
    let known = json!({"id": "sam", "role": "admin"});
    let client = Modern::new(gateway.client().asking_for("sam", "admin"));
    client.call("told__echo", "{}").await.answer();
    let said = told.hears("tools/call").await.param("_meta");
    assert_eq!(said, json!({"mcpgate/caller": known}));

    let modern = HttpServer::modern(&["echo"]).await;
    let table = format!("{}caller_meta = true\n", modern.table("up"));
    let gateway = Gateway::with_policy(&table, BELIEVED).await;
    gateway.settled().await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    client.post(call("1", "up__echo", "{}")).await;
    let said = modern.hears("tools/call").await.param("_meta");
    assert_eq!(said["mcpgate/caller"], known);
    assert_eq!(
        said["io.modelcontextprotocol/protocolVersion"],
        "2026-07-28"
    );
}
