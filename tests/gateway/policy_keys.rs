//! API keys: which opens the door, to whom, and as whom.

use http::{Method, StatusCode};

use crate::support::{Client, Gateway, HttpServer, initialize, key, request};

const ROLES: &str = "
    [roles.all]
    allow = ['*']
    [roles.reader]
    allow = ['files/read']
    [roles.guest]
";

async fn gateway(server: &HttpServer, keys: &[String]) -> Gateway {
    let policy = [&keys.concat(), ROLES].concat();
    let gateway = Gateway::with_policy(&server.table("files"), &policy).await;
    gateway.settled().await;
    gateway
}

async fn comes_in(client: &Client) -> bool {
    let reply = client.post(initialize("2025-11-25")).await;
    match reply.status {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}: {}", reply.text()),
    }
}

#[tokio::test]
async fn a_key_opens_the_door_while_it_is_one_and_from_where_it_may() {
    let server = HttpServer::with_tools(&["read"]).await;
    let keys = [
        key("good", "role = 'all'"),
        key("off", "role = 'all'\ndisabled = true"),
        key("old", "role = 'all'\nexpires = '2020-01-31'"),
        key("young", "role = 'all'\nexpires = '2999-01-31'"),
        key("near", "role = 'all'\nfrom = ['127.0.0.1', '10.0.0.0/8']"),
        key("far", "role = 'all'\nfrom = ['10.0.0.0/8']"),
    ];
    let gateway = gateway(&server, &keys).await;
    for (name, expected) in [
        ("good", true),
        ("young", true),
        ("near", true),
        ("off", false),
        ("old", false),
        ("far", false),
        ("nobody", false),
        ("GOOD", false),
    ] {
        assert_eq!(
            comes_in(&gateway.client().holding(name)).await,
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_bad_key_makes_nobody_anonymous_and_says_nothing_of_why() {
    let server = HttpServer::with_tools(&["read"]).await;
    let keys = [
        key("good", "role = 'all'"),
        key("off", "role = 'all'\ndisabled = true"),
        "[anonymous]\nrole = 'guest'\n".to_owned(),
    ];
    let gateway = gateway(&server, &keys).await;
    assert!(
        comes_in(&gateway.client()).await,
        "who shows nothing is a guest"
    );
    let shown = |name: &str, value: &str| gateway.client().with(name, value);
    let mut bodies = Vec::new();
    for client in [
        shown("authorization", "Bearer mcpg_nobody"),
        shown("authorization", "Bearer mcpg_off"),
        shown("authorization", "Bearer MCPG_GOOD"),
        shown("authorization", "Bearer "),
        shown("authorization", "Bearer"),
        shown("authorization", ""),
        shown("authorization", "mcpg_good"),
        shown("authorization", "Basic bWNwZ19nb29kOg=="),
        shown("authorization", "Basic mcpg_good"),
        shown("authorization", "Bearer mcpg_good mcpg_good"),
        shown("authorization", "Bearer mcpg_good, Bearer mcpg_good"),
        shown("authorization", "Bearer mcpg_good").with("authorization", "Bearer mcpg_good"),
        shown("authorization", "Bearer mcpg_good").with("authorization", "Basic x"),
        shown("authorization", "Bearer mcpg_nobody").with("x-api-key", "mcpg_good"),
        shown("x-api-key", ""),
        shown("x-api-key", "mcpg_nobody"),
        shown("x-api-key", "Bearer mcpg_good"),
        shown("x-api-key", "mcpg_good").with("x-api-key", "mcpg_good"),
        shown("authorization", "Bearer a.b.c"),
    ] {
        let reply = client.post(initialize("2025-11-25")).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.text());
        bodies.push(reply.text().to_owned());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    for client in [
        shown("authorization", "Bearer mcpg_good"),
        shown("authorization", "bearer  mcpg_good"),
        shown("x-api-key", "mcpg_good"),
    ] {
        let client = client.open().await;
        assert_eq!(client.list("tools").await, ["files__read"]);
    }
}

#[tokio::test]
async fn strangers_do_not_get_their_body_read() {
    let server = HttpServer::with_tools(&["read"]).await;
    let gateway = gateway(&server, &[key("good", "role = 'all'")]).await;
    let reply = gateway.client().post("not even JSON").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    let known = gateway.client().holding("good").post("not even JSON").await;
    assert_eq!(known.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn two_keys_of_one_caller_share_its_sessions_each_with_its_own_role() {
    let server = HttpServer::with_tools(&["read", "write"]).await;
    let keys = [
        key("old", "role = 'all'\ncaller = 'sam'"),
        key("new", "role = 'reader'\ncaller = 'sam'"),
        key("sam", "role = 'reader'"),
        key("eve", "role = 'all'"),
    ];
    let gateway = gateway(&server, &keys).await;
    let old = gateway.client().holding("old").open().await;
    assert_eq!(old.list("tools").await, ["files__read", "files__write"]);
    let on_it = |name: &str| {
        let client = gateway.client().holding(name);
        client.with("mcp-session-id", old.session())
    };

    for name in ["new", "sam"] {
        let other = on_it(name);
        assert_eq!(other.list("tools").await, ["files__read"], "{name}");
        assert_eq!(other.call("files__write", "{}").await.error().0, -32602);
    }
    assert!(old.call("files__write", "{}").await.answer()["result"].is_object());
    let stolen = on_it("eve");
    for verb in [Method::POST, Method::GET, Method::DELETE] {
        let reply = stolen.ask(verb, request("1", "ping", "{}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
    }
    let unknown = gateway
        .client()
        .holding("eve")
        .with("mcp-session-id", "none");
    let unknown = unknown.post(request("1", "ping", "{}")).await;
    let stolen = stolen.post(request("1", "ping", "{}")).await;
    assert_eq!(stolen.text(), unknown.text());
}
