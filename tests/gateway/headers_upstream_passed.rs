//! Which of a client's own headers get to a server: those that the server's table lists.

use crate::{
    headers_upstream::{last, said},
    headers_upstream_links::GOLD,
    support::{Client, Gateway, HttpServer, Modern},
};

const SECRET: &str = "Bearer of-the-client";

/// Two servers, the second of which is to get something.
async fn two(second: &str, policy: &str) -> (Gateway, HttpServer, HttpServer) {
    let plain = HttpServer::with_tools(&["echo"]).await;
    let server = HttpServer::with_tools(&["echo"]).await;
    let tables = format!("{}{}{second}", plain.table("plain"), server.table("up"));
    let gateway = Gateway::with_policy(&tables, policy).await;
    gateway.settled().await;
    (gateway, plain, server)
}

async fn calls(client: &Client) {
    for tool in ["plain__echo", "up__echo"] {
        let reply = client.call(tool, "{}").await;
        assert!(reply.answer().get("result").is_some(), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_listed_header_passes_to_the_server_that_lists_it_and_to_no_other() {
    let list = "forward_headers = [\"X-Request-ID\", \"accept-language\"]\n";
    let (gateway, plain, server) = two(list, "").await;
    let client = gateway.session().await;
    calls(
        &client
            .clone()
            .with("x-request-id", "1")
            .with("x-other", "o"),
    )
    .await;
    calls(
        &client
            .with("X-REQUEST-ID", "2")
            .with("accept-language", "de"),
    )
    .await;

    let heard = server.heard_of("tools/call");
    assert_eq!(said(&heard[0], "x-request-id"), Some("1"));
    assert_eq!(said(&heard[0], "accept-language"), None);
    assert_eq!(said(&heard[1], "x-request-id"), Some("2"));
    assert_eq!(said(&heard[1], "accept-language"), Some("de"));
    for heard in plain.heard().iter().chain(&server.heard()) {
        assert_eq!(said(heard, "x-other"), None);
    }
    for heard in plain.heard() {
        assert_eq!(said(&heard, "x-request-id"), None);
    }
}

#[tokio::test]
async fn a_credential_of_the_client_stays_here_unless_the_config_says_otherwise() {
    let (gateway, plain, server) = two("", "").await;
    let client = gateway.client().with("authorization", SECRET);
    let client = client.with("cookie", "c=1").with("x-api-key", "k");
    calls(&client.open().await).await;
    for heard in plain.heard().iter().chain(&server.heard()) {
        for name in ["authorization", "cookie", "x-api-key"] {
            assert_eq!(said(heard, name), None, "{}", heard.text());
        }
    }

    let (gateway, plain, server) = two("forward_authorization = true\n", "").await;
    let client = gateway.client().with("authorization", SECRET).open().await;
    calls(&client).await;
    assert_eq!(said(&last(&server), "authorization"), Some(SECRET));
    for heard in plain.heard() {
        assert_eq!(said(&heard, "authorization"), None);
    }
    for heard in server.heard() {
        let own = heard.session() == "s-1" || heard.method() == "server/discover";
        assert!(!own || said(&heard, "authorization").is_none());
    }
}

#[tokio::test]
async fn what_a_role_sets_passes_from_no_client_in_whatever_role() {
    let list = "forward_headers = [\"X-Tier\", \"X-Trace\", \"X-User-Role\"]\n";
    let (gateway, _plain, server) = two(list, GOLD).await;
    for (role, tier) in [("guest", None), ("admin", Some("gold"))] {
        let client = gateway.client().asking_for("sam", role);
        let client = client.with("x-trace", "t");
        calls(&client.with("x-tier", "platinum").open().await).await;
        let heard = last(&server);
        assert_eq!(said(&heard, "x-tier"), tier, "{role}");
        assert_eq!(said(&heard, "x-trace"), Some("t"));
        // Anybody can send what trusted peers say who asks by.
        assert_eq!(said(&heard, "x-user-role"), None);
    }
}

#[tokio::test]
async fn what_belongs_to_one_connection_passes_nowhere() {
    let (gateway, _plain, server) = two("forward_headers = [\"X-Trace\"]\n", "").await;
    let client = gateway.session().await;
    let client = client.with("connection", "x-trace").with("te", "trailers");
    let client = client.with("proxy-authorization", "p").with("x-trace", "t");
    calls(&client.with("keep-alive", "9")).await;
    let heard = last(&server);
    for name in ["connection", "te", "proxy-authorization", "keep-alive"] {
        assert_eq!(said(&heard, name), None);
    }
    assert_eq!(said(&heard, "x-trace"), Some("t"));
    assert_eq!(said(&heard, "mcp-session-id"), Some(heard.session()));
}

#[tokio::test]
async fn a_server_without_sessions_gets_what_it_lists_and_not_what_another_one_does() {
    let plain = HttpServer::modern(&["echo"]).await;
    let server = HttpServer::modern(&["echo"]).await;
    let tables = format!(
        "{}{}forward_authorization = true\n",
        plain.table("plain"),
        server.table("up")
    );
    let gateway = Gateway::start(&tables).await;
    gateway.settled().await;
    let modern = Modern::new(gateway.client()).with("authorization", SECRET);
    let session = gateway.client().with("authorization", SECRET).open().await;
    for tool in ["plain__echo", "up__echo"] {
        modern.call(tool, "{}").await.answer();
        session.call(tool, "{}").await.answer();
    }
    assert_eq!(server.heard_of("tools/call").len(), 2);
    for heard in server.heard_of("tools/call") {
        assert_eq!(said(&heard, "authorization"), Some(SECRET));
    }
    for heard in plain.heard() {
        assert_eq!(said(&heard, "authorization"), None);
    }
}

#[tokio::test]
async fn requests_with_different_credentials_share_no_session_of_a_server() {
    let (gateway, _plain, server) = two("forward_authorization = true\n", "").await;
    let mut sessions = Vec::new();
    for token in ["Bearer one", "Bearer two", "Bearer one"] {
        let client = Modern::new(gateway.client()).with("authorization", token);
        client.call("up__echo", "{}").await.answer();
        let heard = last(&server);
        assert_eq!(said(&heard, "authorization"), Some(token));
        sessions.push(heard.session().to_owned());
    }
    assert_ne!(sessions[0], sessions[1]);
    assert_eq!(sessions[0], sessions[2]);
}
