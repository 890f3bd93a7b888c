//! What a client of 2026-07-28 listens to at servers with sessions: it is asked for again when
//! they are back, and no longer once nobody listens.

use serde_json::{Value, json};

use crate::{
    pipe,
    support::{Events, Gateway, Heard, HttpServer, Modern, notification, within},
};

const URI: &str = r#"{"uri":"a://b"}"#;

async fn remote() -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["t"]).await;
    server.offer("resources/list", &[r#"{"uri":"a://b","name":"b"}"#]);
    let gateway = Gateway::of(&[("old", &server)]).await;
    (server, gateway)
}

/// Listens to one resource; gives the stream after the acknowledgement.
async fn listening(gateway: &Gateway, uri: &str) -> Events {
    let filter = json!({"notifications": {"resourceSubscriptions": [uri]}});
    let client = Modern::new(gateway.client());
    let mut events = client
        .events("9", "subscriptions/listen", &filter.to_string())
        .await;
    let agreed: Value = serde_json::from_str(&events.data().await).unwrap();
    let agreed = &agreed["params"]["notifications"];
    assert_eq!(*agreed, json!({"resourceSubscriptions": [uri]}));
    events
}

/// The stream is closed, and the gateway knows.
async fn ends(gateway: &Gateway, events: Events) {
    let sessions = &gateway.pipeline().sessions;
    let before = sessions.count();
    drop(events);
    let noticed = async {
        while sessions.count() == before {
            tokio::task::yield_now().await;
        }
    };
    within("the end of the stream", noticed).await;
}

/// A restart: no session is known any more, and the gateway's own finds out.
async fn restart(server: &HttpServer, kept: &str) {
    server.forget("s-1");
    server.forget(kept);
    let news = notification("notifications/tools/list_changed", "{}");
    server.push_own(&news).await;
}

/// The new session in which a subscription is made again.
async fn subscribed_again(server: &HttpServer, before: &str) -> String {
    let again =
        |heard: &Heard| heard.method() == "resources/subscribe" && heard.session() != before;
    let heard = server.nth("the subscription, again", 1, again).await;
    assert_eq!(heard.params(), URI);
    heard.session().to_owned()
}

#[tokio::test]
async fn a_server_that_has_forgotten_is_asked_again_though_nobody_calls() {
    let (server, gateway) = remote().await;
    let mut events = listening(&gateway, "a://b").await;
    let kept = server.hears("resources/subscribe").await;
    assert_eq!(kept.params(), URI);

    restart(&server, kept.session()).await;

    let again = subscribed_again(&server, kept.session()).await;
    let updated = notification("notifications/resources/updated", URI);
    server.push(&again, &updated).await;
    let told: Value = serde_json::from_str(&events.data().await).unwrap();
    assert_eq!(told["method"], "notifications/resources/updated");
}

#[tokio::test]
async fn a_client_with_a_session_is_subscribed_again_just_the_same() {
    let (server, gateway) = remote().await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    client.request("resources/subscribe", URI).await;
    let kept = server.hears("resources/subscribe").await;

    restart(&server, kept.session()).await;

    let again = subscribed_again(&server, kept.session()).await;
    let updated = notification("notifications/resources/updated", URI);
    server.push(&again, &updated).await;
    assert_eq!(stream.data().await, updated);
}

#[tokio::test]
async fn a_call_that_finds_the_session_forgotten_subscribes_again() {
    let (server, gateway) = remote().await;
    let _events = listening(&gateway, "a://b").await;
    let kept = server.hears("resources/subscribe").await;

    server.forget(kept.session());
    let client = Modern::new(gateway.client());
    client.call("old__t", "{}").await;

    subscribed_again(&server, kept.session()).await;
}

#[tokio::test]
async fn a_remote_server_is_told_when_the_last_stream_ends_and_not_before() {
    let (server, gateway) = remote().await;
    let (one, other) = (
        listening(&gateway, "a://b").await,
        listening(&gateway, "a://b").await,
    );
    let subscribed = server.hears("resources/subscribe").await;

    ends(&gateway, one).await;
    Modern::new(gateway.client()).call("old__t", "{}").await;
    assert_eq!(server.heard_of("resources/unsubscribe").len(), 0);
    ends(&gateway, other).await;

    let told = server.hears("resources/unsubscribe").await;
    assert_eq!(told.params(), URI);
    assert_eq!(told.session(), subscribed.session());
}

/// The lines with these words that the child of these clients has received, once there are so
/// many.
async fn received(gateway: &Gateway, words: &str, count: usize) -> usize {
    let arguments = json!({"contains": format!(r#""method":"{words}""#), "count": count});
    let client = Modern::new(gateway.client());
    let reply = client.call("kid__received", &arguments.to_string()).await;
    let lines = &reply.answer()["result"]["structuredContent"]["lines"];
    lines.as_array().unwrap().len()
}

#[tokio::test]
async fn a_command_of_ones_own_is_asked_again_and_told_of_the_end() {
    for scope in ["session", "user"] {
        let table = pipe::server("kid", &[]) + &format!("scope = \"{scope}\"\n");
        let gateway = Gateway::start(&table).await;
        gateway.settled().await;
        let events = listening(&gateway, "kid://one").await;
        let client = Modern::new(gateway.client());
        client.call("kid__die", "{}").await;
        received(&gateway, "resources/subscribe", 1).await;

        ends(&gateway, events).await;

        received(&gateway, "resources/unsubscribe", 1).await;
    }
}

#[tokio::test]
async fn a_command_for_all_sessions_of_a_caller_is_told_when_none_of_them_listens() {
    let table = pipe::server("kid", &[]) + "scope = \"user\"\n";
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let uri = r#"{"uri":"kid://one"}"#;
    let client = gateway.session().await;
    client.request("resources/subscribe", uri).await;
    let events = listening(&gateway, "kid://one").await;

    ends(&gateway, events).await;
    client.request("resources/unsubscribe", uri).await;

    let told = received(&gateway, "resources/unsubscribe", 1).await;
    assert_eq!(told, 1);
}
