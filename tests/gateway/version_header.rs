//! `MCP-Protocol-Version` on a session: a revision that is known or later passes, anything else is
//! refused.

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Gateway, call, notification, request};

const HEADER: &str = "mcp-protocol-version";

#[tokio::test]
async fn a_known_revision_passes_whichever_was_agreed() {
    let gateway = Gateway::start("").await;
    for agreed in ["2025-03-26", "2025-11-25"] {
        let client = gateway.client().open_as(agreed).await;
        assert_eq!(client.request("ping", "{}").await.status, StatusCode::OK);
        for said in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            let client = client.clone().with(HEADER, said);
            assert_eq!(client.request("ping", "{}").await.status, StatusCode::OK);
            drop(client.listen().await);
        }
        let deleted = client.with(HEADER, "2024-11-05");
        let deleted = deleted.ask(Method::DELETE, "").await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_later_revision_does_not_cost_a_session_its_stream_or_its_end() {
    let gateway = Gateway::start("").await;
    for said in ["2026-07-28", "2027-01-31"] {
        let client = gateway.session().await.with(HEADER, said);
        drop(client.listen().await);
        let deleted = client.ask(Method::DELETE, "").await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{said}");
    }
}

#[tokio::test]
async fn what_names_no_revision_is_refused_with_those_that_are_supported() {
    let gateway = Gateway::start("").await;
    let session = gateway.session().await;
    let bodies = [
        request("1", "ping", "{}"),
        call("1", "x__y", "{}"),
        notification("notifications/initialized", "{}"),
    ];
    for said in [
        "2025-06-19",
        "1999-01-01",
        "",
        "banana",
        "2025",
        "v2026-07-28",
        "2026-07-28x",
        "2025-06-18, 2025-06-18",
    ] {
        let client = session.clone().with(HEADER, said);
        let mut replies = vec![
            client.ask(Method::GET, "").await,
            client.ask(Method::DELETE, "").await,
        ];
        for body in &bodies {
            replies.push(client.post(body.clone()).await);
        }
        for reply in replies {
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{said}");
            let error = &reply.answer()["error"];
            assert_eq!(error["code"], -32000, "{error}");
            let words = format!(
                "the header MCP-Protocol-Version says `{said}`, which is no revision; supported: \
                 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05"
            );
            assert_eq!(error["message"], words);
            assert_eq!(error["data"]["requested"], said);
            assert_eq!(error["data"]["supported"][4], json!("2024-11-05"));
        }
    }
    // Nothing of that has ended the session.
    assert_eq!(session.request("ping", "{}").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_is_gone_is_told_before_its_header() {
    let gateway = Gateway::start("").await;
    let client = gateway.client().with(HEADER, "banana");

    let unknown = client.with("mcp-session-id", &"0".repeat(32));

    // So that the client opens another.
    let reply = unknown.request("ping", "{}").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}
