//! A proxy before an address, or the server there, says that there is nobody: 502, 503, 504.

use super::{breaker, calls, echoes, gateway, two, two_modern, two_without_sessions};
use crate::support::{Answer, Heard, HttpServer};

fn reads(servers: &[HttpServer; 2]) {
    let reads =
        r#"{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;
    for server in servers {
        server.offer("tools/list", &[reads]);
    }
}

#[tokio::test]
async fn who_says_when_to_come_again_has_not_begun_and_another_carries_the_call() {
    for servers in [
        two_modern().await,
        two_without_sessions().await,
        two().await,
    ] {
        let [busy, other] = &servers;
        let gateway = gateway(&[busy, other], "").await;
        busy.on("tools/call", |_| {
            Answer::status(503).header("retry-after", "1")
        });

        for _ in 0..4 {
            echoes(&gateway.session().await).await;
        }

        assert_eq!(calls(other), 4);
        assert!(calls(busy) > 0, "it was never asked");
        let retries = usize::try_from(gateway.state("up").retries).unwrap();
        assert_eq!(retries, calls(busy));
    }
}

#[tokio::test]
async fn what_may_be_done_twice_goes_to_another_whatever_the_gateway_before_the_first_says() {
    for status in [502, 503, 504] {
        let servers = two_modern().await;
        reads(&servers);
        let [busy, other] = &servers;
        let gateway = gateway(&[busy, other], "").await;
        busy.on("tools/call", move |_| {
            Answer::body(status, "text/html", "<h1>Nobody</h1>")
        });

        for _ in 0..4 {
            echoes(&gateway.session().await).await;
        }

        assert_eq!(calls(other), 4, "{status}");
        assert!(calls(busy) > 0, "it was never asked");
    }
}

#[tokio::test]
async fn what_may_have_been_begun_does_not() {
    for status in [502, 503, 504, 500, 429] {
        let [one, other] = two_modern().await;
        let gateway = gateway(&[&one, &other], "").await;
        for server in [&one, &other] {
            server.on("tools/call", move |_| Answer::status(status));
        }

        let (code, words) = gateway.session().await.call("up__echo", "{}").await.error();

        assert_eq!(code, -32603);
        assert!(words.contains(&format!("HTTP {status}")), "{words}");
        assert_eq!(calls(&one) + calls(&other), 1, "{status}");
    }
}

#[tokio::test]
async fn an_error_of_the_servers_own_is_its_answer_whatever_the_status() {
    let servers = two_modern().await;
    reads(&servers);
    let [one, other] = &servers;
    let gateway = gateway(&[one, other], "").await;
    for server in [one, other] {
        server.on("tools/call", |heard: &Heard| {
            let message = heard.error(r#"{"code":-32050,"message":"full"}"#);
            Answer::body(503, "application/json", message).header("retry-after", "1")
        });
    }

    let error = gateway.session().await.call("up__echo", "{}").await.error();

    assert_eq!(error, (-32050, "full".to_owned()));
    assert_eq!(calls(one) + calls(other), 1);
}

#[tokio::test]
async fn a_session_is_opened_where_there_is_somebody() {
    for status in [502, 503, 504] {
        let [one, other] = two().await;
        let gateway = gateway(&[&one, &other], "").await;
        one.on("initialize", move |_| Answer::status(status));

        for _ in 0..4 {
            echoes(&gateway.session().await).await;
        }

        assert_eq!([calls(&one), calls(&other)], [0, 4], "{status}");
    }
}

#[tokio::test]
async fn where_there_is_nobody_for_long_calls_are_no_longer_sent() {
    let [busy, other] = two_modern().await;
    let gateway = gateway(&[&busy, &other], &breaker("1h")).await;
    busy.on("tools/call", |_| {
        Answer::status(503).header("retry-after", "1")
    });

    for _ in 0..10 {
        echoes(&gateway.session().await).await;
    }

    assert_eq!([calls(&busy), calls(&other)], [1, 10]);
}

#[tokio::test]
async fn when_nobody_is_anywhere_each_is_asked_once_and_the_call_says_so() {
    let [one, other] = two_modern().await;
    let gateway = gateway(&[&one, &other], "").await;
    for server in [&one, &other] {
        server.on("tools/call", |_| {
            Answer::status(503).header("retry-after", "1")
        });
    }

    let (code, words) = gateway.session().await.call("up__echo", "{}").await.error();

    assert_eq!(code, -32000);
    assert!(words.contains("HTTP 503"), "{words}");
    assert_eq!([calls(&one), calls(&other)], [1, 1]);
}
