//! Failed sign-ins: who guesses keys is soon not listened to.

use http::{Method, StatusCode};

use crate::support::{Client, Gateway, HttpServer, initialize, key, token, within};

const KEYS: [(&str, &str); 1] = [("alice", "a-key")];

/// The status of an attempt to come in, with what is shown.
async fn tries(client: Client) -> StatusCode {
    client.post(initialize("2025-11-25")).await.status
}

#[tokio::test]
async fn who_guesses_too_often_is_told_to_wait_whatever_is_shown_next() {
    let gateway = Gateway::with_keys("[gateway]\nfailed_sign_ins = 2", &KEYS).await;
    for wrong in ["Bearer wrong", "Basic wrong"] {
        let guess = gateway.client().with("authorization", wrong);
        assert_eq!(tries(guess).await, StatusCode::UNAUTHORIZED, "{wrong}");
    }

    for (verb, path, key) in [
        (Method::POST, "/mcp", "wrong"),
        (Method::POST, "/mcp", "a-key"),
        (Method::GET, "/sse", "a-key"),
    ] {
        let client = gateway.client().at(path).with("x-api-key", key);
        let refused = client.ask(verb, "").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=30).contains(&seconds), "two in a minute: {seconds}");
        let body = format!(r#"{{"error":"Rate limit exceeded","retry_after":{seconds}}}"#);
        assert_eq!(refused.text(), body);
    }
}

#[tokio::test]
async fn who_shows_nothing_has_not_failed() {
    let gateway = Gateway::with_keys("[gateway]\nfailed_sign_ins = 1", &KEYS).await;

    for _ in 0..5 {
        assert_eq!(tries(gateway.client()).await, StatusCode::UNAUTHORIZED);
    }

    gateway.client().with("x-api-key", "a-key").open().await;
}

#[tokio::test]
async fn a_token_that_has_expired_or_cannot_be_judged_is_no_guess() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = nobody.local_addr().unwrap();
    drop(nobody);
    let secret = "0123456789abcdef0123456789abcdef";
    let policy = format!(
        "{}[roles.r]\nallow = ['*']
        [tokens.own]\nissuer = 'own'\naudience = ['gate']\nsecret = '{secret}'
        [tokens.away]\nissuer = 'away'\naudience = ['gate']\njwks_url = 'http://{away}/jwks'",
        key("alice", "role = 'r'")
    );
    let gateway = Gateway::with_policy("[gateway]\nfailed_sign_ins = 1", &policy).await;
    let shows = async |issuer: &str, algorithm: &str| {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let claims = format!(r#"{{"iss":"{issuer}","aud":"gate","sub":"sam","exp":1}}"#);
        let token = format!("Bearer {}", token(secret, &header, &claims));
        tries(gateway.client().with("authorization", &token)).await
    };

    for (issuer, algorithm) in [("own", "HS256"), ("away", "RS256")] {
        for _ in 0..2 {
            let status = shows(issuer, algorithm).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{issuer}");
        }
    }
    gateway.client().holding("alice").open().await;
    assert_eq!(shows("forged", "HS256").await, StatusCode::UNAUTHORIZED);
    let late = gateway.client().holding("alice");
    assert_eq!(tries(late).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn each_address_behind_a_trusted_proxy_fails_for_itself() {
    let servers = "[gateway]\nfailed_sign_ins = 1\ntrusted_proxies = [\"127.0.0.1\"]";
    let gateway = Gateway::with_keys(servers, &KEYS).await;
    let from = |address| gateway.client().with("x-forwarded-for", address);

    let guess = from("192.0.2.1").with("x-api-key", "wrong");
    assert_eq!(tries(guess).await, StatusCode::UNAUTHORIZED);

    let guesser = from("192.0.2.1").with("x-api-key", "a-key");
    assert_eq!(tries(guesser).await, StatusCode::TOO_MANY_REQUESTS);
    from("192.0.2.2").with("x-api-key", "a-key").open().await;
}

#[tokio::test]
async fn what_a_limit_has_counted_is_forgotten_once_it_is_whole_again() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let limit = "[limits.all]\ncalls = 1\nper = \"1ms\"\neach = [\"caller\"]";
    let gateway = Gateway::with_policy(&server.table("up"), limit).await;
    gateway.settled().await;
    gateway.session().await.call("up__echo", "{}").await;
    let counts = || format!("{:?}", gateway.pipeline().plan().policy.all_limits);
    assert!(counts().contains("keys: 1"), "{}", counts());

    let swept = async {
        while counts().contains("keys: 1") {
            gateway.pipeline().sweep();
            tokio::task::yield_now().await;
        }
    };

    within("the sweep", swept).await;
}
