//! How a refusal looks: an answer inside an exchange, a status elsewhere or on demand.

use http::{Method, StatusCode};
use mcpgate::authenticate::hash_of;

use crate::support::{Gateway, HttpServer, Modern, Reply, initialize, request};

/// A reader that may read once an hour, and somebody whose role does not exist from here.
async fn guarded(server: &HttpServer, settings: &str) -> Gateway {
    let servers = format!("[gateway]\n{settings}\n{}", server.table("up"));
    let keys = ["reader", "away"].map(|role| {
        let hash = hash_of(role);
        format!("[keys.{role}]\nhash = \"{hash}\"\nrole = \"{role}\"\n")
    });
    let policy = format!(
        "{}[roles.reader]\nallow = [\"up/read\"]\nlimits = [{{ calls = 1, per = \"1h\" }}]\n\
         [roles.away]\nallow = [\"*\"]\nfrom = [\"192.0.2.1\"]\n",
        keys.concat()
    );
    let gateway = Gateway::with_policy(&servers, &policy).await;
    gateway.settled().await;
    gateway
}

/// The refusal of a hidden tool, of one that is not there, and of one call too many.
async fn refused(gateway: &Gateway) -> [Reply; 3] {
    let client = gateway.client().with("x-api-key", "reader").open().await;
    let denied = client.call("up__drop", "{}").await;
    let unknown = client.call("up__none", "{}").await;
    assert_eq!(client.call("up__read", "{}").await.status, StatusCode::OK);
    [denied, unknown, client.call("up__read", "{}").await]
}

#[tokio::test]
async fn a_refused_call_is_answered_under_200_with_what_a_program_needs() {
    let server = HttpServer::with_tools(&["read", "drop"]).await;
    let gateway = guarded(&server, "").await;

    let replies = refused(&gateway).await;

    for reply in &replies {
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert!(!reply.headers.contains_key("retry-after"));
    }
    let limited = replies[2].answer();
    let wait = limited["error"]["data"]["retry_after"].as_u64().unwrap();
    assert!((1..=3600).contains(&wait), "{limited}");
}

#[tokio::test]
async fn refuse_with_status_gives_a_status_and_the_same_error() {
    let server = HttpServer::with_tools(&["read", "drop"]).await;
    let gateway = guarded(&server, "refuse_with_status = true").await;

    let [denied, unknown, limited] = refused(&gateway).await;

    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    assert_eq!(denied.error().1, "unknown tool `up__drop`");
    assert_eq!(unknown.status, denied.status, "probing teaches nothing");
    assert_eq!(unknown.error().0, denied.error().0);
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    let wait = limited.answer()["error"]["data"]["retry_after"].clone();
    assert_eq!(limited.header("retry-after"), wait.to_string());
}

#[tokio::test]
async fn refuse_with_status_holds_for_requests_that_stand_for_themselves() {
    let server = HttpServer::with_tools(&["read", "drop"]).await;
    let gateway = guarded(&server, "refuse_with_status = true").await;
    let client = Modern::new(gateway.client()).with("x-api-key", "reader");

    assert_eq!(
        client.call("up__drop", "{}").await.status,
        StatusCode::FORBIDDEN
    );
    client.call("up__read", "{}").await;
    let limited = client.call("up__read", "{}").await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(limited.headers.contains_key("retry-after"));
    let unknown = client.ask("1", "ping", "{}").await;
    assert_eq!(
        unknown.status,
        StatusCode::NOT_FOUND,
        "as the revision has it"
    );
}

#[tokio::test]
async fn refuse_with_status_leaves_the_answers_of_servers_alone() {
    let server = HttpServer::with_tools(&["read"]).await;
    server.on("tools/call", |heard| {
        crate::support::Answer::error(heard, r#"{"code":-32000,"message":"no"}"#)
    });
    let gateway = guarded(&server, "refuse_with_status = true").await;
    let client = gateway.client().with("x-api-key", "reader").open().await;

    let failed = client.call("up__read", "{}").await;

    assert_eq!((failed.status, failed.error().0), (StatusCode::OK, -32000));
}

#[tokio::test]
async fn a_role_that_is_refused_reads_why() {
    let server = HttpServer::with_tools(&["read"]).await;
    for (settings, expected) in [
        ("", StatusCode::OK),
        ("refuse_with_status = true", StatusCode::FORBIDDEN),
    ] {
        let gateway = guarded(&server, settings).await;
        let away = gateway.client().with("x-api-key", "away");

        let opening = away.post(initialize("2025-11-25")).await;
        assert_eq!(opening.status, expected, "{settings}");
        assert!(opening.error().1.contains("[roles.away] from"));
        assert!(!opening.headers.contains_key("mcp-session-id"));

        let stream = away.clone().at("/sse").ask(Method::GET, "").await;
        assert_eq!(stream.status, StatusCode::FORBIDDEN);
        assert!(stream.error().1.contains("[roles.away] from"));
    }
}

#[tokio::test]
async fn no_room_for_a_session_is_503() {
    let gateway = Gateway::start("[gateway]\nmax_sessions = 1").await;
    gateway.session().await;

    let full = gateway.client().post(initialize("2025-11-25")).await;

    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.error().1.contains("max_sessions"));
    let stale = gateway.client().with("mcp-session-id", "none");
    let lost = stale.post(request("1", "ping", "{}")).await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
}
