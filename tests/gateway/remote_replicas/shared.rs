//! Calls are shared out by how many are in flight, and sessions with them.

use futures_util::future::join_all;
use http::Method;

use super::{calls, echoes, gateway, home, two, two_modern, two_without_sessions};
use crate::support::{Answer, Gate, Gateway, HttpServer, call, within};

#[tokio::test]
async fn calls_go_to_the_address_with_the_fewest_in_flight() {
    for [one, other] in [two_modern().await, two_without_sessions().await] {
        let gateway = gateway(&[&one, &other], "").await;
        let client = gateway.session().await;
        let gate = Gate::default();
        for server in [&one, &other] {
            let held = gate.clone();
            server.on("tools/call", move |heard| {
                Answer::result(heard, "{}").held(&held)
            });
        }

        let asked = join_all((1..=10).map(|id| {
            let client = client.clone();
            async move { client.post(call(&id.to_string(), "up__echo", "{}")).await }
        }));
        let even = async {
            for server in [&one, &other] {
                server
                    .nth("five calls", 5, |heard| heard.method() == "tools/call")
                    .await;
            }
            let state = gateway.state("up");
            let in_flight = state.replicas.iter().map(|replica| replica.in_flight);
            assert_eq!(in_flight.collect::<Vec<_>>(), [5, 5]);
            gate.open();
        };
        let (replies, ()) = tokio::join!(asked, even);

        assert!(
            replies
                .iter()
                .all(|reply| reply.answer()["result"].is_object())
        );
        let state = gateway.state("up");
        assert!(state.replicas.iter().all(|replica| replica.in_flight == 0));
    }
}

#[tokio::test]
async fn one_that_hangs_gets_no_more_than_it_has() {
    let [one, other] = two_modern().await;
    let gateway = gateway(&[&one, &other], "").await;
    let client = gateway.session().await;
    let gate = Gate::default();
    let held = gate.clone();
    one.on("tools/call", move |heard| {
        Answer::result(heard, "{}").held(&held)
    });

    let hanging = async {
        // It hangs with the first call that it gets.
        let first = join_all((1..=2).map(|_| client.call("up__echo", "{}")));
        let rest = async {
            one.hears("tools/call").await;
            for _ in 0..10 {
                echoes(&client).await;
            }
            assert_eq!(calls(&one), 1);
            gate.open();
        };
        tokio::join!(first, rest)
    };
    within("the calls", hanging).await;
}

#[tokio::test]
async fn a_large_answer_on_its_way_counts_as_a_call_in_flight() {
    let [one, other] = two_without_sessions().await;
    let gateway = gateway(&[&one, &other], "").await;
    let client = gateway.session().await;
    let gate = Gate::default();
    for server in [&one, &other] {
        let held = gate.clone();
        server.on("tools/call", move |_| {
            Answer::chunked("x".repeat(100_000), 100_000).wait(&held)
        });
    }

    let one_body = client.send(Method::POST, call("1", "up__echo", "{}")).await;
    let other_body = client.send(Method::POST, call("2", "up__echo", "{}")).await;

    assert_eq!([calls(&one), calls(&other)], [1, 1]);
    let state = gateway.state("up");
    assert!(state.replicas.iter().all(|replica| replica.in_flight == 1));
    gate.open();
    drop((one_body, other_body));
}

#[tokio::test]
async fn sessions_are_shared_out_and_each_stays_where_it_was_opened() {
    let [one, other] = two().await;
    let gateway = gateway(&[&one, &other], "").await;
    let mut homes = [0; 2];
    for _ in 0..6 {
        let client = gateway.session().await;
        let first = home(&client, [&one, &other]).await;
        homes[first] += 1;
        for _ in 0..3 {
            assert_eq!(home(&client, [&one, &other]).await, first);
        }
    }
    assert_eq!(homes, [3, 3]);
}

#[tokio::test]
async fn addresses_may_have_secrets_that_nobody_is_shown() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let urls = [server.url() + "?key=hunter2", server.url() + "?key=hunter3"];
    let gateway = Gateway::start(&format!("[servers.up]\nurl = {urls:?}\n")).await;
    gateway.settled().await;

    let health = gateway.client().at("/health").ask(Method::GET, "").await;

    assert!(health.text().contains(&server.url()));
    assert!(!health.text().contains("hunter"), "{}", health.text());
}
