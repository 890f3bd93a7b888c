//! What is refused before it is a call: verbs, hosts, origins, keys, bodies, paths.

use http::{Method, StatusCode};

use crate::support::{Gateway, initialize, request};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test]
async fn other_verbs_are_not_allowed_and_nobody_is_asked_for_a_key() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key")]).await;

    for verb in [Method::HEAD, Method::PUT, Method::OPTIONS, Method::PATCH] {
        let reply = gateway.client().ask(verb.clone(), "").await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{verb}");
        assert_eq!(reply.header("allow"), "GET, POST, DELETE");
    }
}

#[tokio::test]
async fn the_root_and_mcp_are_the_same_place() {
    let gateway = Gateway::start("").await;

    let client = gateway.client().at("/").open().await;

    assert_eq!(client.request("ping", "{}").await.status, StatusCode::OK);
    let elsewhere = client.at("/mcp").request("ping", "{}").await;
    assert_eq!(elsewhere.status, StatusCode::OK);
}

/// Trap: Words of OAuth where there is none.
#[tokio::test]
async fn oauth_is_not_found_whether_or_not_keys_are_configured() {
    let open = Gateway::start("").await;
    let closed = Gateway::with_keys("", &[("alice", "a-key")]).await;

    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/register",
    ] {
        for gateway in [&open, &closed] {
            let reply = gateway.client().at(path).ask(Method::GET, "").await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_with_the_setting_that_could_allow_it() {
    let gateway = Gateway::start("").await;
    let allowing = Gateway::start(
        "[gateway]\nallowed_hosts = [\"gate.lan\"]\nallowed_origins = [\"https://chat.lan\"]",
    )
    .await;

    for (header, value, setting) in [
        ("host", "gate.lan", "allowed_hosts"),
        ("origin", "https://chat.lan", "allowed_origins"),
    ] {
        let foreign = gateway.client().with(header, value);
        let refused = foreign.post(initialize("2025-11-25")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let (_, words) = refused.error();
        assert!(words.contains(setting) && words.contains(value), "{words}");
        allowing.client().with(header, value).open().await;
    }
    let local = gateway.client().with("origin", "http://localhost:6274");
    local.open().await;
}

#[tokio::test]
async fn a_foreign_host_learns_nothing_about_keys() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key")]).await;

    let foreign = gateway.client().with("host", "evil.example.com");

    assert_eq!(foreign.post(PING).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_keys_everybody_may_come_in() {
    let gateway = Gateway::start("").await;

    let client = gateway.client().with("authorization", "Bearer whatever");

    assert_eq!(
        client.open().await.request("ping", "{}").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_key_opens_the_door_as_bearer_and_as_x_api_key() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key"), ("bob", "b-key")]).await;

    for (header, value) in [
        ("authorization", "Bearer a-key"),
        ("authorization", "bearer b-key"),
        ("x-api-key", "a-key"),
    ] {
        gateway.client().with(header, value).open().await;
    }
    let alice = gateway.client().with("x-api-key", "a-key").open().await;
    let same = alice
        .without("x-api-key")
        .with("authorization", "Bearer a-key");
    assert_eq!(same.request("ping", "{}").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_that_is_wrong_missing_or_doubled_is_refused_with_401_and_no_word_of_oauth() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key"), ("bob", "b-key")]).await;
    let client = || gateway.client();
    let mut bodies = Vec::new();

    for client in [
        client(),
        client().with("x-api-key", "wrong"),
        client().with("x-api-key", ""),
        client().with("authorization", "a-key"),
        client().with("authorization", "Basic a-key"),
        client().with("authorization", "Bearer wrong"),
        client()
            .with("authorization", "Bearer wrong")
            .with("x-api-key", "a-key"),
        client()
            .with("x-api-key", "a-key")
            .with("x-api-key", "a-key"),
        client()
            .with("x-api-key", "wrong")
            .with("x-api-key", "a-key"),
        client()
            .with("authorization", "Bearer a-key")
            .with("authorization", "Bearer b-key"),
    ] {
        let refused = client.post(initialize("2025-11-25")).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(!refused.headers.contains_key("www-authenticate"));
        bodies.push(refused.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "the refusals differ");
}

#[tokio::test]
async fn a_stranger_does_not_get_to_send_a_body() {
    let gateway = Gateway::with_keys("[gateway]\nmax_message = 100", &[("alice", "a-key")]).await;

    let reply = gateway.client().post(vec![b'x'; 1000]).await;

    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_the_limit() {
    let gateway = Gateway::start("[gateway]\nmax_message = 300").await;
    let client = gateway.session().await;
    let exact = |size: usize| {
        let short = request("1", "ping", r#"{"x":""}"#);
        let filler = "x".repeat(size - short.len());
        request("1", "ping", &format!(r#"{{"x":"{filler}"}}"#))
    };

    let fits = client.post(exact(300)).await;
    let refused = client.post(exact(301)).await;

    assert_eq!(fits.status, StatusCode::OK);
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    let (_, words) = refused.error();
    assert!(
        words.contains("300 bytes") && words.contains("max_message"),
        "{words}"
    );
}

#[tokio::test]
async fn a_client_that_accepts_json_only_or_anything_or_says_nothing_is_served() {
    let gateway = Gateway::start("").await;

    for accept in [
        None,
        Some("*/*"),
        Some("application/json"),
        Some("text/event-stream"),
    ] {
        let mut client = gateway.client().without("accept");
        if let Some(accept) = accept {
            client = client.with("accept", accept);
        }
        let answer = client.open().await.request("ping", "{}").await;
        assert_eq!(answer.status, StatusCode::OK, "{accept:?}");
        assert_eq!(answer.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered_with_400_and_json_rpcs_own_codes() {
    let gateway = Gateway::start("").await;
    let client = gateway.session().await;

    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("nonsense", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#, -32700),
        (r#"{"id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"x"}"#,
            -32600,
        ),
        ("7", -32600),
        ("[]", -32600),
    ] {
        let refused = client.post(body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.error().0, code, "{body}");
        assert!(refused.text().contains(r#""id":null"#), "{body}");
    }
    let binary = client.post(&b"\xff\xfe"[..]).await;
    assert_eq!(
        (binary.status, binary.error().0),
        (StatusCode::BAD_REQUEST, -32700)
    );
}

#[tokio::test]
async fn a_connection_too_many_is_told_so() {
    let gateway = Gateway::start("[gateway]\nmax_connections = 1").await;
    let stream = gateway.session().await.listen().await;

    let refused = gateway.client().ask(Method::GET, "").await;

    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.text(), r#"{"error":"Server at capacity"}"#);
    drop(stream);
}
