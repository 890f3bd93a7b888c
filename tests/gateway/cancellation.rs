//! A call that nobody waits for any more is called off where it was made, and nowhere else.

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Client, Gate, Gateway, Heard, HttpServer, call, notification};

const CANCELLED: &str = "notifications/cancelled";

/// A server that answers no call, another one that answers all, and a gateway before both.
/// Its calls time out after `timeout`.
async fn stuck(timeout: &str) -> (HttpServer, HttpServer, Gateway) {
    let stuck = HttpServer::with_tools(&["echo"]).await;
    stuck.on("tools/call", |heard| {
        Answer::result(heard, "{}").held(&Gate::default())
    });
    let other = HttpServer::with_tools(&["echo"]).await;
    let tables = format!("{}timeout = \"{timeout}\"\n", stuck.table("stuck"));
    let gateway = Gateway::start(&(tables + &other.table("other"))).await;
    gateway.settled().await;
    (stuck, other, gateway)
}

/// Makes sure that the other server would have heard of it by now.
async fn assert_untouched(client: &Client, other: &HttpServer) {
    client.call("other__echo", "{}").await;
    assert!(other.heard_of(CANCELLED).is_empty());
}

fn assert_same_call(call: &Heard, cancelled: &Heard) {
    assert_eq!(cancelled.session(), call.session());
    assert_eq!(cancelled.param("requestId"), json!(7));
}

#[tokio::test]
async fn a_clients_cancellation_reaches_the_server_in_the_clients_own_words() {
    let (stuck, other, gateway) = stuck("1m").await;
    let client = gateway.session().await;
    let bystander = gateway.session().await;
    bystander.call("other__echo", "{}").await;
    let words = r#"{ "reason":"caff\u00e8 1E+2", "requestId" : 7 ,"x":[1.0]}"#;

    let cancel = async {
        let call = stuck.hears("tools/call").await;
        let told = client.post(notification(CANCELLED, words)).await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
        call
    };
    let asked = client.post(call("7", "stuck__echo", "{}"));
    let (reply, call) = tokio::join!(asked, cancel);

    assert!(reply.body.is_empty(), "a cancelled call has no answer");
    let cancelled = stuck.hears(CANCELLED).await;
    assert_eq!(cancelled.text(), notification(CANCELLED, words));
    assert_same_call(&call, &cancelled);
    assert_untouched(&client, &other).await;
}

#[tokio::test]
async fn nobody_cancels_the_call_of_another_session() {
    let (stuck, _other, gateway) = stuck("1m").await;
    let (client, stranger) = (gateway.session().await, gateway.session().await);
    stranger.call("other__echo", "{}").await;

    let asked = client.post(call("7", "stuck__echo", "{}"));
    let cancel = async {
        stuck.hears("tools/call").await;
        for stranger in [&stranger, &client] {
            let reason = format!(r#"{{"requestId":7,"reason":"{}"}}"#, stranger.session());
            stranger.post(notification(CANCELLED, &reason)).await;
        }
    };
    tokio::join!(asked, cancel);

    let cancelled = stuck.hears(CANCELLED).await;
    assert_eq!(cancelled.param("reason"), client.session());
}

#[tokio::test]
async fn an_unknown_or_finished_request_cannot_be_cancelled() {
    let (_stuck, other, gateway) = stuck("1m").await;
    let client = gateway.session().await;
    client.call("other__echo", "{}").await;

    for params in [r#"{"requestId":1}"#, r#"{"requestId":"1"}"#, "{}", "[]"] {
        let told = client.post(notification(CANCELLED, params)).await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
    }

    assert_untouched(&client, &other).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_call() {
    let (stuck, other, gateway) = stuck("1m").await;
    let client = gateway.session().await;

    let asking = client.clone();
    let asked = tokio::spawn(async move {
        asking
            .send(Method::POST, call("7", "stuck__echo", "{}"))
            .await
    });
    let call = stuck.hears("tools/call").await;
    asked.abort();

    assert_same_call(&call, &stuck.hears(CANCELLED).await);
    assert_untouched(&client, &other).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_in_mid_stream_and_cannot_come_back_cancels_its_call() {
    let (stuck, other, gateway) = stuck("1m").await;
    let client = gateway.client().open_as("2025-06-18").await;
    let progress = notification(
        "notifications/progress",
        r#"{"progressToken":1,"progress":1}"#,
    );
    let first = progress.clone();
    stuck.on("tools/call", move |_| {
        Answer::events([&first]).wait(&Gate::default())
    });
    let mut events = client.post_events(call("7", "stuck__echo", "{}")).await;
    assert_eq!(events.data().await, progress);
    let call = stuck.hears("tools/call").await;

    drop(events);

    assert_same_call(&call, &stuck.hears(CANCELLED).await);
    assert_untouched(&client, &other).await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled_and_the_error_names_the_setting() {
    let (stuck, other, gateway) = stuck("1s").await;
    let client = gateway.session().await;

    let reply = client.post(call("7", "stuck__echo", "{}")).await;

    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.answer()["id"], 7);
    let (code, words) = reply.error();
    assert_eq!(code, -32001);
    assert!(words.contains("`stuck`"), "{words}");
    assert!(words.contains("[servers.stuck] timeout"), "{words}");
    let call = stuck.hears("tools/call").await;
    assert_same_call(&call, &stuck.hears(CANCELLED).await);
    assert_untouched(&client, &other).await;
}

#[tokio::test]
async fn a_call_that_was_answered_is_never_cancelled() {
    let (_stuck, other, gateway) = stuck("1m").await;
    let client = gateway.session().await;

    client.call("other__echo", "{}").await;
    client.ask(Method::DELETE, "").await;

    other.hears_delete().await;
    assert!(other.heard_of(CANCELLED).is_empty());
}

#[tokio::test]
async fn a_server_without_sessions_is_not_told_of_an_id_that_could_be_anybodys() {
    let server = HttpServer::with_tools(&["echo"]).await.without_sessions();
    server.on("tools/call", |heard| match heard.param("arguments") {
        stuck if stuck == "stuck" => Answer::result(heard, "{}").held(&Gate::default()),
        _ => Answer::result(heard, "{}"),
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    let cancel = async {
        server.hears("tools/call").await;
        let one = notification(CANCELLED, r#"{"requestId":1}"#);
        client.post(one).await;
    };
    tokio::join!(client.call("up__echo", r#""stuck""#), cancel);

    client.call("up__echo", "{}").await;
    assert!(server.heard_of(CANCELLED).is_empty());
}

#[tokio::test]
async fn line_breaks_in_a_cancellation_are_not_lines_to_a_child() {
    let gateway = Gateway::start(&crate::pipe::server("s", &[])).await;
    gateway.settled().await;
    let client = gateway.session().await;
    let asking = client.clone();
    let held = tokio::spawn(async move { asking.post(call("7", "s__hold", "{}")).await });
    let received = |words: &str, count: u8| {
        let arguments = serde_json::json!({"contains": words, "count": count}).to_string();
        let client = client.clone();
        async move { client.call("s__received", &arguments).await.answer() }
    };
    received("hold", 1).await;

    let smuggled = r#"{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"pid"}}"#;
    let params = format!("{{\"requestId\":7,\"x\":\n{smuggled}\n}}");
    client.post(notification(CANCELLED, &params)).await;

    let told = received(CANCELLED, 1).await;
    let lines = &told["result"]["structuredContent"]["lines"];
    assert!(lines[0].as_str().unwrap().contains(smuggled), "{lines}");
    held.await.unwrap();
}
