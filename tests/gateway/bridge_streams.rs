//! The bridge: what servers of 2026-07-28 say of their own accord, and how they are cancelled.

use serde_json::{Value, json};

use crate::support::{Answer, Gateway, Heard, HttpServer, acknowledged, call, notification};

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
