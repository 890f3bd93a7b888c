//! Addresses that fail get no calls, and get them again when they are back.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::{breaker, calls, doing, echoes, gateway, two, two_modern};
use crate::support::{Answer, Gate, Gateway, HttpServer, replicas, within};

#[tokio::test]
async fn an_address_that_fails_again_and_again_gets_no_calls() {
    for servers in [two_modern().await, two().await] {
        let [one, other] = &servers;
        let gateway = gateway(&[one, other], &breaker("1h")).await;
        one.on("tools/call", |_| Answer::hang_up());
        let clients = join_all((0..4).map(|_| gateway.session())).await;
        while calls(one) == 0 {
            join_all(clients.iter().map(|client| client.call("up__echo", "{}"))).await;
        }
        let before = calls(one);

        for _ in 0..3 {
            for client in &clients {
                echoes(client).await;
            }
        }

        assert_eq!(calls(one), before);
        let state = gateway.state("up");
        assert!(!state.refuses_calls && state.error.is_none(), "{state:?}");
        assert!(state.replicas[0].refuses_calls);
        let words = state.replicas[0].error.as_deref().unwrap();
        assert!(words.contains("in a row"), "{words}");
    }
}

#[tokio::test]
async fn an_address_that_failed_is_asked_whether_it_is_back_though_nobody_calls_it() {
    let [one, other] = two_modern().await;
    let gateway = gateway(&[&one, &other], &breaker("1ms")).await;
    let client = gateway.session().await;
    one.on("tools/call", |_| Answer::hang_up());
    one.on("server/discover", |_| Answer::hang_up());
    while calls(&one) == 0 {
        client.call("up__echo", "{}").await;
    }
    assert!(gateway.state("up").replicas[0].refuses_calls);

    one.on("tools/call", |heard| Answer::result(heard, heard.params()));
    one.on("server/discover", |heard| {
        Answer::result(
            heard,
            r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#,
        )
    });

    let before = calls(&one);
    within("the address to be called again", async {
        while calls(&one) == before {
            echoes(&client).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_that_was_gone_is_called_again() {
    for servers in [two_modern().await, two().await] {
        let [one, other] = servers;
        let gateway = gateway(&[&one, &other], &breaker("1h")).await;
        let port = one.leaves().await;
        doing(&gateway, 0, "down").await;
        echoes(&gateway.session().await).await;

        let one = port.serve();
        doing(&gateway, 0, "up").await;

        let before = calls(&one);
        within("a call", async {
            while calls(&one) == before {
                echoes(&gateway.session().await).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn the_lists_stay_and_the_server_is_up_while_one_is() {
    for servers in [two_modern().await, two().await] {
        let [one, other] = servers;
        let gateway = gateway(&[&one, &other], "check_interval = \"10ms\"\n").await;
        let client = gateway.session().await;
        assert_eq!(client.list("tools").await, ["up__echo"]);

        let port = one.leaves().await;
        doing(&gateway, 0, "down").await;

        let state = gateway.state("up");
        assert_eq!((state.state, &state.error), ("up", &None));
        assert!(state.last_error.is_some());
        assert_eq!(state.replicas[1].state, "up");
        assert_eq!(client.list("tools").await, ["up__echo"]);
        // Now it is the other that tells of changes.
        let mut stream = client.listen().await;
        other.offer_tools(&["echo", "new"]);
        drop(port);
        let gone = other.leaves().await;
        gateway.loses("up").await;
        assert_eq!(client.list("tools").await, ["up__echo"]);
        let _other = gone.serve();
        stream.data().await;
        assert_eq!(client.list("tools").await, ["up__echo", "up__new"]);
    }
}

#[tokio::test]
async fn when_all_are_gone_calls_fail_at_once() {
    for servers in [two_modern().await, two().await] {
        let [one, other] = servers;
        let gateway = gateway(&[&one, &other], "").await;
        let client = gateway.session().await;
        echoes(&client).await;
        let _ports = (one.leaves().await, other.leaves().await);

        let (code, words) = client.call("up__echo", "{}").await.error();
        assert_eq!(code, -32000);
        assert!(words.contains("`up`"), "{words}");
        gateway.loses("up").await;
        client.call("up__echo", "{}").await.error();

        let health = gateway.client().at("/health").ask(Method::GET, "").await;
        let health: Value = serde_json::from_str(health.text()).unwrap();
        let server = &health["servers"]["up"];
        assert_eq!(server["state"], "down");
        let states = server["replicas"].as_array().unwrap().iter();
        let states: Vec<_> = states.map(|replica| &replica["state"]).collect();
        assert_eq!(states, [&json!("down"), &json!("down")]);
    }
}

#[tokio::test]
async fn the_first_lists_wait_for_no_more_than_one_address() {
    let there = HttpServer::with_tools(&["echo"]).await;
    let silent = HttpServer::with_tools(&["echo"]).await;
    for method in ["server/discover", "initialize"] {
        silent.on(method, |_| Answer::status(200).held(&Gate::default()));
    }

    let gateway = Gateway::start(&replicas(&[&silent, &there])).await;
    gateway.settled().await;

    let client = gateway.session().await;
    assert_eq!(client.list("tools").await, ["up__echo"]);
    echoes(&client).await;
}
