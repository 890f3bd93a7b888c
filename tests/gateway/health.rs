//! How the gateway is doing, for machines that ask: everybody learns that it lives, and only who is
//! known what is behind it.

use http::{Method, StatusCode};
use mcpgate::authenticate::hash_of;
use serde_json::{Value, json};

use crate::support::{Client, Gateway, HttpServer};

async fn health(client: Client) -> (StatusCode, Value) {
    let reply = client.at("/health").ask(Method::GET, "").await;
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

#[tokio::test]
async fn where_keys_are_asked_for_a_stranger_learns_only_that_it_lives() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let policy = format!("[keys.prometheus]\nhash = \"{}\"", hash_of("key"));
    let gateway = Gateway::with_policy(&server.table("up"), &policy).await;
    gateway.settled().await;

    let bare = (StatusCode::OK, json!({ "status": "ok" }));
    assert_eq!(health(gateway.client()).await, bare);
    let wrong = gateway.client().with("x-api-key", "wrong");
    assert_eq!(health(wrong).await, bare);

    let (_, known) = health(gateway.client().with("x-api-key", "key")).await;
    assert_eq!(known["servers"]["up"]["state"], "up");
    assert_eq!(known["tools_count"], 1);
}

#[tokio::test]
async fn where_nobody_is_asked_everybody_learns_all_of_it() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;

    let (status, all) = health(gateway.client()).await;

    assert_eq!(status, StatusCode::OK);
    let told = &all["servers"]["up"];
    assert_eq!(told["state"], "up");
    assert_eq!(
        (&told["required"], &told["disabled"]),
        (&json!(false), &json!(false))
    );
    assert!(told["since"].is_string() && told["restarts"] == 0, "{told}");
    assert_eq!(all["ready"], true);
}

#[tokio::test]
async fn why_a_server_went_down_is_told_also_when_it_is_back() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;

    let away = server.leaves().await;
    gateway.loses("up").await;
    let (_, down) = health(gateway.client()).await;
    assert_eq!(down["status"], "degraded");
    let told = &down["servers"]["up"];
    assert!(
        told["error"].is_string() && told["error"] == told["last_error"],
        "{told}"
    );
    let _server = away.serve();
    crate::support::within("its return", async {
        while gateway.state("up").state != "up" {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let (_, back) = health(gateway.client()).await;
    let told = &back["servers"]["up"];
    assert!(
        told["error"].is_null() && told["last_error"].is_string(),
        "{told}"
    );
    assert!(told["restarts"].as_u64() >= Some(1), "{told}");
}

#[tokio::test]
async fn a_page_that_points_its_name_here_learns_only_that_it_lives() {
    let gateway = Gateway::start("").await;
    gateway.settled().await;

    for (header, value) in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let (status, said) = health(gateway.client().with(header, value)).await;
        assert_eq!((status, said), (StatusCode::OK, json!({ "status": "ok" })));
    }
}

#[tokio::test]
async fn metrics_are_for_this_machine_for_listed_addresses_and_for_who_shows_a_key() {
    let gateway = |listed: &str| {
        let servers = format!("[gateway]\ntrusted_proxies = [\"127.0.0.1\"]\n{listed}");
        let policy = format!("[keys.prometheus]\nhash = \"{}\"", hash_of("key"));
        async move { Gateway::with_policy(&servers, &policy).await }
    };
    let read = async |client: Client| {
        let reply = client.at("/metrics").ask(Method::GET, "").await;
        (reply.status, reply.text().contains("metrics_from"))
    };
    let closed = gateway("").await;
    let listed = gateway("metrics_from = [\"192.0.2.0/24\"]").await;
    let afar = |gateway: &Gateway| gateway.client().with("x-forwarded-for", "192.0.2.7");

    assert_eq!(read(closed.client()).await, (StatusCode::OK, false));
    assert_eq!(read(afar(&closed)).await, (StatusCode::FORBIDDEN, true));
    assert_eq!(read(afar(&listed)).await, (StatusCode::OK, false));
    let shown = afar(&closed).with("x-api-key", "key");
    assert_eq!(read(shown).await, (StatusCode::OK, false));
    let rebound = closed.client().with("host", "evil.example.com");
    assert_eq!(read(rebound).await, (StatusCode::FORBIDDEN, true));
}

#[tokio::test]
async fn an_address_that_is_not_served_learns_nothing() {
    let gateway = Gateway::start("[gateway]\nallowed_ips = [\"192.0.2.1\"]").await;

    for path in ["/health", "/metrics"] {
        let reply = gateway.client().at(path).ask(Method::GET, "").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
        assert!(reply.text().contains("allowed_ips"), "{}", reply.text());
    }
}
