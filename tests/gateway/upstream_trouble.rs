//! A server in trouble costs its own callers an error, and nobody else anything.

use http::StatusCode;
use serde_json::json;

use crate::support::{
    Answer, Gate, Gateway, Heard, HttpServer, Reserved, call, notification, tool,
};

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_missing_alone_and_joins_when_it_is_up() {
    let (up, late) = (HttpServer::with_tools(&["echo"]).await, Reserved::new());
    let gateway = Gateway::start(&(late.table("late") + &up.table("up"))).await;
    gateway.settled().await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    assert_eq!(client.list("tools").await, ["up__echo"]);
    let missing = client.call("late__echo", "{}").await;
    assert_eq!(missing.error().0, -32602, "unknown until it joins");

    let late = late.serve();
    late.offer_tools(&["echo"]);

    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    assert_eq!(stream.data().await, changed);
    assert_eq!(client.list("tools").await, ["late__echo", "up__echo"]);
    let reply = client.call("late__echo", "{}").await;
    assert_eq!(reply.answer()["result"]["name"], "echo");
}

#[tokio::test]
async fn a_server_that_does_not_answer_at_the_start_holds_nobody_up() {
    let (up, stuck) = (
        HttpServer::with_tools(&["echo"]).await,
        HttpServer::with_tools(&["echo"]).await,
    );
    stuck.on("initialize", |heard| {
        Answer::result(heard, "{}").held(&Gate::default())
    });
    let first_list_wait = "[gateway]\nfirst_list_wait = \"1s\"\n";
    let gateway = Gateway::start(&format!(
        "{first_list_wait}{}{}",
        stuck.table("stuck"),
        up.table("up")
    ))
    .await;

    let client = gateway.session().await;

    let reply = client.call("up__echo", "{}").await;
    assert_eq!(reply.answer()["result"]["name"], "echo");
    assert_eq!(client.list("tools").await, ["up__echo"]);
}

#[tokio::test]
async fn the_first_list_waits_for_servers_that_are_connecting() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/list", move |heard| {
        let tools = format!(r#"{{"tools":[{}]}}"#, tool("echo"));
        Answer::result(heard, &tools).held(&held)
    });
    let gateway = Gateway::start(&server.table("up")).await;
    let client = gateway.session().await;

    let open = async {
        server.hears("tools/list").await;
        gate.open();
    };
    let (tools, ()) = tokio::join!(client.list("tools"), open);

    assert_eq!(tools, ["up__echo"]);
}

/// Trap: A session that the server has forgotten, used for ever.
#[tokio::test]
async fn a_forgotten_session_is_opened_again_once_and_the_call_is_answered() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await;
    let before = server.hears("tools/call").await.session().to_owned();

    server.forget(&before);
    let reply = client
        .post(call(r#""same id""#, "up__echo", r#"{"x":1}"#))
        .await;

    assert_eq!(reply.answer()["result"]["arguments"]["x"], 1);
    assert_eq!(reply.answer()["id"], "same id");
    let calls = server.heard_of("tools/call");
    let sessions: Vec<&str> = calls.iter().map(|call| call.session()).collect();
    assert_eq!(sessions, [&before, &before, "s-3"]);
    assert_eq!(calls[1].body, calls[2].body);
    assert_eq!(server.heard_of("initialize").len(), 3);
}

#[tokio::test]
async fn a_server_that_forgets_the_gateways_own_session_is_joined_again() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;

    server.forget("s-1");
    server.offer_tools(&["b"]);
    let news = notification("notifications/tools/list_changed", "{}");
    server.push_own(&news).await;

    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    assert_eq!(stream.data().await, changed);
    assert_eq!(client.list("tools").await, ["up__b"]);
    let fetch = server.heard_of("tools/list").pop().unwrap();
    assert_eq!(fetch.session(), "s-2");
}

#[tokio::test]
async fn calls_that_find_the_session_forgotten_together_open_one_new_one() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await;
    let before = server.hears("tools/call").await.session().to_owned();

    server.forget(&before);
    let calls = (2..12).map(|id| client.post(call(&id.to_string(), "up__echo", "{}")));
    let replies = futures_util::future::join_all(calls).await;

    assert!(
        replies
            .iter()
            .all(|reply| reply.answer()["result"]["name"] == "echo")
    );
    assert_eq!(server.heard_of("initialize").len(), 3);
}

#[tokio::test]
async fn a_server_that_forgets_twice_in_a_row_is_an_error_that_says_so() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    server.on("tools/call", |_| Answer::status(404));

    let reply = client.call("up__echo", "{}").await;

    assert_eq!(reply.status, StatusCode::OK);
    let (_, words) = reply.error();
    assert!(
        words.contains("`up`") && words.contains("forgets the session"),
        "{words}"
    );
    assert_eq!(server.heard_of("tools/call").len(), 2);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_that_names_the_server() {
    let (bad, good) = (
        HttpServer::with_tools(&["echo"]).await,
        HttpServer::with_tools(&["echo"]).await,
    );
    let gateway = Gateway::of(&[("bad", &bad), ("good", &good)]).await;
    let client = gateway.session().await;
    let note = notification("notifications/message", r#"{"level":"info","data":1}"#);

    type Send = fn(String) -> Answer;
    let ways: [(Send, &str); 11] = [
        (|_| Answer::status(500), "HTTP 500"),
        (|_| Answer::body(503, "text/html", "<html>"), "HTTP 503"),
        (
            |_| Answer::body(401, "application/json", r#"{"error":"invalid_token"}"#),
            "HTTP 401",
        ),
        (|_| Answer::status(202), "without an answer"),
        (|_| Answer::body(200, "text/html", "<html>"), "text/html"),
        (|_| Answer::json("garbage"), "not JSON"),
        (|_| Answer::json(""), "not JSON"),
        (
            |_| Answer::json(r#"{"jsonrpc":"2.0","method":"x"}"#),
            "not a response",
        ),
        (
            |_| Answer::json(r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#),
            "not a JSON-RPC",
        ),
        (|note| Answer::events([note]), "ended before the answer"),
        (|_| Answer::events(["garbage"]), "ended before the answer"),
    ];
    for (way, words) in ways {
        let note = note.clone();
        bad.on("tools/call", move |_| way(note.clone()));
        let reply = client.call("bad__echo", "{}").await;
        assert_eq!(reply.status, StatusCode::OK, "{words}");
        let error = reply.answer()["error"].clone();
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("`bad`") && message.contains(words),
            "{message}"
        );
        assert_eq!(error["data"]["server"], "bad");
        let other = client.call("good__echo", "{}").await;
        assert_eq!(other.answer()["result"]["name"], "echo");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_mid_answer_is_an_error_that_names_the_server() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    type Send = fn() -> Answer;
    let ways: [Send; 2] = [
        || Answer::json(r#"{"jsonrpc""#).breaking(),
        || Answer::events(["{}"]).breaking(),
    ];

    for way in ways {
        server.on("tools/call", move |_| way());
        let reply = client.call("up__echo", "{}").await;
        assert_eq!(reply.status, StatusCode::OK);
        let (code, words) = reply.error();
        assert_eq!(code, -32000);
        assert!(words.contains("`up` stopped during the call"), "{words}");
    }
}

#[tokio::test]
async fn an_error_in_a_bad_status_is_the_servers_answer_all_the_same() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let error = r#"{"code":-32010,"message":"own words","data":[1.0]}"#;
    server.on("tools/call", move |heard| {
        Answer::body(400, "application/json", heard.error(error))
    });

    let reply = client.call("up__echo", "{}").await;

    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.text(),
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#)
    );
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_for_its_callers_alone() {
    let (gone, stays) = (
        HttpServer::with_tools(&["echo"]).await,
        HttpServer::with_tools(&["echo"]).await,
    );
    let gateway = Gateway::of(&[("gone", &gone), ("stays", &stays)]).await;
    let client = gateway.session().await;
    client.call("gone__echo", "{}").await;

    drop(gone);

    let reply = client.call("gone__echo", "{}").await;
    assert_eq!(reply.status, StatusCode::OK);
    let error = &reply.answer()["error"];
    assert_eq!(
        (&error["code"], &error["data"]["server"]),
        (&json!(-32000), &json!("gone"))
    );
    let reply = client.call("stays__echo", "{}").await;
    assert_eq!(reply.answer()["result"]["name"], "echo");
    assert_eq!(client.list("tools").await, ["gone__echo", "stays__echo"]);
}

#[tokio::test]
async fn what_a_server_asks_is_declined_and_the_call_goes_on() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    server.on("tools/call", |heard| {
        let ping = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#.to_owned();
        let ask = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#.to_owned();
        Answer::events([ping, ask, heard.result("{}")])
    });

    let reply = client.call("up__echo", "{}").await;

    assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    let to = |id: &'static str| move |heard: &Heard| heard.id() == id;
    let pong = server.nth("pong", 1, to(r#""p""#)).await;
    assert!(pong.text().contains(r#""result":{}"#));
    let declined = server.nth("an answer", 1, to(r#""q""#)).await;
    assert!(declined.text().contains("-32601"));
}
