//! Views and single servers under paths of their own.

use http::StatusCode;

use crate::support::{Client, Gateway, HttpServer, Modern, SseClient, key};

const POLICY: &str = "
    [roles.all]
    allow = ['*']
    [roles.bound]
    allow = ['*']
    views = ['support']
    [roles.half]
    allow = ['files/read']
    [views.support]
    servers = ['files']
    deny = ['files/write']
    [views.reading]
    allow = ['*/read']
";

async fn two() -> (HttpServer, HttpServer, Gateway) {
    let files = HttpServer::with_tools(&["read", "write"]).await;
    let db = HttpServer::with_tools(&["read"]).await;
    let tables = [files.table("files"), db.table("db")].concat();
    let keys = ["all", "bound", "half"].map(|role| key(role, &format!("role = '{role}'")));
    let gateway = Gateway::with_policy(&tables, &[&keys.concat(), POLICY].concat()).await;
    gateway.settled().await;
    (files, db, gateway)
}

fn at(gateway: &Gateway, who: &str, path: &str) -> Client {
    gateway.client().holding(who).at(path)
}

#[tokio::test]
async fn a_path_shows_its_part_and_what_it_shows_may_be_called() {
    let (files, db, gateway) = two().await;
    let every = ["files__read", "files__write", "db__read"];
    for (who, path, expected) in [
        ("all", "/mcp", &every[..]),
        ("all", "/v/support/mcp", &["files__read"]),
        ("all", "/v/support/", &["files__read"]),
        ("all", "/v/reading/mcp", &["files__read", "db__read"]),
        ("all", "/s/files/mcp", &["read", "write"]),
        ("all", "/s/db/mcp", &["read"]),
        ("half", "/v/reading/mcp", &["files__read"]),
        ("half", "/s/files/mcp", &["read"]),
        ("bound", "/v/support/mcp", &["files__read"]),
    ] {
        let client = at(&gateway, who, path).open().await;
        assert_eq!(client.list("tools").await, expected, "{who} {path}");
        let modern = Modern::new(at(&gateway, who, path))
            .ask("1", "tools/list", "{}")
            .await;
        let modern = modern.answer()["result"]["tools"].as_array().unwrap().len();
        assert_eq!(modern, expected.len(), "{who} {path}");
        for tool in every.iter().chain(&["read", "write"]) {
            let heard = files.heard_of("tools/call").len() + db.heard_of("tools/call").len();
            let reply = client.call(tool, "{}").await;
            let called = reply.answer().get("result").is_some();
            assert_eq!(called, expected.contains(tool), "{who} {path} {tool}");
            let now = files.heard_of("tools/call").len() + db.heard_of("tools/call").len();
            assert_eq!(now > heard, called, "{who} {path} {tool}");
        }
    }
}

#[tokio::test]
async fn a_role_that_is_bound_to_a_view_has_nothing_elsewhere() {
    let (_files, _db, gateway) = two().await;
    for path in ["/mcp", "/s/files/mcp", "/v/reading/mcp"] {
        let client = at(&gateway, "bound", path);
        let opened = client.post(crate::support::initialize("2025-11-25"));
        let words = "the role `bound` is bound to /v/support/mcp ([roles.bound] views)";
        assert_eq!(opened.await.error(), (-32000, words.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_session_of_one_path_is_unknown_at_another() {
    let (_files, _db, gateway) = two().await;
    let client = at(&gateway, "all", "/v/support/mcp").open().await;
    for path in ["/mcp", "/v/reading/mcp", "/s/files/mcp"] {
        let elsewhere = client.clone().at(path);
        for verb in [http::Method::POST, http::Method::GET, http::Method::DELETE] {
            let body = crate::support::request("1", "tools/list", "{}");
            let reply = elsewhere.ask(verb.clone(), body).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{verb} {path}");
        }
    }
    assert_eq!(client.list("tools").await, ["files__read"]);
}

#[tokio::test]
async fn whether_a_path_leads_anywhere_only_those_learn_who_have_come_in() {
    let (_files, _db, gateway) = two().await;
    for path in ["/v/none/mcp", "/s/none/mcp", "/v/none/sse", "/v//mcp"] {
        let ask = |client: Client| async move {
            let verb = if path.ends_with("sse") { "GET" } else { "POST" };
            let body = crate::support::initialize("2025-11-25");
            client.ask(verb.parse().unwrap(), body).await.status
        };
        let stranger = gateway.client().at(path);
        assert_eq!(
            ask(stranger.clone()).await,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        let wrong = stranger.holding("nobody");
        assert_eq!(ask(wrong).await, StatusCode::UNAUTHORIZED, "{path}");
        let known = ask(at(&gateway, "all", path)).await;
        assert_eq!(known, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_server_that_somebody_may_not_use_has_no_path_for_them() {
    let (_files, _db, gateway) = two().await;
    let body = || crate::support::initialize("2025-11-25");
    let hidden = at(&gateway, "half", "/s/db/mcp").post(body()).await;
    let unknown = at(&gateway, "half", "/s/none/mcp").post(body()).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    assert_eq!(
        (hidden.status, hidden.text()),
        (unknown.status, unknown.text())
    );
}

#[tokio::test]
async fn a_legacy_stream_keeps_to_the_path_by_which_it_was_opened() {
    let (_files, db, gateway) = two().await;
    let mut client = open_sse(at(&gateway, "all", "/v/support/sse")).await;
    let listed = client.ask("1", "tools/list", "{}").await;
    assert!(listed.contains("files__read"), "{listed}");
    assert!(
        !listed.contains("write") && !listed.contains("db__"),
        "{listed}"
    );
    let hidden = client
        .ask("2", "tools/call", r#"{"name":"db__read"}"#)
        .await;
    assert!(hidden.contains("unknown tool `db__read`"), "{hidden}");
    assert_eq!(db.heard_of("tools/call").len(), 0);
    let bound = at(&gateway, "bound", "/sse")
        .ask(http::Method::GET, "")
        .await;
    assert_eq!(bound.status, StatusCode::FORBIDDEN);
}

async fn open_sse(client: Client) -> SseClient {
    SseClient::under(client)
        .await
        .initialize("2024-11-05", "{}")
        .await
}
