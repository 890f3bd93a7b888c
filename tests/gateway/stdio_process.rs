//! `mcpgate stdio` as clients launch it: what is on its stdout, and how it ends.

use std::process::Output;

use mcpgate::mcp::{Frame, Kind};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::pipe::{Stdio, gone, server, signal, soon};

const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#;

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("servers.toml"), config).unwrap();
    folder
}

fn call(id: u32, tool: &str, arguments: &Value) -> String {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

/// Every line, which must be a message.
fn messages(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = text.lines().map(|line| {
        Frame::parse(line.to_owned().into()).unwrap_or_else(|error| panic!("{error}: {line}"));
        serde_json::from_str(line).unwrap()
    });
    lines.collect()
}

fn answer(messages: &[Value], id: u32) -> &Value {
    let found = messages.iter().find(|message| message["id"] == id);
    found.unwrap_or_else(|| panic!("no answer to {id}"))
}

/// Sends `initialize`, and asks the server `s` for its process.
async fn server_pid(mcpgate: &mut Stdio) -> u32 {
    mcpgate.say(HELLO).await;
    mcpgate.say(&call(1, "s__pid", &json!({}))).await;
    mcpgate.line().await;
    let answer = loop {
        let line = mcpgate.line().await;
        if Frame::parse(line.clone().into()).unwrap().kind() == Kind::Response {
            break serde_json::from_str::<Value>(&line).unwrap();
        }
    };
    let pid = answer["result"]["content"][0]["text"].as_str();
    pid.unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_end_of_input_ends_it_well_once_everything_is_answered() {
    let folder = folder(&server("s", &[]));
    let mut mcpgate = Stdio::start(folder.path());

    mcpgate.say(HELLO).await;
    for id in 1..=50 {
        mcpgate
            .say(&call(id, "s__big", &json!({"bytes": 20_000})))
            .await;
    }
    let output = mcpgate.close().await;

    assert_eq!(output.status.code(), Some(0));
    let messages = messages(&output);
    for id in 1..=50 {
        let text = answer(&messages, id)["result"]["content"][0]["text"].as_str();
        assert_eq!(text.map(str::len), Some(20_000));
    }
}

#[tokio::test]
async fn what_servers_write_to_stderr_goes_to_stderr_alone() {
    let folder = folder(&server("s", &["--banner", "a banner"]));
    let mut mcpgate = Stdio::start(folder.path());

    mcpgate.say(HELLO).await;
    let last_words = json!({"stderr": ["a complaint"], "status": 1});
    mcpgate.say(&call(1, "s__die", &last_words)).await;
    let output = mcpgate.close().await;

    let messages = messages(&output);
    assert_eq!(
        answer(&messages, 1)["error"]["data"]["stderr"],
        json!(["a complaint"])
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("a complaint"), "{stderr}");
}

#[tokio::test]
async fn a_pretty_printed_answer_comes_as_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let folder = folder(&format!("[servers.pretty]\nurl = '{url}'\n"));
    let pretty = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(pretty_print(stream));
        }
    });
    let mut mcpgate = Stdio::start(folder.path());

    mcpgate.say(HELLO).await;
    mcpgate.say(&call(1, "pretty__tool", &json!({}))).await;
    let output = mcpgate.close().await;

    let messages = messages(&output);
    assert_eq!(answer(&messages, 1)["result"], json!({"content": []}));
    assert!(messages.iter().all(|message| message["jsonrpc"] == "2.0"));
    pretty.abort();
}

/// One request over HTTP, answered with line breaks wherever JSON allows them.
async fn pretty_print(mut stream: TcpStream) {
    let mut text = String::new();
    let body = loop {
        let mut chunk = vec![0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break body;
        }
    };
    let request: Value = serde_json::from_str(body).unwrap_or_default();
    let schema = json!({"type": "object"});
    let result = match request["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "pretty", "version": "0"},
        }),
        Some("tools/list") => json!({"tools": [{"name": "tool", "inputSchema": schema}]}),
        Some("tools/call") => json!({"content": []}),
        _ => Value::Null,
    };
    let response = if result.is_null() {
        let status = if body.is_empty() {
            "405 Method Not Allowed"
        } else {
            "202 Accepted"
        };
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    } else {
        let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
        let body = serde_json::to_string_pretty(&answer)
            .unwrap()
            .replace('\n', "\r\n");
        let (kind, length) = ("content-type: application/json", body.len());
        format!(
            "HTTP/1.1 200 OK\r\n{kind}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    stream.write_all(response.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn sigterm_ends_it_and_its_servers_though_the_client_keeps_its_input_open() {
    let folder = folder(&server("s", &[]));
    let mut mcpgate = Stdio::start(folder.path());
    let pid = server_pid(&mut mcpgate).await;
    mcpgate.say(&call(2, "s__hold", &json!({}))).await;

    signal("TERM", mcpgate.child.id().unwrap()).await;

    let status = soon("mcpgate", mcpgate.child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    gone(pid).await;
}

#[tokio::test]
async fn nobody_reading_its_stderr_does_not_stop_it() {
    let folder = folder(&server("s", &["--banner", "garbage"]));
    let mut mcpgate = Stdio::start(folder.path());
    drop(mcpgate.child.stderr.take());

    mcpgate.say(HELLO).await;
    mcpgate.say(&call(1, "s__pid", &json!({}))).await;
    let output = mcpgate.close().await;

    assert!(answer(&messages(&output), 1)["result"].is_object());
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test]
async fn nobody_reading_its_stdout_ends_it_and_its_servers() {
    let folder = folder(&server("s", &[]));
    let mut mcpgate = Stdio::start(folder.path());
    mcpgate.say(HELLO).await;
    mcpgate.line().await;
    drop(mcpgate.child.stdout.take());

    mcpgate.say(&call(1, "s__hold", &json!({}))).await;
    mcpgate.say(&call(2, "s__pid", &json!({}))).await;

    let status = soon("mcpgate", mcpgate.child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0), "as `mcpgate list | head` has it");
}

/// Trap: Children and grandchildren left behind.
#[tokio::test]
async fn its_servers_leave_when_it_is_killed() {
    let folder = folder(&server("s", &[]));
    let mut mcpgate = Stdio::start(folder.path());
    let pid = server_pid(&mut mcpgate).await;

    signal("KILL", mcpgate.child.id().unwrap()).await;

    gone(pid).await;
}
