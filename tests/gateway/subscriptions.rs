//! What a server says of its own accord reaches the session it belongs to.

use http::Method;

use crate::support::{Answer, Client, Gate, Gateway, Heard, HttpServer, Modern, notification};

const URI: &str = r#"{"uri":"x://1"}"#;

async fn offering() -> HttpServer {
    let server = HttpServer::with_tools(&["echo"]).await;
    server.offer("resources/list", &[r#"{"uri":"x://1","name":"x"}"#]);
    server
}

fn updated() -> String {
    notification("notifications/resources/updated", URI)
}

fn news(number: usize) -> String {
    notification(
        "notifications/message",
        &format!(r#"{{"level":"info","data":{number}}}"#),
    )
}

/// The session that the server keeps for a client.
async fn kept_for(client: &Client, server: &HttpServer) -> String {
    client.call("up__echo", r#"{"who":"am I"}"#).await;
    let calls = server.heard_of("tools/call");
    calls.last().unwrap().session().to_owned()
}

#[tokio::test]
async fn a_subscription_is_made_in_the_clients_session_and_its_news_come_there_alone() {
    let server = offering().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, other) = (gateway.session().await, gateway.session().await);
    let (one_kept, other_kept) = (
        kept_for(&one, &server).await,
        kept_for(&other, &server).await,
    );
    let mut streams = (one.listen().await, other.listen().await);

    let subscribed = one.request("resources/subscribe", URI).await;
    assert!(subscribed.answer()["result"].is_object());
    let heard = server.hears("resources/subscribe").await;
    assert_eq!(heard.session(), one_kept);
    server.push(&one_kept, &updated()).await;
    server.push(&other_kept, &news(1)).await;

    assert_eq!(streams.0.data().await, updated());
    assert_eq!(streams.1.data().await, news(1));
}

#[tokio::test]
async fn what_is_kept_of_a_subscription_is_bounded() {
    let server = HttpServer::with_tools(&[]).await;
    let uri = |length| format!("x://{}", "a".repeat(length));
    let [long, short] = [uri(8 * 1024), uri(4 * 1024)];
    let resource = |uri: &str| format!(r#"{{"uri":"{uri}","name":"x"}}"#);
    server.offer("resources/list", &[resource(&long), resource(&short)]);
    let gateway = Gateway::of(&[("up", &server)]).await;
    gateway.settled().await;
    let client = gateway.session().await;
    let params = |uri: &str| format!(r#"{{"uri":"{uri}"}}"#);

    let refused = client.request("resources/subscribe", &params(&long)).await;
    assert_eq!(refused.error().0, -32602, "{}", refused.text());
    let wanted = format!(r#"{{"notifications":{{"resourceSubscriptions":["{long}","{short}"]}}}}"#);
    let mut events = Modern::new(gateway.client())
        .events("1", "subscriptions/listen", &wanted)
        .await;
    let agreed = events.data().await;

    assert!(agreed.contains(&short) && !agreed.contains(&long));
    let heard = server.heard_of("resources/subscribe");
    assert!(heard.iter().all(|heard| !heard.params().contains(&long)));
}

#[tokio::test]
async fn the_end_of_a_subscription_reaches_the_server_though_another_session_still_listens() {
    let server = offering().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, other) = (gateway.session().await, gateway.session().await);
    for client in [&one, &other] {
        client.request("resources/subscribe", URI).await;
    }
    let subscribed = server.hears("resources/subscribe").await;

    one.request("resources/unsubscribe", URI).await;

    // Each has its own session there: only this one can tell the server to be quiet.
    let unsubscribed = server.heard_of("resources/unsubscribe");
    assert_eq!(unsubscribed.len(), 1);
    assert_eq!(unsubscribed[0].session(), subscribed.session());
}

#[tokio::test]
async fn a_server_without_sessions_is_quiet_once_the_last_listener_is() {
    let server = offering().await.without_sessions();
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, other) = (gateway.session().await, gateway.session().await);
    let mut streams = (one.listen().await, other.listen().await);
    for client in [&one, &other] {
        client.request("resources/subscribe", URI).await;
    }

    server.push_own(&updated()).await;
    assert_eq!(streams.0.data().await, updated());
    assert_eq!(streams.1.data().await, updated());
    one.request("resources/unsubscribe", URI).await;
    assert!(server.heard_of("resources/unsubscribe").is_empty());
    server.push_own(&updated()).await;
    assert_eq!(streams.1.data().await, updated());
    other.request("resources/unsubscribe", URI).await;

    assert_eq!(server.heard_of("resources/unsubscribe").len(), 1);
    one.request("resources/subscribe", URI).await;
    server.push_own(&updated()).await;
    let event = streams.0.next().await.unwrap();
    assert_eq!(
        event.id.as_deref(),
        Some("2"),
        "it was told while it did not listen"
    );
}

#[tokio::test]
async fn a_server_without_sessions_is_told_when_the_last_listeners_session_ends() {
    let server = offering().await.without_sessions();
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, other) = (gateway.session().await, gateway.session().await);
    for client in [&one, &other] {
        client.request("resources/subscribe", URI).await;
    }

    one.ask(Method::DELETE, "").await;
    assert!(server.heard_of("resources/unsubscribe").is_empty());
    other.ask(Method::DELETE, "").await;

    let told = server.hears("resources/unsubscribe").await;
    assert_eq!(told.params(), URI);
}

#[tokio::test]
async fn log_messages_and_progress_reach_only_the_session_they_are_for() {
    let server = offering().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let clients = [gateway.session().await, gateway.session().await];
    let mut kept = Vec::new();
    for client in &clients {
        kept.push(kept_for(client, &server).await);
    }
    let mut streams = (clients[0].listen().await, clients[1].listen().await);
    let progress = notification(
        "notifications/progress",
        r#"{"progressToken":1,"progress":1}"#,
    );

    server.push(&kept[0], &news(1)).await;
    server.push(&kept[1], &progress).await;
    server.push(&kept[0], &news(2)).await;

    assert_eq!(streams.0.data().await, news(1));
    assert_eq!(streams.0.data().await, news(2));
    assert_eq!(streams.1.data().await, progress);
}

#[tokio::test]
async fn what_precedes_an_answer_reaches_only_who_asked() {
    let server = offering().await.without_sessions();
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, other) = (gateway.session().await, gateway.session().await);
    let mut stream = other.listen().await;
    server.on("tools/call", |heard| {
        let who = heard.param("arguments")["who"].as_u64().unwrap();
        Answer::events([news(usize::try_from(who).unwrap()), heard.result("{}")])
    });

    let mine = one.call("up__echo", r#"{"who":1}"#).await.events();
    let theirs = other.call("up__echo", r#"{"who":2}"#).await.events();

    assert_eq!((mine.len(), &mine[0].data), (2, &news(1)));
    assert_eq!((theirs.len(), &theirs[0].data), (2, &news(2)));
    other.ask(Method::DELETE, "").await;
    assert_eq!(stream.next().await, None, "nothing came to the stream");
}

#[tokio::test]
async fn a_log_level_is_passed_to_the_sessions_that_servers_keep_for_the_client() {
    let server = offering().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, other) = (gateway.session().await, gateway.session().await);
    let kept = kept_for(&one, &server).await;
    kept_for(&other, &server).await;

    let set = one
        .request("logging/setLevel", r#"{"level":"warning"}"#)
        .await;

    assert_eq!(set.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    let heard = server.heard_of("logging/setLevel");
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].session(), heard[0].params()),
        (kept.as_str(), r#"{"level":"warning"}"#)
    );
}

#[tokio::test]
async fn a_log_level_is_passed_to_a_session_that_is_opened_later_or_again() {
    let server = offering().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    client
        .request("logging/setLevel", r#"{"level":"error"}"#)
        .await;
    assert!(server.heard_of("logging/setLevel").is_empty());
    let kept = kept_for(&client, &server).await;
    server.forget(&kept);
    let again = kept_for(&client, &server).await;

    let heard = server.heard_of("logging/setLevel");
    let sessions: Vec<&str> = heard.iter().map(|heard| heard.session()).collect();
    assert_eq!(sessions, [&kept, &again]);
    assert!(
        heard
            .iter()
            .all(|heard| heard.params() == r#"{"level":"error"}"#)
    );
}

#[tokio::test]
async fn a_server_that_is_stuck_keeps_no_log_level_from_the_others() {
    let (stuck, server) = (offering().await, offering().await);
    stuck.on("logging/setLevel", |heard| {
        Answer::result(heard, "{}").held(&Gate::default())
    });
    let gateway = Gateway::of(&[("stuck", &stuck), ("up", &server)]).await;
    let client = gateway.session().await;
    client.call("stuck__echo", "{}").await;
    client.call("up__echo", "{}").await;

    tokio::select! {
        _ = client.request("logging/setLevel", r#"{"level":"error"}"#) => {
            panic!("it gave the stuck one up without asking the other");
        }
        _ = server.hears("logging/setLevel") => {}
    }
}

#[tokio::test]
async fn a_server_without_streams_is_asked_for_one_once() {
    let server = offering().await.without_streams();
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    for _ in 0..3 {
        kept_for(&client, &server).await;
    }

    let gets = server
        .heard()
        .into_iter()
        .filter(|heard| heard.verb == Method::GET);
    assert_eq!(gets.count(), 2, "one for each session");
}

#[tokio::test]
async fn a_servers_stream_that_ends_is_taken_up_where_it_ended() {
    let server = offering().await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let kept = kept_for(&client, &server).await;
    let mut stream = client.listen().await;
    server
        .push_raw(&kept, &format!("id: e-7\ndata: {}\n\n", news(1)))
        .await;
    assert_eq!(stream.data().await, news(1));

    server.close_stream(&kept);

    let of_client = |heard: &Heard| heard.verb == Method::GET && heard.session() == kept;
    let again = server.nth("another GET", 2, of_client).await;
    assert_eq!(again.headers["last-event-id"], "e-7");
    server.push(&kept, &news(2)).await;
    assert_eq!(stream.data().await, news(2));
}
