//! The audit log: one line for each call to a server, whatever becomes of it.

use http::Method;
use mcpgate::authenticate::hash_of;
use serde_json::Value;

use crate::support::{Answer, Gate, Gateway, Heard, HttpServer, call};

const ROLES: &str = "[roles.reader]\nallow = [\"up/read\"]\ndeny = [\"up/drop\"]\n\
                     limits = [{ calls = 1, per = \"1h\" }]\n";

async fn audited(server: &HttpServer, audit: &str) -> Gateway {
    let servers = format!(
        "[audit]\nfile = \"audit.jsonl\"\n{audit}\n{}",
        server.table("up")
    );
    let policy = format!(
        "[keys.alice]\nhash = \"{}\"\nrole = \"reader\"\n{ROLES}",
        hash_of("key")
    );
    let gateway = Gateway::with_policy(&servers, &policy).await;
    gateway.settled().await;
    gateway
}

fn of<'a>(lines: &'a [Value], outcome: &str) -> &'a Value {
    let found = lines.iter().find(|line| line["outcome"] == outcome);
    found.unwrap_or_else(|| panic!("nothing {outcome}: {lines:?}"))
}

#[tokio::test]
async fn a_call_leaves_one_line_with_who_what_by_which_rule_and_how_it_ended() {
    let server = HttpServer::with_tools(&["read", "drop"]).await;
    let gateway = audited(&server, "show_arguments = { \"up/*\" = [\"path\"] }").await;
    let client = gateway.client().with("x-api-key", "key").open().await;

    client.list("tools").await;
    let arguments = r#"{"path":"/srv/a","token":"hunter2"}"#;
    client.call("up__read", arguments).await;
    client.call("up__drop", "{}").await;
    client.call("up__read", "{}").await;

    let lines = gateway.audited().await;
    assert_eq!(lines.len(), 3, "lists leave none: {lines:?}");
    let line = of(&lines, "ok");
    for (key, value) in [
        ("caller", "key:alice"),
        ("role", "reader"),
        ("key", "alice"),
        ("address", "127.0.0.1"),
        ("method", "tools/call"),
        ("server", "up"),
        ("tool", "read"),
        ("decision", "allowed"),
    ] {
        assert_eq!(line[key], value, "{line}");
    }
    assert!(
        line["rule"].as_str().unwrap().contains("policy.toml:"),
        "{line}"
    );
    assert_eq!(line["arguments"]["path"], "/srv/a");
    assert!(!line.to_string().contains("hunter2"), "{line}");
    assert!(line["bytes_out"].as_u64().unwrap() > 0, "{line}");

    let denied = &lines[1];
    assert_eq!(denied["decision"], "refused");
    assert_eq!(denied["stage"], "authorise");
    assert!(
        denied["rule"].as_str().unwrap().contains("policy.toml:"),
        "{denied}"
    );
    assert_eq!(lines[2]["stage"], "limit");
}

#[tokio::test]
async fn a_refused_call_names_the_server_that_its_path_leads_to() {
    let server = HttpServer::with_tools(&["read", "drop"]).await;
    let other = HttpServer::with_tools(&["drop"]).await;
    let bare = format!("{}prefix = \"\"\n", other.table("other"));
    let gateway = audited(&server, &bare).await;
    let client = gateway.client().with("x-api-key", "key");
    let client = client.at("/s/up/mcp").open().await;

    client.call("drop", "{}").await;

    let lines = gateway.audited().await;
    let line = of(&lines, "refused");
    assert_eq!(
        (&line["server"], &line["tool"]),
        (&"up".into(), &"drop".into()),
        "{line}"
    );
}

#[tokio::test]
async fn a_call_that_is_hung_up_on_leaves_its_line_too() {
    let server = HttpServer::with_tools(&["read"]).await;
    let gateway = audited(&server, "").await;
    let client = gateway.client().with("x-api-key", "key").open().await;
    server.on("tools/call", |heard: &Heard| {
        Answer::result(heard, "{}").held(&Gate::default())
    });

    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.post(call("7", "up__read", "{}")).await });
    server.hears("tools/call").await;
    asked.abort();
    server.hears("notifications/cancelled").await;

    let lines = gateway.audited().await;
    assert_eq!(lines.len(), 1);
    assert_eq!(of(&lines, "cancelled")["decision"], "allowed");
}

#[tokio::test]
async fn a_large_answer_is_recorded_with_its_last_byte() {
    let server = HttpServer::with_tools(&["read"]).await;
    let gateway = audited(&server, "").await;
    let client = gateway.client().with("x-api-key", "key").open().await;
    server.on("tools/call", |heard: &Heard| {
        let text = "x".repeat(300_000);
        Answer::result(
            heard,
            &format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#),
        )
    });

    let reply = client.call("up__read", "{}").await;

    let lines = gateway.audited().await;
    assert_eq!(of(&lines, "ok")["bytes_out"], reply.body.len());
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_and_has_to_be_is_not_made() {
    let server = HttpServer::with_tools(&["read"]).await;
    let servers = format!(
        "[audit]\nfile = \"/dev/full\"\nmax_size = 0\nrequired = true\n{}",
        server.table("up")
    );
    let gateway = Gateway::with_policy(&servers, "").await;
    gateway.settled().await;
    let client = gateway.session().await;

    // The first may pass: that the log cannot be written is only known from trying.
    loop {
        let reply = client.call("up__read", "{}").await;
        if reply.answer()["error"].is_object() {
            let (code, words) = reply.error();
            assert_eq!(code, -32000);
            assert!(words.contains("[audit] required"), "{words}");
            break;
        }
    }
    let called = server.heard_of("tools/call").len();
    client.call("up__read", "{}").await;
    assert_eq!(server.heard_of("tools/call").len(), called);
    assert!(client.list("tools").await.contains(&"up__read".to_owned()));
}

#[tokio::test]
async fn calls_denials_limits_and_failed_sign_ins_are_counted_by_the_names_people_query() {
    let server = HttpServer::with_tools(&["read", "drop"]).await;
    let gateway = audited(&server, "").await;
    let client = gateway.client().with("x-api-key", "key").open().await;

    client.call("up__read", "{}").await;
    client.call("up__read", "{}").await;
    client.call("up__drop", "{}").await;
    client.call("up__made_up", "{}").await;
    gateway.client().post("{}").await;
    gateway.client().with("x-api-key", "no").post("{}").await;

    let page = gateway.client().at("/metrics").ask(Method::GET, "").await;
    let page = page.text();
    for line in [
        r#"mcp_tool_calls_total{tool_name="read",server="up",role="reader",outcome="ok"} 1"#,
        r#"mcp_tool_calls_total{tool_name="read",server="up",role="reader",outcome="refused"} 1"#,
        r#"mcp_permission_denials_total{tool_name="drop",role="reader"} 1"#,
        r#"mcp_rate_limited_total{limit="reader.1"} 1"#,
        r#"mcp_auth_failures_total{scheme="key",reason="unknown"} 1"#,
        r#"mcp_auth_failures_total{scheme="none",reason="missing"} 1"#,
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert!(
        !page.contains("made_up"),
        "a label is never what a client typed"
    );
}
