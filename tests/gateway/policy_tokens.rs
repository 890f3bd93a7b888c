//! JSON Web Tokens at the door.

use std::time::SystemTime;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    Client, Gateway, HttpServer, Modern, Reply, initialize, request, token, within,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const POLICY: &str = "
    [tokens.corp]
    issuer = 'https://idp.example.com/'
    audience = ['gate']
    secret = '0123456789abcdef0123456789abcdef'
    claims = { role = 'realm.roles' }
    roles = { staff = 'reader', boss = 'all' }
    [tokens.own]
    issuer = 'ours'
    audience = ['gate']
    secret = '0123456789abcdef0123456789abcdef'
    [roles.reader]
    allow = ['files/read']
    [roles.all]
    allow = ['*']
";

#[tokio::test]
async fn an_issuer_is_asked_for_its_keys_before_anybody_shows_a_token() {
    let issuers = [issuer().await, issuer().await];
    let [one, other] = issuers.each_ref().map(|issuer| {
        let address = issuer.local_addr().unwrap();
        format!("[tokens.away]\nissuer = 'away'\naudience = ['gate']\njwks_url = 'http://{address}/jwks'")
    });

    let gateway = Gateway::with_policy("", &one).await;
    within("the issuer is asked", issuers[0].accept())
        .await
        .unwrap();

    gateway.write("policies/policy.toml", &other);
    gateway.reload().await.unwrap();
    within("so is one that a reload brings", issuers[1].accept())
        .await
        .unwrap();
}

async fn issuer() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn gateway() -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["read", "write"]).await;
    let gateway = Gateway::with_policy(&server.table("files"), POLICY).await;
    gateway.settled().await;
    (server, gateway)
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn claims(sub: &str, roles: &Value) -> Value {
    json!({
        "iss": "https://idp.example.com/", "aud": "gate", "sub": sub, "exp": now() + 600,
        "realm": {"roles": roles},
    })
}

fn showing(gateway: &Gateway, token: &str) -> Client {
    gateway
        .client()
        .with("authorization", &format!("Bearer {token}"))
}

fn holder(gateway: &Gateway, sub: &str, roles: &Value) -> Client {
    showing(
        gateway,
        &token(SECRET, HS256, &claims(sub, roles).to_string()),
    )
}

async fn opens(client: &Client) -> Reply {
    client.post(initialize("2025-11-25")).await
}

#[tokio::test]
async fn the_role_that_a_token_names_is_the_one_it_is_mapped_to() {
    let (_server, gateway) = gateway().await;
    for (roles, expected) in [
        (json!("staff"), &["files__read"][..]),
        (json!(["unheard", "staff", "boss"]), &["files__read"]),
        (json!(["boss"]), &["files__read", "files__write"]),
    ] {
        let client = holder(&gateway, "sam", &roles).open().await;
        assert_eq!(client.list("tools").await, expected, "{roles}");
    }
    let own = json!({
        "iss": "ours", "aud": ["else", "gate"], "sub": "sam", "exp": now() + 600,
        "roles": ["offline_access", "reader"],
    });
    let client = showing(&gateway, &token(SECRET, HS256, &own.to_string()));
    assert_eq!(
        client.open().await.list("tools").await,
        ["files__read"],
        "theirs are ours"
    );
}

#[tokio::test]
async fn a_token_without_a_role_of_ours_is_let_in_to_be_told_so() {
    let (server, gateway) = gateway().await;
    let words = "the token names no role that is mapped to one here";
    for roles in [
        json!(null),
        json!([]),
        json!("all"),
        json!(["reader", "STAFF"]),
    ] {
        let client = holder(&gateway, "sam", &roles);
        let reply = opens(&client).await;
        assert_eq!(reply.status, StatusCode::OK, "{roles}");
        assert_eq!(reply.error(), (-32000, words.to_owned()), "{roles}");
        let reply = Modern::new(client).call("files__read", "{}").await;
        assert_eq!(
            (reply.status, reply.error().1),
            (StatusCode::OK, words.to_owned())
        );
    }
    assert_eq!(server.heard_of("tools/call").len(), 0);
}

#[tokio::test]
async fn what_is_not_a_good_token_is_refused_at_the_door() {
    let (_server, gateway) = gateway().await;
    let good = claims("sam", &json!("boss"));
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        token(SECRET, HS256, &claims.to_string())
    };
    let text = good.to_string();
    let sound = token(SECRET, HS256, &text);
    assert_eq!(
        opens(&showing(&gateway, &sound)).await.status,
        StatusCode::OK
    );
    let unsigned = sound.rsplit_once('.').unwrap().0;
    let cases = [
        ("expired", with("exp", json!(now() - 60))),
        ("for others", with("aud", json!("else"))),
        (
            "of another issuer",
            with("iss", json!("https://evil.example.com/")),
        ),
        ("not yet valid", with("nbf", json!(now() + 600))),
        (
            "a line end in the id",
            with("sub", json!("sam\r\nX-User-Role: all")),
        ),
        (
            "a line end in the role",
            with("realm", json!({"roles": "boss\n"})),
        ),
        ("no id", with("sub", json!(null))),
        ("none", token(SECRET, r#"{"alg":"none"}"#, &text)),
        ("none, unsigned", format!("{unsigned}.")),
        (
            "another algorithm",
            token(SECRET, r#"{"alg":"RS256"}"#, &text),
        ),
        (
            "another secret",
            token("another secret that is long enough!", HS256, &text),
        ),
        (
            "a key of its own",
            token(SECRET, r#"{"alg":"HS256","crit":["x"],"x":1}"#, &text),
        ),
        ("half", unsigned.to_owned()),
        ("twice", format!("{sound}, Bearer {sound}")),
    ];
    for (what, shown) in cases {
        let status = opens(&showing(&gateway, &shown)).await.status;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}");
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_where_tokens_are_shown() {
    let (_server, gateway) = gateway().await;
    let claims = claims("sam", &json!("boss")).to_string();
    let sound = token(SECRET, HS256, &claims);
    let as_key = gateway.client().with("x-api-key", &sound);
    assert_eq!(
        opens(&as_key).await.status,
        StatusCode::UNAUTHORIZED,
        "a token is no key"
    );
    let twice = showing(&gateway, &sound).with("authorization", &format!("Bearer {sound}"));
    assert_eq!(
        opens(&twice).await.status,
        StatusCode::UNAUTHORIZED,
        "two headers"
    );
}

#[tokio::test]
async fn a_session_belongs_to_the_subject_of_the_token_and_not_to_the_token() {
    let (_server, gateway) = gateway().await;
    let sam = holder(&gateway, "sam", &json!("boss")).open().await;
    let later = holder(&gateway, "sam", &json!("staff"));
    let later = later.with("mcp-session-id", sam.session());
    assert_eq!(
        later.list("tools").await,
        ["files__read"],
        "the role is that of the request"
    );

    let own =
        json!({"iss": "ours", "aud": "gate", "sub": "sam", "exp": now() + 600, "roles": "all"});
    let namesake = showing(&gateway, &token(SECRET, HS256, &own.to_string()));
    for other in [holder(&gateway, "eve", &json!("boss")), namesake] {
        let stolen = other.with("mcp-session-id", sam.session());
        for verb in [Method::POST, Method::GET, Method::DELETE] {
            let reply = stolen.ask(verb, request("1", "ping", "{}")).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND);
        }
    }
    assert_eq!(sam.list("tools").await.len(), 2);
}
