//! Every answer belongs to its question, whatever ids the clients use.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Gate, Gateway, HttpServer, call};

const SESSIONS: usize = 64;
const CALLS: usize = 200;
/// Calls of one session under way at once.
const AT_ONCE: usize = 10;

/// Calls one tool after the other; each argument is used once in the whole test.
async fn ask_all(client: Client, session: usize, calls: usize, tools: &[&str]) {
    let ask = async |number: usize| {
        let tool = tools[number % tools.len()];
        let question = format!("{session}/{number}");
        let arguments = json!({ "message": question }).to_string();
        let reply = client
            .post(call(&number.to_string(), tool, &arguments))
            .await;
        let answer = reply.answer();
        assert_eq!(answer["id"], number, "{answer}");
        assert_eq!(answer["result"]["content"][0]["text"], question, "{answer}");
    };
    let numbers: Vec<usize> = (1..=calls).collect();
    for some in numbers.chunks(AT_ONCE) {
        join_all(some.iter().map(|number| ask(*number))).await;
    }
}

/// A server whose `echo` answers in the shape of the example's, each time in another way.
async fn echoing() -> HttpServer {
    let server = HttpServer::with_tools(&["echo"]).await;
    let calls = AtomicUsize::new(0);
    server.on("tools/call", move |heard| {
        let message: &Value = &heard.param("arguments")["message"];
        let result = json!({ "content": [{ "type": "text", "text": message }] }).to_string();
        match calls.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => Answer::result(heard, &result),
            1 => Answer::chunked(heard.result(&result), 16),
            _ => Answer::events([heard.result(&result)]),
        }
    });
    server
}

async fn ask_from_everywhere(gateway: &Gateway, calls: usize, tools: &'static [&'static str]) {
    let clients = join_all((0..SESSIONS).map(|_| gateway.session())).await;
    let asking = clients
        .into_iter()
        .enumerate()
        .map(|(session, client)| tokio::spawn(ask_all(client, session, calls, tools)));
    for asked in join_all(asking).await {
        asked.unwrap();
    }
}

/// Point 3 of "It is done when" of the issue that asked for the data plane.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acceptance_3_of_64_sessions_with_200_calls_every_answer_belongs_to_its_question() {
    let server = echoing().await;
    let stdio = "[servers.child]\ncommand = \"mcpgate\"\nargs = [\"example\"]\n";
    // Its clients open connections ahead of need: how many there may be is not what is tested.
    let room = "[gateway]\nmax_connections = 10000\n";
    let gateway = Gateway::start(&format!("{room}{stdio}{}", server.table("remote"))).await;
    gateway.settled().await;

    ask_from_everywhere(&gateway, CALLS, &["child__echo", "remote__echo"]).await;

    assert_eq!(server.heard_of("tools/call").len(), SESSIONS * CALLS / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_do_ids_cross_at_a_server_that_keeps_no_sessions() {
    let server = echoing().await.without_sessions();
    let gateway = Gateway::of(&[("remote", &server)]).await;

    ask_from_everywhere(&gateway, CALLS / 4, &["remote__echo"]).await;

    assert_eq!(server.heard_of("initialize").len(), 1);
    assert!(
        server
            .heard()
            .iter()
            .all(|heard| heard.session().is_empty())
    );
}

#[tokio::test]
async fn the_same_id_under_way_in_two_sessions_is_answered_to_each_in_any_order() {
    for sessions in [true, false] {
        let mut server = HttpServer::with_tools(&["echo"]).await;
        if !sessions {
            server = server.without_sessions();
        }
        let gateway = Gateway::of(&[("up", &server)]).await;
        let (one, other) = (gateway.session().await, gateway.session().await);
        let gate = Gate::default();
        let held = Arc::new(gate.clone());
        server.on("tools/call", move |heard| {
            let answer = Answer::result(heard, heard.params());
            match heard.param("arguments").as_str() {
                Some("first") => answer.held(&held),
                _ => answer,
            }
        });

        let later = async {
            server.hears("tools/call").await;
            let reply = other.call("up__echo", r#""second""#).await;
            gate.open();
            reply
        };
        let (first, second) = tokio::join!(one.call("up__echo", r#""first""#), later);

        assert_eq!(first.answer()["result"]["arguments"], "first");
        assert_eq!(second.answer()["result"]["arguments"], "second");
    }
}

#[tokio::test]
async fn a_clients_calls_go_to_its_own_session_at_the_server() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let (one, other) = (gateway.session().await, gateway.session().await);

    for client in [&one, &other, &one] {
        client.call("up__echo", "{}").await;
    }

    let calls = server.heard_of("tools/call");
    let [first, second, third] = [0, 1, 2].map(|index: usize| calls[index].session());
    assert_eq!(first, third);
    assert_ne!(first, second);
    assert!(
        !calls.iter().any(|call| call.session() == "s-1"),
        "the gateway's own"
    );
}

#[tokio::test]
async fn the_gateways_own_requests_in_a_clients_session_have_ids_of_their_own() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard| {
        Answer::result(heard, "{}").held(&held)
    });

    let calls = (0..30).map(|id| client.post(call(&id.to_string(), "up__echo", "{}")));
    let set_level = async {
        server
            .nth("all calls", 30, |heard| heard.method() == "tools/call")
            .await;
        client
            .request("logging/setLevel", r#"{"level":"error"}"#)
            .await;
        gate.open();
    };
    tokio::join!(join_all(calls), set_level);

    let calls = server.heard_of("tools/call");
    let ids: Vec<&str> = calls.iter().map(|call| call.id()).collect();
    let set_level = server.hears("logging/setLevel").await;
    assert_eq!(set_level.session(), calls[0].session());
    assert!(!ids.contains(&set_level.id()), "{} crosses", set_level.id());
}
