//! A session's GET stream: one at a time, and nothing lost or told twice over a reconnect.

use http::{Method, StatusCode};

use crate::support::{Client, Event, Gateway, HttpServer, notification};

/// A client with a session at the server too, and the server's id for it.
async fn joined(gateway: &Gateway, server: &HttpServer) -> (Client, String) {
    let client = gateway.session().await;
    client.call("up__echo", "{}").await;
    let kept = server.hears("tools/call").await.session().to_owned();
    (client, kept)
}

fn news(number: usize) -> String {
    notification(
        "notifications/message",
        &format!(r#"{{"level":"info","data":{number}}}"#),
    )
}

fn event(number: usize) -> Option<Event> {
    Some(Event {
        id: Some(number.to_string()),
        data: news(number),
    })
}

#[tokio::test]
async fn a_second_stream_replaces_the_first_and_goes_on_where_that_stopped() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (client, kept) = joined(&gateway, &server).await;
    let mut first = client.listen().await;
    server.push(&kept, &news(1)).await;
    assert_eq!(first.next().await, event(1));

    let mut second = client.listen().await;

    assert_eq!(first.next().await, None);
    server.push(&kept, &news(2)).await;
    assert_eq!(second.next().await, event(2));
}

#[tokio::test]
async fn last_event_id_replays_what_was_missed_and_nothing_else() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (client, kept) = joined(&gateway, &server).await;
    let mut first = client.listen().await;
    for number in 1..=3 {
        server.push(&kept, &news(number)).await;
        assert_eq!(first.next().await, event(number));
    }
    drop(first);

    let mut newest = 3;
    for (last, missed) in [("1", 2..4), ("4", 5..5), ("0", 1..6), ("99", 7..7)] {
        let mut stream = client.clone().with("last-event-id", last).listen().await;
        for number in missed {
            assert_eq!(stream.next().await, event(number), "after {last}");
        }
        newest += 1;
        server.push(&kept, &news(newest)).await;
        assert_eq!(stream.next().await, event(newest), "after {last}");
    }
}

#[tokio::test]
async fn what_came_while_no_stream_was_open_waits_for_one() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (client, kept) = joined(&gateway, &server).await;

    server.push(&kept, &news(1)).await;
    server.push(&kept, &news(2)).await;
    let mut stream = client.listen().await;

    assert_eq!(stream.next().await, event(1));
    assert_eq!(stream.next().await, event(2));
}

#[tokio::test]
async fn a_stream_is_never_of_another_session() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, kept) = joined(&gateway, &server).await;
    let other = gateway.session().await;
    other.call("up__echo", "{}").await;
    let others = &server.heard_of("tools/call")[1];
    let (mut one, mut other) = (one.listen().await, other.listen().await);

    server.push(&kept, &news(1)).await;
    server.push(others.session(), &news(2)).await;

    assert_eq!(one.data().await, news(1));
    assert_eq!(other.data().await, news(2));
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let gateway = Gateway::start("").await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;

    client.ask(Method::DELETE, "").await;

    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_stream_ends_when_the_gateway_stops() {
    let gateway = Gateway::start("").await;
    let mut stream = gateway.session().await.listen().await;

    let (event, ()) = tokio::join!(stream.next(), gateway.stop());

    assert_eq!(event, None);
}

/// Trap: A stream without heartbeat, or held back by a proxy.
#[tokio::test]
async fn a_stream_passes_proxies_unbuffered_and_shows_at_once_that_it_works() {
    let gateway = Gateway::start("").await;
    let client = gateway.session().await;

    let response = client.send(Method::GET, "").await;

    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    let first = http_body_util::BodyExt::frame(&mut response.into_body()).await;
    assert_eq!(first.unwrap().unwrap().into_data().unwrap(), ":\n\n");
}

#[tokio::test]
async fn where_there_is_no_stream_to_give_get_is_answered_with_405() {
    let gateway = Gateway::start("").await;

    let no_session = gateway.client().ask(Method::GET, "").await;
    let no_events = gateway.session().await.without("accept");
    let no_events = no_events.with("accept", "application/json");

    assert_eq!(no_session.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(no_session.header("allow"), "GET, POST, DELETE");
    let no_events = no_events.ask(Method::GET, "").await;
    assert_eq!(no_events.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// Trap: A GET answered with 5xx.
#[tokio::test]
async fn whatever_a_get_asks_for_it_is_not_answered_with_5xx() {
    // The only server there is is down, and there is room for one session.
    let down = "[gateway]\nmax_sessions = 1\n[servers.down]\ncommand = \"false\"\n";
    let gateway = Gateway::start(down).await;
    gateway.settled().await;
    let client = gateway.session().await;
    let stranger = gateway.client();
    let unknown = stranger.clone().with("mcp-session-id", &"0".repeat(32));

    let streams = [
        client.clone(),
        client.clone().with("last-event-id", "7"),
        client.clone().with("last-event-id", "no number"),
    ];
    for client in &streams {
        assert_eq!(client.send(Method::GET, "").await.status(), StatusCode::OK);
    }
    for client in [
        stranger.clone(),
        unknown,
        client.clone().with("last-event-id", "9-9"),
        client.clone().at("/s/down/mcp"),
        client.at("/v/none/mcp"),
        stranger.clone().at("/messages"),
        stranger.at("/nowhere"),
    ] {
        let status = client.send(Method::GET, "").await.status();
        assert!(status.is_client_error(), "{status}");
    }
}
