//! Pages of other origins: nobody's unless they are listed.

use http::{Method, StatusCode};

use crate::support::{Client, Gateway, HttpServer, Reply, initialize};

const PAGE: &str = "https://chat.lan";
const LISTED: &str = "[gateway]\ncors_origins = [\"https://chat.lan\"]\n";
const KEYS: [(&str, &str); 1] = [("alice", "a-key")];

/// What a browser asks before a page's own request.
async fn preflight(client: Client, path: &str, headers: &str) -> Reply {
    client
        .at(path)
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", headers)
        .ask(Method::OPTIONS, "")
        .await
}

/// Whether a page of that origin may read a response.
fn readable(reply: &Reply) -> Option<&str> {
    let origin = reply.headers.get("access-control-allow-origin");
    origin.map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn a_listed_page_may_ask_for_everything_that_mcp_needs() {
    let gateway = Gateway::with_keys(LISTED, &KEYS).await;
    let asked = "authorization,content-type,mcp-param-region,X-Evil, Mcp-Param-Zone";

    for path in ["/mcp", "/v/any/mcp", "/mcp/call-tool"] {
        let reply = preflight(gateway.client().with("origin", PAGE), path, asked).await;

        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(readable(&reply), Some(PAGE));
        assert_eq!(reply.header("vary"), "Origin");
        assert_eq!(
            reply.header("access-control-allow-methods"),
            "GET, POST, DELETE"
        );
        assert_eq!(
            reply.header("access-control-allow-headers"),
            "Authorization, Content-Type, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, \
             X-API-Key, Mcp-Method, Mcp-Name, mcp-param-region, mcp-param-zone"
        );
        assert!(reply.headers.contains_key("access-control-max-age"));
        assert!(
            !reply
                .headers
                .contains_key("access-control-allow-credentials")
        );
    }
}

#[tokio::test]
async fn a_listed_page_reads_answers_and_refusals() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::with_keys(&format!("{LISTED}{}", server.table("up")), &KEYS).await;
    gateway.settled().await;
    let page = gateway.client().with("origin", PAGE);

    let opened = page.clone().with("x-api-key", "a-key");
    let opened = opened.post(initialize("2025-11-25")).await;
    let stranger = page.post(initialize("2025-11-25")).await;
    let nowhere = page.clone().at("/nowhere").ask(Method::GET, "").await;

    for (reply, status) in [(opened, 200), (stranger, 401), (nowhere, 404)] {
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(readable(&reply), Some(PAGE), "{status}");
        assert_eq!(reply.header("vary"), "Origin");
        assert_eq!(
            reply.header("access-control-expose-headers"),
            "Mcp-Session-Id, WWW-Authenticate, Retry-After"
        );
    }
}

#[tokio::test]
async fn other_pages_may_neither_ask_nor_read() {
    let gateway = Gateway::start(LISTED).await;

    for origin in ["https://evil.example.com", "https://chat.lan.evil", "null"] {
        let page = || gateway.client().with("origin", origin);
        let asked = preflight(page(), "/mcp", "content-type").await;
        assert_ne!(asked.status, StatusCode::NO_CONTENT, "{origin}");
        let opened = page().post(initialize("2025-11-25")).await;
        assert_eq!(opened.status, StatusCode::FORBIDDEN, "{origin}");
        for reply in [asked, opened] {
            assert_eq!(readable(&reply), None, "{origin}");
            assert_eq!(reply.header("vary"), "Origin", "for caches");
        }
    }
    let local = gateway.client().with("origin", "http://localhost:6274");
    let opened = local.post(initialize("2025-11-25")).await;
    assert_eq!((opened.status, readable(&opened)), (StatusCode::OK, None));
}

#[tokio::test]
async fn a_star_lists_every_page() {
    let gateway = Gateway::start("[gateway]\ncors_origins = [\"*\"]").await;
    let page = || gateway.client().with("origin", "https://anything.example");

    let asked = preflight(page(), "/mcp", "content-type").await;
    let opened = page().post(initialize("2025-11-25")).await;

    assert_eq!(
        (asked.status, readable(&asked)),
        (StatusCode::NO_CONTENT, Some("*"))
    );
    assert_eq!(
        (opened.status, readable(&opened)),
        (StatusCode::OK, Some("*"))
    );
}

#[tokio::test]
async fn unless_pages_are_listed_there_is_no_word_of_them() {
    let gateway = Gateway::with_keys("", &KEYS).await;
    let local = || gateway.client().with("origin", "http://localhost:6274");

    let asked = preflight(local(), "/mcp", "content-type").await;
    let opened = local().post(initialize("2025-11-25")).await;

    assert_eq!(asked.status, StatusCode::METHOD_NOT_ALLOWED, "and no key");
    assert_eq!(opened.status, StatusCode::UNAUTHORIZED);
    for reply in [asked, opened] {
        assert_eq!(readable(&reply), None);
        assert!(!reply.headers.contains_key("vary"));
    }
}

#[tokio::test]
async fn a_page_that_comes_when_the_gateway_is_full_reads_why() {
    let gateway = Gateway::start(&format!("{LISTED}max_connections = 1")).await;
    let stream = gateway.session().await.listen().await;

    let page = gateway.client().with("origin", PAGE);
    let full = page.post(initialize("2025-11-25")).await;

    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(readable(&full), Some(PAGE));
    drop(stream);
}
