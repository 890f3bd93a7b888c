//! `/livez` and `/readyz`: whether to restart the gateway, and whether to send anybody there.

use http::{Method, StatusCode};
use mcpgate::authenticate::hash_of;

use crate::support::{Answer, Client, Gate, Gateway, HttpServer, Reserved, within};

async fn status(client: &Client, path: &str) -> StatusCode {
    client.clone().at(path).ask(Method::GET, "").await.status
}

/// Nobody is told when the gateway becomes ready, so it is asked.
async fn becomes(client: &Client, wanted: StatusCode) {
    let asked = async { while status(client, "/readyz").await != wanted {} };
    within("the readiness", asked).await;
}

#[tokio::test]
async fn a_gateway_lives_and_is_ready_though_a_server_is_down_that_is_not_required() {
    let down = Reserved::new();
    let gateway = Gateway::start(&down.table("down")).await;
    gateway.settled().await;
    let client = gateway.client();

    assert_eq!(status(&client, "/livez").await, StatusCode::OK);
    assert_eq!(status(&client, "/readyz").await, StatusCode::OK);
}

#[tokio::test]
async fn a_gateway_is_ready_only_while_every_required_server_is_up() {
    let up = HttpServer::with_tools(&["a"]).await;
    let away = HttpServer::with_tools(&["b"]).await.leaves().await;
    let tables = [
        up.table("up"),
        "required = true\n".to_owned(),
        away.table("away"),
        "required = true\n".to_owned(),
    ];
    let gateway = Gateway::start(&tables.concat()).await;
    gateway.settled().await;
    let client = gateway.client();

    assert_eq!(
        status(&client, "/readyz").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(status(&client, "/livez").await, StatusCode::OK);
    let away = away.serve();
    becomes(&client, StatusCode::OK).await;
    let _gone = away.leaves().await;
    becomes(&client, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(status(&client, "/livez").await, StatusCode::OK);
}

#[tokio::test]
async fn a_gateway_is_not_ready_before_its_first_lists_are_there_nor_once_it_stops() {
    let mute = HttpServer::with_tools(&["a"]).await;
    let hold = Gate::default();
    let held = hold.clone();
    mute.on("tools/list", move |heard| {
        Answer::result(heard, r#"{"tools":[]}"#).held(&held)
    });
    let servers = format!("[gateway]\nfirst_list_wait = '1h'\n{}", mute.table("mute"));
    let gateway = Gateway::start(&servers).await;
    let client = gateway.client();

    let refused = client.clone().at("/readyz").ask(Method::GET, "").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.text(), r#"{"status":"not ready"}"#);
    hold.open();
    gateway.settled().await;
    assert_eq!(status(&client, "/readyz").await, StatusCode::OK);
    gateway.pipeline().stopping.cancel();
    assert_eq!(
        status(&client, "/readyz").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(status(&client, "/livez").await, StatusCode::OK);
}

#[tokio::test]
async fn probes_ask_nobody_who_they_are_and_take_only_what_reads() {
    let policy = format!("[keys.a]\nhash = \"{}\"", hash_of("key"));
    let servers = "[gateway]\nallowed_ips = ['192.0.2.1']\n";
    let gateway = Gateway::with_policy(servers, &policy).await;
    let evil = gateway.client().with("host", "evil.example");

    for path in ["/livez", "/readyz"] {
        let client = evil.clone().at(path);
        assert_eq!(client.ask(Method::GET, "").await.status, StatusCode::OK);
        let head = client.ask(Method::HEAD, "").await;
        assert_eq!((head.status, head.text()), (StatusCode::OK, ""));
    }
    let open = Gateway::start("").await;
    for path in ["/livez", "/readyz", "/health"] {
        let client = open.client().at(path);
        assert_eq!(client.ask(Method::HEAD, "").await.status, StatusCode::OK);
        for verb in [Method::POST, Method::DELETE, Method::PUT] {
            let refused = client.ask(verb, "").await;
            assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(refused.header("allow"), "GET, HEAD");
        }
    }
}

#[tokio::test]
async fn a_gateway_with_no_room_for_another_connection_lives_and_is_not_ready() {
    let gateway = Gateway::start("[gateway]\nmax_connections = 1").await;
    let open = gateway.session().await;
    let _stream = open.listen().await;

    let late = gateway.client();
    assert_eq!(status(&late, "/livez").await, StatusCode::OK);
    assert_eq!(
        status(&late, "/readyz").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
}
