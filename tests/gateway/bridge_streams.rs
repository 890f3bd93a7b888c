//! The bridge: what servers of 2026-07-28 say of their own accord, and how they are cancelled.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    pipe::{Client, Gate, server},
    support::{Answer, Gateway, Heard, HttpServer, acknowledged, call, notification},
};

async fn behind(names: &[&str]) -> (HttpServer, Gateway) {
    let server = HttpServer::modern(names).await;
    let gateway = Gateway::of(&[("new", &server)]).await;
    (server, gateway)
}

#[tokio::test]
async fn subscriptions_become_one_stream_with_all_that_is_wanted() {
    let (server, gateway) = behind(&[]).await;
    let items = ["a://1", "a://2"].map(|uri| format!(r#"{{"uri":"{uri}","name":"{uri}"}}"#));
    server.offer("resources/list", &items);
    drop(gateway);
    let says = crate::support::Gate::default();
    let (said, updated) = (
        says.clone(),
        r#"{"uri":"a://1","n":1E+2,"_meta":{"io.modelcontextprotocol/subscriptionId":ID,"x/y":1}}"#,
    );
    server.on("subscriptions/listen", move |heard| {
        let updated = updated.replace("ID", heard.id());
        let updated = notification("notifications/resources/updated", &updated);
        Answer::events([acknowledged(heard)])
            .wait(&said)
            .then(Answer::events([updated]))
            .wait(&crate::support::Gate::default())
    });
    let gateway = Gateway::of(&[("new", &server)]).await;
    let (one, two) = (gateway.session().await, gateway.session().await);
    let mut streams = [one.listen().await, two.listen().await];
    let watching = |uris: Value| {
        move |heard: &Heard| {
            heard.method() == "subscriptions/listen"
                && heard.param("notifications")["resourceSubscriptions"] == uris
        }
    };
    server.nth("nothing yet", 1, watching(Value::Null)).await;
    for (client, uri) in [(&one, "a://1"), (&two, "a://2")] {
        let params = format!(r#"{{"uri":"{uri}"}}"#);
        let reply = client.request("resources/subscribe", &params).await;
        assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    }
    server
        .nth("both", 1, watching(json!(["a://1", "a://2"])))
        .await;

    says.open();

    let expected = r#"{"uri":"a://1","n":1E+2,"_meta":{"x/y":1}}"#;
    let expected = notification("notifications/resources/updated", expected);
    assert_eq!(streams[0].data().await, expected);
    two.request("resources/unsubscribe", r#"{"uri":"a://2"}"#)
        .await;
    server.nth("one again", 1, watching(json!(["a://1"]))).await;
    two.ask(http::Method::DELETE, "").await;
    assert_eq!(streams[1].next().await, None, "it was none of its business");
}

#[tokio::test]
async fn a_client_that_cancels_closes_the_servers_stream() {
    let (server, gateway) = behind(&["hold"]).await;
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let kept = std::sync::Mutex::new(Some(sender));
    server.on("tools/call", move |_| {
        let kept = kept.lock().unwrap().take();
        Answer::events([notification("notifications/x", "{}")]).keeping(Box::new(kept))
    });
    let client = gateway.session().await;
    let mut events = client.post_events(call("7", "new__hold", "{}")).await;
    events.data().await;

    client
        .post(notification(
            "notifications/cancelled",
            r#"{"requestId":7}"#,
        ))
        .await;

    let closed = crate::support::within("the end of the stream", receiver).await;
    assert!(closed.is_err());
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again_and_the_lists_are_fetched_again() {
    let (server, gateway) = behind(&["a"]).await;
    drop(gateway);
    let breaks = crate::support::Gate::default();
    let broken = breaks.clone();
    server.on("subscriptions/listen", move |heard| {
        Answer::events([acknowledged(heard)]).wait(&broken)
    });
    let gateway = Gateway::of(&[("new", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    let ours = |heard: &Heard| heard.method() == "subscriptions/listen";
    server.nth("the first stream", 2, ours).await;

    // What changes while nobody listens is told by nobody.
    server.offer_tools(&["b"]);
    server.on("subscriptions/listen", |heard| {
        Answer::events([acknowledged(heard)]).wait(&crate::support::Gate::default())
    });
    breaks.open();

    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    assert_eq!(stream.data().await, changed);
    assert_eq!(client.list("tools").await, ["new__b"]);
}

/// The ids of the streams that a command has been asked for, once there are so many.
async fn listens(client: &mut Client, count: usize) -> Vec<Value> {
    let words = r#""method":"subscriptions/listen""#;
    let heard = client.received("kid", words, count).await;
    heard.into_iter().map(|heard| heard["id"].clone()).collect()
}

/// Has a command say that it listens.
async fn acknowledge(client: &mut Client, id: &Value) {
    let mark = json!({"io.modelcontextprotocol/subscriptionId": id});
    let params = json!({"_meta": mark, "notifications": {}});
    let line = notification(
        "notifications/subscriptions/acknowledged",
        &params.to_string(),
    );
    client
        .call(
            "kid__say",
            json!({"lines": [line], "mute": ["subscriptions/listen"]}),
        )
        .await;
}

#[tokio::test]
async fn a_subscription_at_a_command_is_answered_once_the_command_listens() {
    let flags = ["--modern", "2026-07-28", "--mute", "subscriptions/listen"];
    let gate = Gate::start(&server("kid", &flags)).await;
    let mut client = gate.client().await;
    let first = listens(&mut client, 1).await;
    acknowledge(&mut client, &first[0]).await;

    let wanted = json!({"uri": "kid://one"});
    let begun = Instant::now();
    let subscribed = client.begin("resources/subscribe", &wanted).await;
    let second = listens(&mut client, 2).await;
    assert_eq!(client.rest().await, [""; 0], "answered too early");
    acknowledge(&mut client, &second[1]).await;

    let answer = client.answer(&subscribed).await;
    assert_eq!(answer["result"], json!({}));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "not waited for: {took:?}");
    // The stream before it ends only now, so that nothing is missed.
    let over = client.received("kid", "notifications/cancelled", 1).await;
    assert_eq!(over[0]["params"]["requestId"], first[0]);
    gate.stop().await;
}

#[tokio::test]
async fn a_command_that_ends_a_stream_is_listened_to_again_and_its_lists_are_fetched_again() {
    let gate = Gate::start(&server("kid", &["--modern", "2026-07-28"])).await;
    let mut client = gate.client().await;
    let wanted = json!({"uri": "kid://one"});
    client.ask("resources/subscribe", &wanted).await;
    let streams = listens(&mut client, 2).await;

    let over = json!({"jsonrpc": "2.0", "id": streams[1], "result": {"resultType": "complete"}});
    client
        .call("kid__say", json!({"lines": [over.to_string()]}))
        .await;

    let again = client
        .received("kid", r#""method":"subscriptions/listen""#, 3)
        .await;
    let filter = &again[2]["params"]["notifications"];
    assert_eq!(filter["resourceSubscriptions"], json!(["kid://one"]));
    client.received("kid", "tools/list", 2).await;
    let updated = notification("notifications/resources/updated", r#"{"uri":"kid://one"}"#);
    client.call("kid__say", json!({"lines": [updated]})).await;
    client.told("notifications/resources/updated").await;
    gate.stop().await;
}

#[tokio::test]
async fn a_command_that_refuses_a_stream_is_asked_again_when_others_are_wanted() {
    let flags = ["--modern", "2026-07-28", "--fail", "subscriptions/listen"];
    let gate = Gate::start(&server("kid", &flags)).await;
    let mut client = gate.client().await;
    listens(&mut client, 1).await;
    let wanted = json!({"uri": "kid://one"});

    let answer = client.ask("resources/subscribe", &wanted).await;

    assert_eq!(answer["result"], json!({}));
    listens(&mut client, 2).await;
    gate.stop().await;
}
