//! `subscriptions/listen`: what a client of 2026-07-28 has in place of the GET stream.

use serde_json::{Value, json};

use crate::{
    pipe,
    support::{Answer, Events, Gate, Gateway, HttpServer, Modern, acknowledged, notification},
};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

async fn next(events: &mut Events) -> Value {
    serde_json::from_str(&events.data().await).unwrap()
}

fn resource(uri: &str) -> String {
    format!(r#"{{"uri":"{uri}","name":"r"}}"#)
}

fn wanted(filter: &Value) -> String {
    json!({"notifications": filter}).to_string()
}

#[tokio::test]
async fn the_first_message_says_what_was_agreed_and_every_message_whose_it_is() {
    let server = HttpServer::with_tools(&["one"]).await;
    server.on("resources/subscribe", |heard| {
        Answer::error(heard, r#"{"code":-32002,"message":"no such"}"#)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = Modern::new(gateway.client());
    for (id, plain) in [("7", json!(7)), (r#""a\/b""#, json!("a/b"))] {
        let filter =
            json!({"toolsListChanged": true, "resourceSubscriptions": ["no://such"], "new": true});
        let mut events = client
            .events(id, "subscriptions/listen", &wanted(&filter))
            .await;
        let first = next(&mut events).await;
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(
            first["params"]["notifications"],
            json!({"toolsListChanged": true})
        );
        assert_eq!(first["params"]["_meta"][SUBSCRIPTION], plain);

        server.offer_tools(&[if id == "7" { "two" } else { "three" }]);
        let changed = notification("notifications/tools/list_changed", "{}");
        server.push_own(&changed).await;
        let told = next(&mut events).await;
        assert_eq!(told["method"], "notifications/tools/list_changed");
        assert_eq!(told["params"]["_meta"][SUBSCRIPTION], plain);
    }
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let server = HttpServer::with_tools(&["one"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = Modern::new(gateway.client());
    let tools = wanted(&json!({"toolsListChanged": true, "promptsListChanged": false}));
    let mut tools = client.events("1", "subscriptions/listen", &tools).await;
    let prompts = wanted(&json!({"promptsListChanged": true}));
    let mut prompts = client.events("2", "subscriptions/listen", &prompts).await;
    assert_eq!(
        next(&mut tools).await["params"]["notifications"],
        json!({"toolsListChanged": true})
    );
    assert_eq!(
        next(&mut prompts).await["params"]["notifications"],
        json!({"promptsListChanged": true})
    );

    server.offer("prompts/list", &[r#"{"name":"p"}"#]);
    server
        .push_own(&notification("notifications/prompts/list_changed", "{}"))
        .await;
    assert_eq!(
        next(&mut prompts).await["method"],
        "notifications/prompts/list_changed"
    );
    server.offer_tools(&["two"]);
    server
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;
    assert_eq!(
        next(&mut tools).await["method"],
        "notifications/tools/list_changed"
    );
    gateway.stop().await;
    assert_eq!(next(&mut prompts).await["id"], 2, "nothing between");
    assert_eq!(next(&mut tools).await["id"], 1, "nothing between");
}

#[tokio::test]
async fn a_listener_without_a_filter_is_refused() {
    let gateway = Gateway::start("").await;
    let reply = Modern::new(gateway.client())
        .ask("1", "subscriptions/listen", "{}")
        .await;
    assert_eq!(reply.error().0, -32602);
}

#[tokio::test]
async fn the_stream_ends_with_an_answer_when_the_gateway_stops() {
    let gateway = Gateway::start("").await;
    let client = Modern::new(gateway.client());
    let mut events = client
        .events(r#""x""#, "subscriptions/listen", &wanted(&json!({})))
        .await;
    next(&mut events).await;
    gateway.stop().await;
    let result = json!({"resultType": "complete", "_meta": {SUBSCRIPTION: "x"}});
    assert_eq!(
        next(&mut events).await,
        json!({"jsonrpc": "2.0", "id": "x", "result": result})
    );
    assert_eq!(events.next().await, None);
}

/// Listens to one resource; gives the stream after the acknowledgement.
async fn listening(gateway: &Gateway, uri: &str) -> Events {
    let client = Modern::new(gateway.client());
    let filter = wanted(&json!({"resourceSubscriptions": [uri]}));
    let mut events = client.events("9", "subscriptions/listen", &filter).await;
    let agreed = next(&mut events).await["params"]["notifications"].clone();
    assert_eq!(agreed, json!({"resourceSubscriptions": [uri]}));
    events
}

fn updated(uri: &str, more: &str) -> String {
    let params = format!(r#"{{"uri":"{uri}","n":1E+2{more}}}"#);
    notification("notifications/resources/updated", &params)
}

fn told(uri: &str) -> Value {
    json!({"uri": uri, "n": 1E+2, "_meta": {SUBSCRIPTION: 9}})
}

#[tokio::test]
async fn a_resource_of_a_remote_server_with_sessions() {
    let server = HttpServer::with_tools(&["t"]).await;
    server.offer("resources/list", &[resource("a://b")]);
    let gateway = Gateway::of(&[("old", &server)]).await;
    // A client with a session is told on its own, and once.
    let session = gateway.session().await;
    session
        .request("resources/subscribe", r#"{"uri":"a://b"}"#)
        .await;
    let theirs = server
        .hears("resources/subscribe")
        .await
        .session()
        .to_owned();
    let mut stream = session.listen().await;
    let mut events = listening(&gateway, "a://b").await;

    server
        .push(&theirs, &updated("a://b", r#","of":"session""#))
        .await;
    assert_eq!(stream.data().await, updated("a://b", r#","of":"session""#));
    server.push_own(&updated("a://b", "")).await;
    assert_eq!(next(&mut events).await["params"], told("a://b"));
    server
        .push(&theirs, &updated("a://b", r#","of":"end""#))
        .await;
    assert_eq!(
        stream.data().await,
        updated("a://b", r#","of":"end""#),
        "and not twice"
    );
}

#[tokio::test]
async fn a_resource_of_a_shared_command() {
    let gateway = Gateway::start(&pipe::server("kid", &[])).await;
    gateway.settled().await;
    let mut events = listening(&gateway, "kid://one").await;
    let lines = json!({"lines": [updated("kid://one", ""), updated("kid://other", "")]});
    let client = gateway.session().await;
    client.call("kid__say", &lines.to_string()).await;
    assert_eq!(next(&mut events).await["params"], told("kid://one"));
    drop(events);
    let arguments = r#"{"contains":"resources/unsubscribe","count":1}"#;
    client.call("kid__received", arguments).await;
}

#[tokio::test]
async fn a_resource_of_a_server_of_the_same_revision() {
    let server = HttpServer::modern(&["t"]).await;
    server.offer("resources/list", &[resource("a://b")]);
    server.on("subscriptions/listen", |heard| {
        let mut said = vec![acknowledged(heard)];
        if !heard.param("notifications")["resourceSubscriptions"].is_null() {
            let mark = format!(r#","_meta":{{"{SUBSCRIPTION}":{}}}"#, heard.id());
            said.push(updated("a://b", &mark));
        }
        Answer::events(said).wait(&Gate::default())
    });
    let gateway = Gateway::of(&[("new", &server)]).await;
    let mut events = listening(&gateway, "a://b").await;
    assert_eq!(next(&mut events).await["params"], told("a://b"));
}

#[tokio::test]
async fn on_a_pipe_streams_stand_side_by_side_and_end_by_word() {
    let server = HttpServer::with_tools(&["one"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let written = Modern::new(gateway.client());
    let mut pipe = gateway.stranger();
    for id in ["1", r#""two""#] {
        let filter = wanted(&json!({"toolsListChanged": true}));
        pipe.say(&written.body(id, "subscriptions/listen", &filter))
            .await;
        let first = pipe.told("notifications/subscriptions/acknowledged").await;
        assert_eq!(first["params"]["_meta"][SUBSCRIPTION].to_string(), id);
    }
    pipe.notify("notifications/cancelled", &json!({"requestId": 1}))
        .await;
    // Both eras on one pipe.
    pipe.initialize("2025-11-25").await;
    pipe.say(&written.body("3", "tools/list", "{}")).await;
    assert_eq!(pipe.answer("3").await["result"]["resultType"], "complete");
    let old = pipe.ask("tools/list", &json!({})).await;
    assert!(old["result"]["resultType"].is_null());

    server.offer_tools(&["two"]);
    server
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;
    let told = [
        pipe.told("notifications/tools/list_changed").await,
        pipe.told("notifications/tools/list_changed").await,
    ];
    let marks = told.map(|told| told["params"]["_meta"][SUBSCRIPTION].clone());
    assert!(
        marks.contains(&json!("two")) && marks.contains(&Value::Null),
        "{marks:?}"
    );
    assert_eq!(pipe.rest().await, [""; 0]);
}
