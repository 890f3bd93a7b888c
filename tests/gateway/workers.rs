//! A runtime for each core: sessions, servers and connections on different ones meet all the same.

use std::{fs, path::Path};

use futures_util::future::join_all;
use serde_json::json;
use tokio::join;

use crate::{
    pipe::{fake, gone, server, table},
    support::{Answer, Client, Gateway, HttpServer},
};

const SESSIONS: usize = 16;
const CALLS: usize = 25;

/// What a tool says.
async fn said(client: &Client, tool: &str, arguments: &str) -> String {
    let answer = client.call(tool, arguments).await.answer();
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// The same session on another connection, and so on another worker where there is one.
fn elsewhere(gateway: &Gateway, client: &Client) -> Client {
    let session = client.session();
    gateway.client().with("mcp-session-id", session)
}

fn of_sessions() -> String {
    format!("{}scope = \"session\"\n", server("kid", &[]))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_many_connections_each_session_has_its_own_answers() {
    let remote = HttpServer::with_tools(&["echo"]).await;
    remote.on("tools/call", |heard| {
        let text = heard.param("arguments")["text"].clone();
        let result = json!({"content": [{"type": "text", "text": text}]});
        Answer::result(heard, &result.to_string())
    });
    let gateway = Gateway::start(&format!("{}{}", of_sessions(), remote.table("up"))).await;
    gateway.settled().await;
    let clients = join_all((0..SESSIONS).map(|_| gateway.session())).await;

    let ask = async |session: usize, client: &Client| {
        let child = said(client, "kid__pid", "{}").await;
        for call in 0..CALLS {
            let text = format!("{session}/{call}");
            let arguments = json!({"text": text}).to_string();
            assert_eq!(said(client, "up__echo", &arguments).await, text);
            assert_eq!(said(client, "kid__pid", "{}").await, child);
        }
        child
    };
    let asked = clients.iter().enumerate();
    let mut children = join_all(asked.map(|(session, client)| ask(session, client))).await;

    children.sort();
    children.dedup();
    assert_eq!(children.len(), SESSIONS);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_same_on_two_connections() {
    let gateway = Gateway::start(&of_sessions()).await;
    gateway.settled().await;
    let one = gateway.session().await;
    let other = elsewhere(&gateway, &one);
    let child = said(&one, "kid__pid", "{}").await;
    assert_eq!(said(&other, "kid__pid", "{}").await, child);

    // A call that came on one is answered there once another has come on the other.
    let release = async {
        let arguments = r#"{"contains":"\"hold\"","count":1}"#;
        other.call("kid__received", arguments).await;
        said(&other, "kid__release", "{}").await
    };
    let (held, released) = join!(said(&one, "kid__hold", "{}"), release);

    assert_eq!((held.as_str(), released.as_str()), ("released", "done"));
    gateway.stop().await;
    gone(child.parse().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_a_worker_has_launched_is_seen_out_before_the_worker_ends() {
    let folder = tempfile::tempdir().unwrap();
    let diary = folder.path().join("diary");
    // It outlives its input, so that it has to be told to leave.
    let script = r#"trap 'echo told >> "$2"; exit' TERM
        "$1" --name kid
        echo alone >> "$2"
        sleep 3600 & wait"#;
    let (program, file) = (fake(), diary.display().to_string());
    let args = ["-c", script, "sh", &program.display().to_string(), &file].map(str::to_owned);
    let launch = table("kid", Path::new("sh"), &args);
    let gateway = Gateway::start(&format!("{launch}scope = \"session\"\n")).await;
    gateway.settled().await;
    let (one, other) = join!(gateway.session(), gateway.session());
    join!(said(&one, "kid__pid", "{}"), said(&other, "kid__pid", "{}"));

    gateway.stop().await;

    // The gateway's own, and one for each session.
    let diary = fs::read_to_string(diary).unwrap();
    assert_eq!(diary.matches("alone").count(), 3, "{diary}");
    assert_eq!(diary.matches("told").count(), 3, "{diary}");
}
