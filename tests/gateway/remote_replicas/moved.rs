//! What an address has seen nothing of goes to another, and what may have run does not.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::{calls, doing, echoes, gateway, home, two, two_modern, two_without_sessions};
use crate::support::{Answer, Gateway, HttpServer, SseServer, call, within};

async fn two_with_a_resource() -> [HttpServer; 2] {
    let servers = two().await;
    for server in &servers {
        server.offer("resources/list", &[r#"{"uri":"x://1","name":"x"}"#]);
    }
    servers
}

#[tokio::test]
async fn when_one_is_gone_no_call_fails_whatever_it_is() {
    for servers in [
        two_modern().await,
        two_without_sessions().await,
        two().await,
    ] {
        let [one, other] = servers;
        let gateway = gateway(&[&one, &other], "").await;
        let clients = join_all((0..4).map(|_| gateway.session())).await;
        for client in &clients {
            echoes(client).await;
        }

        let _port = one.leaves().await;

        for _ in 0..5 {
            join_all(clients.iter().map(echoes)).await;
        }
        let expected = 20 + 4;
        assert!(calls(&other) >= expected - 4, "{}", calls(&other));
    }
}

#[tokio::test]
async fn calls_at_once_open_a_moved_session_once_and_it_knows_what_the_client_wanted() {
    let [one, other] = two_with_a_resource().await;
    let gateway = gateway(&[&one, &other], "").await;
    let client = gateway.session().await;
    let home = home(&client, [&one, &other]).await;
    client
        .request("logging/setLevel", r#"{"level":"error"}"#)
        .await;
    let subscribed = client.request("resources/subscribe", r#"{"uri":"x://1"}"#);
    assert!(subscribed.await.answer()["result"].is_object());
    let (gone, there) = match home {
        0 => (one, other),
        _ => (other, one),
    };
    assert_eq!(there.heard_of("resources/subscribe").len(), 0);

    let _port = gone.leaves().await;
    let asked = (2..34).map(|id| client.post(call(&id.to_string(), "up__echo", "{}")));
    let replies = join_all(asked).await;

    for reply in replies {
        assert_eq!(reply.answer()["result"]["name"], "echo", "{}", reply.text());
    }
    // The gateway's own, and the client's.
    assert_eq!(there.heard_of("initialize").len(), 2);
    let session = there.hears("tools/call").await.session().to_owned();
    let told = there.hears("resources/subscribe").await;
    assert_eq!(told.session(), session);
    let level = there.heard_of("logging/setLevel");
    assert!(level.iter().any(|heard| heard.session() == session));
}

#[tokio::test]
async fn subscriptions_of_who_calls_nothing_move_too() {
    let [one, other] = two_with_a_resource().await;
    let gateway = gateway(&[&one, &other], "").await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    let home = home(&client, [&one, &other]).await;
    client
        .request("resources/subscribe", r#"{"uri":"x://1"}"#)
        .await
        .answer();
    let (gone, there) = match home {
        0 => (one, other),
        _ => (other, one),
    };

    let _port = gone.leaves().await;

    let told = there.hears("resources/subscribe").await;
    let news =
        crate::support::notification("notifications/resources/updated", r#"{"uri":"x://1"}"#);
    there.push(told.session(), &news).await;
    assert_eq!(stream.data().await, news);
}

#[tokio::test]
async fn a_call_that_may_have_run_is_not_sent_to_another_address() {
    for [one, other] in [two_modern().await, two().await] {
        let gateway = gateway(&[&one, &other], "").await;
        let client = gateway.session().await;
        for server in [&one, &other] {
            server.on("tools/call", |_| Answer::hang_up());
        }

        let (code, words) = client.call("up__echo", "{}").await.error();

        assert_eq!(code, -32000);
        assert!(words.contains("`up` stopped during the call"), "{words}");
        assert_eq!(calls(&one) + calls(&other), 1);
        assert_eq!(gateway.state("up").retries, 0);
    }
}

#[tokio::test]
async fn what_only_reads_is_asked_elsewhere_if_the_connection_breaks() {
    let servers = two_modern().await;
    let reads =
        r#"{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;
    let count = std::sync::Arc::new(AtomicUsize::new(0));
    for server in &servers {
        server.offer("tools/list", &[reads]);
        let count = count.clone();
        server.on("tools/call", move |heard| {
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => Answer::hang_up(),
                _ => Answer::result(heard, r#"{"name":"echo"}"#),
            }
        });
    }
    let [one, other] = &servers;
    let gateway = gateway(&[one, other], "").await;

    echoes(&gateway.session().await).await;

    assert_eq!([calls(one), calls(other)], [1, 1]);
    assert_eq!(gateway.state("up").retries, 1);
}

#[tokio::test]
async fn a_session_that_cannot_be_opened_at_one_address_is_opened_at_another() {
    let [one, other] = two().await;
    let gateway = gateway(&[&one, &other], "").await;
    one.on("initialize", |_| Answer::hang_up());

    for _ in 0..4 {
        echoes(&gateway.session().await).await;
    }

    assert_eq!([calls(&one), calls(&other)], [0, 4]);
}

#[tokio::test]
async fn a_legacy_stream_is_opened_at_another_address_when_its_own_is_gone() {
    let one = SseServer::with_tools(&["echo"]).await;
    let other = SseServer::with_tools(&["echo"]).await;
    let urls = [&one, &other].map(|server| format!("http://{}/sse", server.address()));
    let table = format!("[servers.up]\nurl = {urls:?}\ntransport = \"sse\"\n");
    let gateway = Gateway::start(&table).await;
    doing(&gateway, 0, "up").await;
    doing(&gateway, 1, "up").await;
    let clients = join_all((0..2).map(|_| gateway.session())).await;
    for client in &clients {
        echoes(client).await;
    }
    let heard = |server: &SseServer| server.heard_of("tools/call").len();
    assert_eq!([heard(&one), heard(&other)], [1, 1]);

    for stream in 0..one.opened() {
        one.close(stream);
    }
    drop(one);

    for client in &clients {
        within("the stream to be moved", async {
            // A call that was on its way may have been lost.
            while client.call("up__echo", "{}").await.answer()["error"].is_object() {}
        })
        .await;
    }
    assert!(heard(&other) >= 3);
}
