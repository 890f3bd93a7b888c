//! `[traces]`: what is noted of a call that does not go straight on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{CLIENT, Collector, started};
use crate::support::{Answer, Gate, Gateway, HttpServer, replicas, request, within};

#[tokio::test]
async fn what_is_sent_again_is_noted_and_says_the_same() {
    let (collector, up, gateway) = started("").await;
    let tool =
        r#"{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;
    up.offer("tools/list", &[tool]);
    up.push_own(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        .await;
    up.nth("the list", 2, |heard| heard.method() == "tools/list")
        .await;
    let client = gateway.session().await;
    while !client
        .request("tools/list", "{}")
        .await
        .text()
        .contains("readOnlyHint")
    {}
    let count = AtomicUsize::new(0);
    up.on("tools/call", move |heard| {
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::hang_up(),
            _ => Answer::result(heard, "{}"),
        }
    });
    client.call("up__echo", "{}").await.answer();
    gateway.stop().await;
    let heard = up.heard_of("tools/call");
    assert_eq!(heard.len(), 2);
    assert_eq!(
        heard[0].headers["traceparent"],
        heard[1].headers["traceparent"]
    );
    let call = collector.only(CLIENT);
    assert_eq!(call.status, 0);
    let (name, said) = &call.events[0];
    assert_eq!((name.as_str(), call.events.len()), ("mcpgate.retry", 1));
    assert!(said.contains_key("mcpgate.reason"));
}

#[tokio::test]
async fn a_call_that_waits_for_its_turn_says_for_how_long() {
    let (collector, up, gateway) = started("max_in_flight = 1\n").await;
    let gate = Gate::default();
    let held = gate.clone();
    up.on("tools/call", move |heard| {
        Answer::result(heard, "{}").held(&held)
    });
    let client = gateway.session().await;
    let first = client.call("up__echo", "{}");
    let second = async {
        up.hears("tools/call").await;
        let call = client.post(request("2", "tools/call", r#"{"name":"up__echo"}"#));
        let opens = async {
            while gateway.state("up").waiting == 0 {
                tokio::task::yield_now().await;
            }
            gate.open();
        };
        tokio::join!(call, opens).0
    };
    let (first, second) = tokio::join!(first, second);
    first.answer();
    second.answer();
    gateway.stop().await;
    let spans = collector
        .spans()
        .into_iter()
        .filter(|span| span.kind == CLIENT);
    let waited: Vec<_> = spans.flat_map(|span| span.events).collect();
    let (name, said) = &waited[0];
    assert_eq!((name.as_str(), waited.len()), ("mcpgate.queued", 1));
    assert!(said["mcpgate.seconds"].parse::<f64>().unwrap() > 0.0);
}

#[tokio::test]
async fn a_call_whose_session_was_forgotten_says_so() {
    let (collector, up, gateway) = started("").await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await.answer();
    up.forget(up.hears("tools/call").await.session());
    client.call("up__echo", "{}").await.answer();
    gateway.stop().await;
    let events = collector.spans().into_iter().flat_map(|span| span.events);
    let names: Vec<String> = events.map(|(name, _)| name).collect();
    assert_eq!(names, ["mcpgate.session_reopened"]);
    let heard = up.heard_of("tools/call");
    assert_eq!(heard.len(), 3);
    assert_eq!(
        heard[1].headers["traceparent"],
        heard[2].headers["traceparent"]
    );
}

#[tokio::test]
async fn a_call_that_another_replica_carries_says_why() {
    let collector = Collector::start().await;
    let one = HttpServer::modern(&["echo"]).await;
    let other = HttpServer::modern(&["echo"]).await;
    let tables = [collector.table(""), replicas(&[&one, &other])];
    let gateway = Gateway::start(&tables.concat()).await;
    within("both replicas", async {
        let up = || gateway.state("up").replicas;
        while up().iter().any(|replica| replica.state != "up") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let count = Arc::new(AtomicUsize::new(0));
    for server in [&one, &other] {
        let count = count.clone();
        server.on("tools/call", move |heard| {
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => Answer::status(503).header("retry-after", "1"),
                _ => Answer::result(heard, "{}"),
            }
        });
    }
    gateway
        .session()
        .await
        .call("up__echo", "{}")
        .await
        .answer();
    gateway.stop().await;
    let call = collector.only(CLIENT);
    assert_eq!((call.status, call.events.len()), (0, 1));
    let (name, said) = &call.events[0];
    assert_eq!(name, "mcpgate.another_replica");
    let reason = &said["mcpgate.reason"];
    assert!(reason.contains("HTTP 503"), "{reason}");
    let [one, other] = [&one, &other].map(|server| server.heard_of("tools/call"));
    assert_eq!([one.len(), other.len()], [1, 1]);
    assert_eq!(
        one[0].headers["traceparent"],
        other[0].headers["traceparent"]
    );
}
