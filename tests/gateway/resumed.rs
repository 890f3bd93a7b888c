//! A client whose connection breaks in the middle of an answer comes back for the rest.

use http::{Method, StatusCode};

use crate::support::{
    Answer, Client, Event, Events, Gate, Gateway, HttpServer, call, notification,
};

fn progress(number: usize) -> String {
    let params = format!(r#"{{"progressToken":1,"progress":{number}}}"#);
    notification("notifications/progress", &params)
}

/// A call whose answer has begun, and the gates that let the second notification and the answer
/// through.
async fn begun(revision: &str) -> (HttpServer, Gateway, Client, Events, [Gate; 2]) {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.client().open_as(revision).await;
    let gates = [Gate::default(), Gate::default()];
    let held = gates.clone();
    server.on("tools/call", move |request| {
        let answer = Answer::events([request.result(r#"{"content":[]}"#)]);
        let second = Answer::events([progress(2)]).wait(&held[1]).then(answer);
        Answer::events([progress(1)]).wait(&held[0]).then(second)
    });
    let events = client.post_events(call("7", "up__echo", "{}")).await;
    (server, gateway, client, events, gates)
}

fn event(stream: &str, number: usize, data: String) -> Option<Event> {
    let id = Some(format!("{stream}-{number}"));
    Some(Event { id, data })
}

/// The number of the stream, which its first event says.
async fn primed(events: &mut Events) -> String {
    let block = events.block().await;
    let id = block
        .strip_prefix("id: ")
        .and_then(|rest| rest.split_once("-0\n"));
    let (stream, rest) = id.unwrap_or_else(|| panic!("no id of a start: {block}"));
    assert_eq!(rest, "retry: 1000\ndata: ");
    stream.to_owned()
}

#[tokio::test]
async fn what_a_client_missed_of_an_answer_is_there_when_it_comes_back() {
    let (_server, _gateway, client, mut events, gates) = begun("2025-11-25").await;
    let stream = primed(&mut events).await;
    assert_eq!(events.next().await, event(&stream, 1, progress(1)));
    drop(events);
    gates.iter().for_each(Gate::open);

    let last = format!("{stream}-1");
    let mut events = client.clone().with("last-event-id", &last).listen().await;

    assert_eq!(events.next().await, event(&stream, 2, progress(2)));
    let answer = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#.to_owned();
    assert_eq!(events.next().await, event(&stream, 3, answer));
    assert_eq!(events.next().await, None, "the answer is the last");
}

#[tokio::test]
async fn an_answer_that_was_sent_is_kept_for_a_client_it_did_not_reach() {
    let (_server, _gateway, client, mut events, gates) = begun("2025-11-25").await;
    gates.iter().for_each(Gate::open);
    let last = format!("{}-2", primed(&mut events).await);
    while events.next().await.is_some() {}

    let mut again = client.with("last-event-id", &last).listen().await;

    assert!(again.data().await.contains(r#""id":7"#));
    assert_eq!(again.next().await, None);
}

#[tokio::test]
async fn a_stream_that_there_is_not_cannot_be_come_back_to() {
    let gateway = Gateway::start("").await;
    let client = gateway.session().await.with("last-event-id", "12-1");

    let refused = client.ask(Method::GET, "").await;

    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let (code, words) = refused.error();
    assert_eq!(code, -32000);
    assert!(words.contains("Last-Event-ID"), "{words}");
}

#[tokio::test]
async fn nobody_reads_the_answer_of_another_session() {
    let (_server, gateway, _client, mut events, _gates) = begun("2025-11-25").await;
    let last = format!("{}-0", primed(&mut events).await);

    let stranger = gateway.session().await.with("last-event-id", &last);

    let refused = stranger.ask(Method::GET, "").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_client_that_came_back_goes_on_hearing_and_its_call_ends_with_its_session() {
    let (server, _gateway, client, mut events, gates) = begun("2025-11-25").await;
    let last = format!("{}-1", primed(&mut events).await);
    drop(events);
    let mut events = client.clone().with("last-event-id", &last).listen().await;
    gates[0].open();
    assert_eq!(events.data().await, progress(2));

    client.ask(Method::DELETE, "").await;

    assert_eq!(events.next().await, None);
    server.hears_delete().await;
}

#[tokio::test]
async fn a_client_that_cannot_come_back_gets_no_event_ids() {
    let (_server, _gateway, _client, mut events, gates) = begun("2025-06-18").await;
    gates.iter().for_each(Gate::open);

    let ids = [
        events.next().await,
        events.next().await,
        events.next().await,
    ];

    assert!(ids.into_iter().all(|event| event.unwrap().id.is_none()));
}

#[tokio::test]
async fn a_server_that_sends_us_away_makes_the_answer_one_to_come_back_for() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    server.on("tools/call", |_| {
        Answer::body(200, "text/event-stream", "id: x\nretry: 1\ndata: \n\n")
    });

    let mut events = client.post_events(call("7", "up__echo", "{}")).await;

    primed(&mut events).await;
}
