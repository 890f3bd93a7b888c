//! The gateway as a resource that tokens open: where a client is told to get them.

use http::{Method, StatusCode};
use mcpgate::authenticate::hash_of;
use serde_json::{Value, json};

use crate::support::{Client, Gateway, Reply, initialize};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

fn tokens(name: &str, issuer: &str) -> String {
    let secret = "a secret of the tests, 32 bytes or more";
    format!(
        "[tokens.{name}]\nissuer = \"{issuer}\"\naudience = [\"gate\"]\nsecret = \"{secret}\"\n"
    )
}

async fn gateway(settings: &str) -> Gateway {
    let key = format!("[keys.alice]\nhash = \"{}\"\n", hash_of("a-key"));
    let policy = [
        key,
        tokens("corp", "https://idp.example.com/"),
        tokens("ours", "no address"),
    ];
    Gateway::with_policy(&format!("[gateway]\n{settings}"), &policy.concat()).await
}

async fn get(gateway: &Gateway, path: &str) -> Reply {
    gateway.client().at(path).ask(Method::GET, "").await
}

async fn challenge(client: Client, verb: Method) -> String {
    let refused = client.ask(verb, initialize("2025-11-25")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    refused.header("www-authenticate").to_owned()
}

#[tokio::test]
async fn whoever_is_not_known_is_told_where_tokens_come_from() {
    let gateway = gateway("").await;
    let base = format!("{}{WELL_KNOWN}", gateway.url());

    for (verb, path, place) in [
        (Method::POST, "/mcp", "/mcp"),
        (Method::POST, "/", ""),
        (Method::POST, "/v/any/mcp", "/v/any/mcp"),
        (Method::POST, "/s/up/mcp", "/s/up/mcp"),
        (Method::POST, "/v/any/", "/v/any/"),
        (Method::GET, "/sse", "/sse"),
        (Method::POST, "/messages", "/sse"),
        (Method::GET, "/mcp/tools", "/mcp"),
        (Method::POST, "/mcp/tools/call", "/mcp"),
        (Method::POST, "/v/any/mcp/call-tool", "/v/any/mcp"),
    ] {
        let told = challenge(gateway.client().at(path), verb).await;
        let expected = format!(r#"Bearer resource_metadata="{base}{place}""#);
        assert_eq!(told, expected, "{path}");
        let reply = get(&gateway, &format!("{WELL_KNOWN}{place}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{place}");
    }
}

#[tokio::test]
async fn a_bad_token_is_called_one_and_a_bad_key_is_not() {
    let gateway = gateway("").await;
    let error = r#", error="invalid_token""#;

    for (header, value, is_token) in [
        ("authorization", "Bearer a.bad.token", true),
        ("authorization", "Bearer neither", true),
        ("x-api-key", "wrong", false),
    ] {
        let client = gateway.client().with(header, value);
        let told = challenge(client, Method::POST).await;
        assert_eq!(told.ends_with(error), is_token, "{value}: {told}");
    }
}

#[tokio::test]
async fn the_metadata_names_the_resource_and_who_issues_tokens_for_it() {
    let gateway = gateway("").await;

    for place in ["", "/mcp", "/sse", "/v/any/mcp", "/s/up/mcp"] {
        let reply = get(&gateway, &format!("{WELL_KNOWN}{place}")).await;

        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let metadata: Value = serde_json::from_slice(&reply.body).unwrap();
        let expected = json!({
            "resource": format!("{}{place}", gateway.url()),
            "authorization_servers": ["https://idp.example.com/"],
            "bearer_methods_supported": ["header"],
        });
        assert_eq!(metadata, expected);
    }
}

#[tokio::test]
async fn the_address_is_the_one_that_clients_know() {
    let gateway = gateway("public_url = \"https://gate.example.com\"").await;

    let told = challenge(gateway.client(), Method::POST).await;
    let metadata = get(&gateway, &format!("{WELL_KNOWN}/mcp")).await;

    let expected =
        format!(r#"Bearer resource_metadata="https://gate.example.com{WELL_KNOWN}/mcp""#);
    assert_eq!(told, expected);
    let metadata: Value = serde_json::from_slice(&metadata.body).unwrap();
    assert_eq!(metadata["resource"], "https://gate.example.com/mcp");
}

#[tokio::test]
async fn any_page_may_read_it_but_no_foreign_host_is_repeated() {
    let gateway = gateway("").await;
    let client = gateway.client().at(&format!("{WELL_KNOWN}/mcp"));
    let page = client.clone().with("origin", "https://anything.example");

    let read = page.ask(Method::GET, "").await;
    let asking = page.with("access-control-request-method", "GET");
    let asked = asking.ask(Method::OPTIONS, "").await;
    let foreign = client.clone().with("host", "evil.example.com");
    let foreign = foreign.ask(Method::GET, "").await;
    let posted = client.ask(Method::POST, "").await;

    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(asked.status, StatusCode::NO_CONTENT);
    for reply in [read, asked] {
        assert_eq!(reply.header("access-control-allow-origin"), "*");
    }
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn what_is_no_resource_has_no_metadata() {
    let gateway = gateway("").await;

    for path in [
        "/.well-known/oauth-protected-resource/nowhere",
        "/.well-known/oauth-protected-resource/health",
        "/.well-known/oauth-protected-resource/mcp/tools",
        "/.well-known/oauth-protected-resourcemcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        assert_eq!(
            get(&gateway, path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_path_that_is_no_plain_text_is_not_repeated() {
    let gateway = gateway("").await;

    let told = challenge(gateway.client().at("/v/a\"b/mcp"), Method::POST).await;

    let expected = format!(
        r#"Bearer resource_metadata="{}{WELL_KNOWN}""#,
        gateway.url()
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn tokens_that_nobody_can_be_sent_for_leave_no_word_of_oauth() {
    let gateway = Gateway::with_policy("", &tokens("ours", "no address")).await;

    let refused = gateway.client().post(initialize("2025-11-25")).await;
    let metadata = get(&gateway, WELL_KNOWN).await;

    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(!refused.headers.contains_key("www-authenticate"));
    assert_eq!(metadata.status, StatusCode::NOT_FOUND);
}
