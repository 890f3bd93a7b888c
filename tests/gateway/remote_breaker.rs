//! Calls to a remote server that fails again and again fail at once, until it is back.

use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use serde_json::Value;

use crate::support::{Answer, Client, Gate, Gateway, HttpServer, within};

/// Opens at the third failure, and stays so.
const FOR_LONG: &str = "breaker = { failures = 3, pause = \"1h\", longest_pause = \"1h\" }\n";
/// The server is asked again at once.
const FOR_A_MOMENT: &str = "breaker = { failures = 3, pause = \"1ms\", longest_pause = \"1ms\" }\n";

async fn gateway(server: &HttpServer, settings: &str) -> Gateway {
    let gateway = Gateway::start(&(server.table("up") + settings)).await;
    gateway.settled().await;
    gateway
}

/// The error of a call.
async fn fails(client: &Client) -> Value {
    let reply = client.call("up__echo", "{}").await;
    let error = reply.answer()["error"].clone();
    assert!(error.is_object(), "{}", reply.text());
    error
}

async fn is_open(gateway: &Gateway) -> bool {
    let page = gateway.client().at("/metrics").ask(Method::GET, "").await;
    let name = "mcp_server_breaker_open{server=\"up\"} ";
    let mut lines = page.text().lines();
    let open = lines.find_map(|line| line.strip_prefix(name));
    open.unwrap() == "1"
}

#[tokio::test]
async fn after_so_many_failures_in_a_row_calls_fail_at_once_and_say_when_to_try_again() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server, FOR_LONG).await;
    let client = gateway.session().await;
    server.on("tools/call", |_| Answer::hang_up());
    for _ in 0..3 {
        assert!(!is_open(&gateway).await);
        assert_eq!(gateway.state("up").error, None);
        fails(&client).await;
    }

    let error = fails(&client).await;

    assert_eq!(server.heard_of("tools/call").len(), 3);
    let words = error["message"].as_str().unwrap();
    assert!(
        words.contains("`up` has failed 3 times in a row"),
        "{words}"
    );
    assert!(words.contains("([servers.up] breaker)"), "{words}");
    assert_eq!(
        (&error["code"], &error["data"]["server"]),
        (&(-32000).into(), &"up".into())
    );
    let wait = error["data"]["retry_after"].as_u64().unwrap();
    assert!((3590..=4500).contains(&wait), "{wait}");
    assert!(is_open(&gateway).await);
    let state = gateway.state("up");
    assert_eq!(state.state, "up", "its own connection still stands");
    assert!(state.error.unwrap().contains("3 times in a row"));
}

#[tokio::test]
async fn what_a_server_answers_is_no_failure() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server, FOR_LONG).await;
    let client = gateway.session().await;
    type Way = fn(&crate::support::Heard) -> Answer;
    let ways: [Way; 4] = [
        |heard| Answer::error(heard, r#"{"code":-32603,"message":"no"}"#),
        |_| Answer::status(403),
        |_| Answer::status(429),
        |_| Answer::json("garbage"),
    ];

    for way in ways {
        server.on("tools/call", way);
        for _ in 0..4 {
            fails(&client).await;
        }
    }

    assert_eq!(server.heard_of("tools/call").len(), 16);
    assert!(!is_open(&gateway).await);
}

#[tokio::test]
async fn a_call_that_succeeds_starts_the_count_anew() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server, FOR_LONG).await;
    let client = gateway.session().await;
    for _ in 0..3 {
        server.on("tools/call", |_| Answer::hang_up());
        fails(&client).await;
        fails(&client).await;
        server.on("tools/call", |heard| Answer::result(heard, "{}"));
        client.call("up__echo", "{}").await.answer();
    }
    assert_eq!(server.heard_of("tools/call").len(), 9);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_a_failure() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server, &format!("timeout = \"30ms\"\n{FOR_LONG}")).await;
    let client = gateway.session().await;
    server.on("tools/call", |_| Answer::status(200).held(&Gate::default()));

    for _ in 0..3 {
        assert_eq!(fails(&client).await["code"], -32001);
    }

    assert_eq!(fails(&client).await["code"], -32000);
    assert_eq!(server.heard_of("tools/call").len(), 3);
}

#[tokio::test]
async fn when_the_pause_is_over_one_call_asks_and_the_others_are_refused_meanwhile() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server, FOR_A_MOMENT).await;
    let client = gateway.session().await;
    server.on("tools/call", |_| Answer::hang_up());
    for _ in 0..3 {
        fails(&client).await;
    }
    server.on("tools/call", |heard| Answer::result(heard, "{}"));
    let gate = Gate::default();
    let held = gate.clone();
    server.on("ping", move |heard| Answer::result(heard, "{}").held(&held));

    let done = AtomicBool::new(false);
    let first = async {
        // The pause may not be over yet.
        while client.call("up__echo", "{}").await.answer()["error"].is_object() {}
        done.store(true, Ordering::Relaxed);
    };
    let others = async {
        server.hears("ping").await;
        for _ in 0..10 {
            let words = fails(&client).await["message"].to_string();
            assert!(words.contains("in a row"), "{words}");
        }
        assert!(!done.load(Ordering::Relaxed));
        gate.open();
    };
    within("the server to be found", async {
        tokio::join!(first, others)
    })
    .await;

    assert_eq!(server.heard_of("ping").len(), 1);
    assert_eq!(server.heard_of("tools/call").len(), 4);
    assert!(!is_open(&gateway).await);
}

#[tokio::test]
async fn a_server_that_is_connected_to_again_is_called_again() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server, FOR_LONG).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    client.call("up__echo", "{}").await.answer();
    let port = server.leaves().await;
    gateway.loses("up").await;
    for _ in 0..3 {
        fails(&client).await;
    }
    assert!(is_open(&gateway).await);

    let server = port.serve();
    server.offer_tools(&["echo", "new"]);
    stream.data().await;

    client.call("up__echo", "{}").await.answer();
    assert_eq!(server.heard_of("tools/call").len(), 2);
    assert!(!is_open(&gateway).await);
}

#[tokio::test]
async fn a_breaker_that_is_switched_off_refuses_nothing() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server, "breaker = { failures = 0 }\n").await;
    let client = gateway.session().await;
    server.on("tools/call", |_| Answer::hang_up());

    for _ in 0..20 {
        fails(&client).await;
    }

    assert_eq!(server.heard_of("tools/call").len(), 20);
}
