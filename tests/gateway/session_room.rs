//! Where there are too many sessions, those go that nobody uses.

use http::{Method, StatusCode};

use crate::support::{Client, Gateway, Heard, HttpServer, initialize};

async fn pinged(client: &Client) -> StatusCode {
    client.request("ping", "{}").await.status
}

#[tokio::test]
async fn a_caller_with_too_many_sessions_loses_its_own_that_is_idle_for_longest() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let servers = format!(
        "[gateway]\nmax_sessions_per_caller = 2\n{}",
        server.table("up")
    );
    let gateway = Gateway::with_keys(&servers, &[("alice", "a-key"), ("bob", "b-key")]).await;
    gateway.settled().await;
    let alice = || gateway.client().with("x-api-key", "a-key").open();
    let bob = gateway.client().with("x-api-key", "b-key").open().await;
    let (first, second) = (alice().await, alice().await);
    second.call("up__echo", "{}").await;
    let kept = server.hears("tools/call").await.session().to_owned();
    let stream = first.listen().await;

    let third = alice().await;

    assert_eq!(pinged(&second).await, StatusCode::NOT_FOUND);
    assert_eq!(pinged(&first).await, StatusCode::OK, "its stream is open");
    assert_eq!(pinged(&third).await, StatusCode::OK);
    assert_eq!(pinged(&bob).await, StatusCode::OK, "somebody else");
    let farewell = |heard: &Heard| heard.verb == Method::DELETE && heard.session() == kept;
    server.nth("the farewell", 1, farewell).await;
    drop(stream);
}

#[tokio::test]
async fn a_caller_all_of_whose_sessions_are_in_use_gets_no_other_one() {
    let config = "[gateway]\nmax_sessions_per_caller = 1";
    let gateway = Gateway::with_keys(config, &[("alice", "a-key")]).await;
    let alice = gateway.client().with("x-api-key", "a-key");
    let client = alice.clone().open().await;
    let _stream = client.listen().await;

    let refused = alice.post(initialize("2025-11-25")).await;

    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.error().1.contains("max_sessions_per_caller"));
    assert_eq!(pinged(&client).await, StatusCode::OK);
}

#[tokio::test]
async fn strangers_do_not_end_each_others_sessions_as_if_they_were_one_caller() {
    let gateway = Gateway::start("[gateway]\nmax_sessions_per_caller = 1").await;
    let one = gateway.session().await;
    let other = gateway.session().await;

    assert_eq!(pinged(&one).await, StatusCode::OK);
    assert_eq!(pinged(&other).await, StatusCode::OK);
}

/// Trap: Sessions without end and without number.
#[tokio::test]
async fn a_session_too_many_is_refused_with_503_until_another_ends() {
    let gateway = Gateway::start("[gateway]\nmax_sessions = 2").await;
    let first = gateway.session().await;
    gateway.session().await;

    let full = gateway.client().post(initialize("2025-11-25")).await;

    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.error().1.contains("max_sessions"));
    first.ask(Method::DELETE, "").await;
    gateway.session().await;
}
