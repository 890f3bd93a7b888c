//! Tools over plain HTTP: what is refused, and how that looks.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    plain_http::{RESULT, calls, guarded, serving, user},
    support::{Answer, Gateway, Heard, HttpServer, Modern, Reply},
};

fn words(reply: &Reply) -> Value {
    assert_eq!(reply.header("content-type"), "application/json");
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["error"].clone()
}

#[tokio::test]
async fn what_a_role_may_not_do_is_said_with_its_name_and_the_tools() {
    let server = serving(RESULT).await;
    let gateway = guarded(&server).await;
    let plain = gateway.client().with("x-api-key", "plain");
    let strange = gateway.client().with("x-api-key", "chat");
    let strange = strange.with("x-user-role", "GOD").with("x-user-id", "sam");

    for (client, name, arguments, status, expected) in [
        (
            &user(&gateway),
            "up__drop",
            "{}",
            403,
            "role USER may not call up__drop",
        ),
        (
            &plain,
            "up__drop",
            "{}",
            403,
            "role analyst may not call up__drop",
        ),
        (
            &user(&gateway),
            "up__read",
            r#"{"path":"/etc"}"#,
            403,
            "role USER may not call up__read with these arguments",
        ),
        (
            &strange,
            "up__read",
            "{}",
            403,
            "the role that x-user-role names is not mapped to one here",
        ),
        (
            &user(&gateway),
            "up__none",
            "{}",
            404,
            "unknown tool `up__none`",
        ),
    ] {
        let reply = calls(client, name, arguments).await;
        assert_eq!(
            (reply.status.as_u16(), words(&reply)),
            (status, json!(expected))
        );
    }
    assert!(server.heard_of("tools/call").is_empty());
}

#[tokio::test]
async fn who_is_nobody_is_refused_before_anything_is_read() {
    let server = serving(RESULT).await;
    let gateway = guarded(&server).await;

    let reply = calls(&gateway.client(), "up__read", "{").await;
    let list = gateway.client().at("/mcp/tools").ask(Method::GET, "").await;

    for reply in [reply, list] {
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(words(&reply).as_str().unwrap().contains("credentials"));
    }
    let foreign = user(&gateway).with("origin", "https://evil.example.com");
    let reply = calls(&foreign, "up__read", "{}").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(words(&reply).as_str().unwrap().contains("allowed_origins"));
}

#[tokio::test]
async fn each_call_counts_once_and_leaves_one_line() {
    let server = serving(RESULT).await;
    let gateway = guarded(&server).await;
    let client = user(&gateway);

    for _ in 0..3 {
        let reply = calls(&client, "up__read", r#"{"path":"/srv"}"#).await;
        assert_eq!(reply.status, StatusCode::OK);
    }
    let limited = calls(&client, "up__read", r#"{"path":"/srv"}"#).await;

    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    let wait = limited.header("retry-after");
    let body = format!(r#"{{"error":"Rate limit exceeded","retry_after":{wait}}}"#);
    assert_eq!(limited.text(), body);
    let lines = gateway.audited().await;
    let decisions: Vec<&str> = lines
        .iter()
        .map(|line| line["decision"].as_str().unwrap())
        .collect();
    assert_eq!(decisions, ["allowed", "allowed", "allowed", "refused"]);
    assert!(lines[0]["bytes_out"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_body_that_is_no_call_is_400() {
    let server = serving(RESULT).await;
    let gateway = Gateway::of(&[("up", &server)]).await;

    for body in [
        "",
        "{",
        "[]",
        "7",
        "{}",
        r#"{"name":7}"#,
        r#"{"name":"up__read","tool_name":"up__drop"}"#,
        r#"{"name":"up__read","name":"up__drop"}"#,
        r#"{"name":"up__read","Arguments":{}}"#,
        r#"{"name":"up__read","arguments":[]}"#,
        r#"{"name":"up__read","arguments":"{}"}"#,
        r#"{"name":"up__read"} {}"#,
    ] {
        for path in ["/mcp/call-tool", "/mcp/tools/call"] {
            let reply = gateway.client().at(path).post(body).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
            assert!(words(&reply).is_string(), "{body}");
        }
    }
    let binary = gateway.client().at("/mcp/call-tool");
    let binary = binary.post(&b"{\"name\":\"\xff\"}"[..]).await;
    assert_eq!(binary.status, StatusCode::BAD_REQUEST);
    assert!(server.heard_of("tools/call").is_empty());
}

#[tokio::test]
async fn other_verbs_are_not_allowed_here_either() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key")]).await;

    for (path, verb, allowed) in [
        ("/mcp/tools", Method::POST, "GET"),
        ("/mcp/tools", Method::HEAD, "GET"),
        ("/mcp/call-tool", Method::GET, "POST"),
        ("/mcp/tools/call", Method::OPTIONS, "POST"),
    ] {
        let reply = gateway.client().at(path).ask(verb, "").await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(reply.header("allow"), allowed);
    }
    let nowhere = gateway.client().with("x-api-key", "a-key");
    let reply = nowhere.at("/v/none/mcp/tools").ask(Method::GET, "").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_server_that_fails_is_502_with_its_own_error_and_one_that_hangs_504() {
    let server = HttpServer::with_tools(&["read"]).await;
    let error = r#"{ "code":-32050,"message":"no oil","data":{"n":1E+2} }"#;
    server.on("tools/call", move |heard: &Heard| {
        Answer::error(heard, error)
    });
    let silent = HttpServer::with_tools(&["read"]).await;
    silent.on("tools/call", |heard: &Heard| {
        Answer::result(heard, "{}").held(&crate::support::Gate::default())
    });
    let away = HttpServer::with_tools(&["read"]).await;
    let servers = [
        server.table("up"),
        format!("{}timeout = \"50ms\"\n", silent.table("slow")),
        away.table("away"),
    ];
    let gateway = Gateway::start(&servers.concat()).await;
    gateway.settled().await;
    let _port = away.leaves().await;

    let failed = calls(&gateway.client(), "up__read", "{}").await;
    let late = calls(&gateway.client(), "slow__read", "{}").await;
    let gone = calls(&gateway.client(), "away__read", "{}").await;

    assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
    assert_eq!(failed.text(), format!(r#"{{"error":{error}}}"#));
    assert_eq!(late.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(words(&late).as_str().unwrap().contains("timeout"));
    assert_eq!(gone.status, StatusCode::BAD_GATEWAY);
    assert!(words(&gone).as_str().unwrap().contains("`away`"));
}

#[tokio::test]
async fn no_room_is_503() {
    let server = serving(RESULT).await;
    let servers = format!("[gateway]\nmax_sessions = 1\n{}", server.table("up"));
    let gateway = Gateway::start(&servers).await;
    gateway.settled().await;
    gateway.session().await;

    let full = calls(&gateway.client(), "up__read", "{}").await;

    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(full.text(), r#"{"error":"Server at capacity"}"#);
}

#[tokio::test]
async fn plain_calls_and_mcp_share_one_limit() {
    let server = serving(RESULT).await;
    let limit = "[limits.all]\ncalls = 1\nper = \"1h\"\n";
    let gateway = Gateway::with_policy(&server.table("up"), limit).await;
    gateway.settled().await;

    Modern::new(gateway.client()).call("up__read", "{}").await;
    let plain = calls(&gateway.client(), "up__read", "{}").await;

    assert_eq!(plain.status, StatusCode::TOO_MANY_REQUESTS);
}
