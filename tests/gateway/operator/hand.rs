//! What servers, calls and lists go through when an operator restarts or disables a server.

use std::sync::Arc;

use http::{Method, StatusCode};
use mcpgate::{forward::Server, pipeline::Plan};
use serde_json::{Value, json};

use crate::{
    pipe,
    support::{Answer, Gate, Gateway, HttpServer, notification, within},
};

fn server(plan: &Plan, name: &str) -> Arc<Server> {
    let mut servers = plan.servers.iter();
    let found = servers.find(|(known, _)| known.as_str() == name);
    found.unwrap().1.clone()
}

fn of(gateway: &Gateway, name: &str) -> Arc<Server> {
    server(&gateway.pipeline().plan(), name)
}

#[tokio::test]
async fn a_call_in_flight_hears_that_an_operator_restarted_the_server() {
    let gate = pipe::Gate::start(&pipe::server("s", &[])).await;
    let mut client = gate.client().await;
    let before = client.text("s__pid", json!({})).await;
    let lost = client.begin_call("s__hold", json!({})).await;
    client.received("s", r#""name":"hold""#, 1).await;

    let restarted = server(&gate.plan(), "s").restart().await.unwrap();

    assert_eq!((restarted.state, restarted.restarts), ("up", 1));
    let error = &client.answer(&lost).await["error"];
    assert_eq!(error["code"], -32000);
    assert_eq!(
        error["message"],
        "server `s` stopped during the call: an operator restarted it"
    );
    let after = client.text("s__pid", json!({})).await;
    assert_ne!(after, before);
    pipe::gone(before.parse().unwrap()).await;
    gate.stop().await;
}

#[tokio::test]
async fn a_restart_ends_the_processes_of_every_session_too() {
    let table = format!("{}scope = 'session'\n", pipe::server("s", &[]));
    let gate = pipe::Gate::start(&table).await;
    let mut clients = [gate.client().await, gate.client().await];
    let mut before = Vec::new();
    for client in &mut clients {
        before.push(client.text("s__pid", json!({})).await);
    }

    server(&gate.plan(), "s").restart().await.unwrap();

    for (client, before) in clients.iter_mut().zip(&before) {
        assert!(!pipe::alive(before.parse().unwrap()), "it is gone by now");
        assert_ne!(client.text("s__pid", json!({})).await, *before);
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_restart_of_a_remote_server_ends_its_sessions_and_opens_new_ones() {
    let remote = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &remote)]).await;
    let client = gateway.session().await;
    client.call("up__a", "{}").await;

    of(&gateway, "up").restart().await.unwrap();

    assert_eq!(client.call("up__a", "{}").await.status, StatusCode::OK);
    let ended: Vec<String> = remote
        .heard()
        .iter()
        .filter(|heard| heard.verb == Method::DELETE)
        .map(|heard| heard.session().to_owned())
        .collect();
    assert!(
        ended.contains(&"s-1".to_owned()) && ended.contains(&"s-2".to_owned()),
        "{ended:?}"
    );
    assert_eq!(remote.heard_of("initialize").len(), 4);
}

#[tokio::test]
async fn a_call_in_flight_to_a_remote_server_is_answered_if_the_server_still_does() {
    let remote = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &remote)]).await;
    let client = gateway.session().await;
    let held = Gate::default();
    let hold = held.clone();
    remote.on("tools/call", move |heard| {
        Answer::result(heard, r#"{"late":true}"#).held(&hold)
    });
    let calls = client.clone();
    let call = tokio::spawn(async move { calls.call("up__a", "{}").await });
    remote.hears("tools/call").await;

    of(&gateway, "up").restart().await.unwrap();
    held.open();

    let answer = within("the answer", call).await.unwrap().answer();
    assert_eq!(answer["result"]["late"], true, "{answer}");
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again_at_once() {
    let remote = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &remote)]).await;
    let away = remote.leaves().await;
    gateway.loses("up").await;
    let _remote = away.serve();

    let state = within("the restart", of(&gateway, "up").restart()).await;

    assert_eq!(state.unwrap().state, "up");
    let client = gateway.session().await;
    assert_eq!(client.list("tools").await, ["up__a"]);
}

#[tokio::test]
async fn a_disabled_server_is_as_if_it_were_not_there() {
    let (a, b) = (
        HttpServer::with_tools(&["x"]).await,
        HttpServer::with_tools(&["y"]).await,
    );
    let tables = [a.table("a"), "required = true\n".to_owned(), b.table("b")];
    let gateway = Gateway::start(&tables.concat()).await;
    gateway.settled().await;
    let client = gateway.session().await;

    assert_eq!(of(&gateway, "a").disable().await.state, "disabled");

    assert_eq!(client.list("tools").await, ["b__y"]);
    let (code, words) = client.call("a__x", "{}").await.error();
    let never = client.call("a__z", "{}").await.error();
    assert_eq!((code, words.replace("a__x", "a__z")), never);
    let ready = gateway.client().at("/readyz").ask(Method::GET, "").await;
    assert_eq!(ready.status, StatusCode::OK);
    let health = gateway.client().at("/health").ask(Method::GET, "").await;
    let health: Value = serde_json::from_slice(&health.body).unwrap();
    assert_eq!(health["status"], "ok");
    let told = &health["servers"]["a"];
    assert_eq!(
        (&told["state"], &told["disabled"]),
        (&json!("disabled"), &json!(true))
    );

    assert_eq!(of(&gateway, "a").enable().await.state, "up");
    assert_eq!(client.list("tools").await, ["a__x", "b__y"]);
    assert_eq!(
        client.call("a__x", "{}").await.answer()["result"]["name"],
        "x"
    );
}

#[tokio::test]
async fn only_those_are_told_of_a_disabled_server_who_saw_it() {
    let (a, b) = (
        HttpServer::with_tools(&["x"]).await,
        HttpServer::with_tools(&["y"]).await,
    );
    let gateway = Gateway::of(&[("a", &a), ("b", &b)]).await;
    let open = async |path: &str| gateway.client().at(path).open().await;
    let (sees, sees_not) = (open("/s/a/mcp").await, open("/s/b/mcp").await);
    let (mut told, mut not_told) = (sees.listen().await, sees_not.listen().await);
    let changed =
        |list: &str| format!(r#"{{"jsonrpc":"2.0","method":"notifications/{list}/list_changed"}}"#);

    of(&gateway, "a").disable().await;
    assert_eq!(told.data().await, changed("tools"));
    assert!(sees.list("tools").await.is_empty());
    of(&gateway, "a").enable().await;
    assert_eq!(told.data().await, changed("tools"));
    assert_eq!(sees.list("tools").await, ["x"]);

    b.offer("prompts/list", &[r#"{"name":"p"}"#]);
    b.push_own(&notification("notifications/prompts/list_changed", "{}"))
        .await;
    assert_eq!(
        not_told.data().await,
        changed("prompts"),
        "the first it hears"
    );
}

#[tokio::test]
async fn a_server_that_hangs_at_its_start_can_be_disabled_and_nobody_waits_for_it_any_more() {
    let mute = HttpServer::with_tools(&["x"]).await;
    let held = Gate::default();
    let hold = held.clone();
    mute.on("initialize", move |heard| {
        Answer::result(heard, "{}").held(&hold)
    });
    let servers = format!("[gateway]\nfirst_list_wait = '1h'\n{}", mute.table("mute"));
    let gateway = Gateway::start(&servers).await;
    mute.hears("initialize").await;

    let state = within("the order", of(&gateway, "mute").disable()).await;

    assert_eq!(state.state, "disabled");
    gateway.settled().await;
    assert!(gateway.session().await.list("tools").await.is_empty());
    held.open();
    gateway.stop().await;
}

#[tokio::test]
async fn the_journal_of_a_remote_server_has_what_became_of_its_connection() {
    let remote = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &remote)]).await;
    let away = remote.leaves().await;
    gateway.loses("up").await;
    let _remote = away.serve();
    of(&gateway, "up").restart().await.unwrap();

    let lines = of(&gateway, "up").journal().read(usize::MAX).take().lines;
    let words: Vec<&str> = lines
        .iter()
        .map(|line| line.split_once(" mcpgate: ").unwrap().1)
        .collect();
    assert_eq!(words[0], "server is up: fake 1, 2025-11-25, 1 tools");
    assert!(words[1].starts_with("server is down: "), "{words:?}");
    let last = [
        "an operator restarted it",
        "server is up: fake 1, 2025-11-25, 1 tools",
    ];
    assert!(words.ends_with(&last), "{words:?}");
}
