//! The end: calls in flight finish, everything else closes, and the exit code says how it went.

use std::{fs, path::Path};

use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    Answer, Client, Gate, Gateway, HttpServer, Modern, Running, call, folder, within,
};

/// A server whose tool `slow` answers when the gate opens.
async fn slow() -> (HttpServer, Gate) {
    let server = HttpServer::with_tools(&["slow"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard| {
        Answer::result(heard, r#"{"content":[]}"#).held(&held)
    });
    (server, gate)
}

fn config(server: &HttpServer, drain: &str) -> String {
    let table = server.table("up");
    format!("[gateway]\ndrain = '{drain}'\n[audit]\nfile = 'audit.jsonl'\n{table}")
}

fn audited(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// A call that nobody may answer.
fn call_meanwhile(client: Client) -> JoinHandle<()> {
    tokio::spawn(async move {
        let call = call("1", "up__slow", "{}");
        drop(client.send(http::Method::POST, call).await);
    })
}

const DRAINING: &str = "no longer listening";

#[tokio::test]
async fn a_call_in_flight_at_sigterm_ends_well_and_leaves_its_record() {
    let (server, gate) = slow().await;
    let folder = folder(&config(&server, "1h"), &[]);
    let mut running = Running::start(folder.path()).await;
    let client = running.client().open().await;
    let mut stream = client.listen().await;
    let idle = running.client();
    idle.open().await;

    let calling = client.clone();
    let called = tokio::spawn(async move { calling.call("up__slow", "{}").await });
    server.hears("tools/call").await;
    running.signal("TERM").await;
    running.says(DRAINING).await;

    let address = running.url.trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(address).await.is_err(), "it listens");
    // Its end: so that clients reconnect.
    while stream.next().await.is_some() {}
    gate.open();
    let answer = called.await.unwrap().answer();
    assert!(answer["result"]["content"].is_array(), "{answer}");
    assert_eq!(running.ended().await.code(), Some(0));
    let records = audited(folder.path());
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&records[0]["tool"], &records[0]["outcome"]),
        (&"slow".into(), &"ok".into())
    );
}

#[tokio::test]
async fn an_answer_that_streams_at_sigterm_goes_on_to_its_end() {
    let server = HttpServer::with_tools(&["slow"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard| {
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}"#;
        let answer = Answer::events([heard.result(r#"{"content":[]}"#)]);
        Answer::events([progress]).wait(&held).then(answer)
    });
    let folder = folder(&config(&server, "1h"), &[]);
    let mut running = Running::start(folder.path()).await;
    let client = running.client().open().await;

    let params = r#"{"name":"up__slow","_meta":{"progressToken":7}}"#;
    let asked = crate::support::request("1", "tools/call", params);
    let mut answer = client.post_events(asked).await;
    assert!(answer.data().await.contains("progress"));
    running.signal("INT").await;
    running.says(DRAINING).await;
    gate.open();

    assert!(answer.data().await.contains("content"));
    assert_eq!(running.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_call_that_outlasts_the_drain_is_cut_off_and_leaves_its_record() {
    let (server, _gate) = slow().await;
    let folder = folder(&config(&server, "50ms"), &[]);
    let mut running = Running::start(folder.path()).await;
    let client = running.client().open().await;

    let calling = call_meanwhile(client);
    server.hears("tools/call").await;
    running.signal("TERM").await;

    assert_eq!(running.ended().await.code(), Some(0));
    assert!(calling.await.is_err(), "it is not answered");
    let words = "calls in flight are cut off: they took longer than 50ms ([gateway] drain)";
    assert!(running.said().contains(words), "{}", running.said());
    assert_eq!(audited(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let (server, _gate) = slow().await;
        let folder = folder(&config(&server, "1h"), &[]);
        let mut running = Running::start(folder.path()).await;
        let client = running.client().open().await;
        let calling = call_meanwhile(client);
        server.hears("tools/call").await;
        running.signal("TERM").await;
        running.says(DRAINING).await;

        running.signal(name).await;

        assert_eq!(running.ended().await.code(), Some(128 + number));
        calling.abort();
    }
}

#[tokio::test]
async fn a_stream_that_begins_while_the_gateway_stops_ends_at_once() {
    let gateway = Gateway::start("").await;
    let client = gateway.session().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let until = CancellationToken::new();
    let serving = gateway.serve_until(listener, until.clone());
    until.cancel();
    within("the end of one listener", serving)
        .await
        .unwrap()
        .unwrap();

    let (late, modern) = (gateway.session().await, Modern::new(gateway.client()));
    for client in [client, late] {
        assert_eq!(client.listen().await.next().await, None);
    }
    let mut events = modern
        .events("1", "subscriptions/listen", r#"{"notifications":{}}"#)
        .await;
    assert!(events.data().await.contains("acknowledged"));
    assert!(events.data().await.contains("complete"));
    assert_eq!(events.next().await, None);
    // Without an address: its client asks for the stream again.
    let legacy = gateway.client().at("/sse").ask(http::Method::GET, "").await;
    assert_eq!((legacy.status.as_u16(), legacy.text()), (200, ":\n\n"));
    gateway.stop().await;
}
