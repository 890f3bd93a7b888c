//! What bounds which part of a call to a remote server, and that a refusal names it.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use tokio::net::TcpListener;

use crate::support::{Answer, Gate, Gateway, HttpServer, call, within};

#[tokio::test]
async fn a_connection_that_never_comes_about_is_given_up_by_dial_timeout() {
    // It takes connections and never says a word, so that TLS does not get anywhere.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let table = format!("[servers.up]\nurl = \"https://{address}/mcp\"\ndial_timeout = \"20ms\"\n");

    let gateway = Gateway::start(&table).await;
    gateway.settled().await;

    let error = gateway.state("up").error.unwrap();
    assert!(
        error.contains("within 20ms ([servers.up] dial_timeout)"),
        "{error}"
    );
}

#[tokio::test]
async fn the_first_byte_of_an_answer_and_each_silence_in_it_are_bounded_by_timeout() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let table = server.table("up") + "timeout = \"50ms\"\n";
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let client = gateway.session().await;

    type Way = fn() -> Answer;
    let ways: [Way; 3] = [
        || Answer::status(200).held(&Gate::default()),
        || Answer::json(r#"{"jsonrpc""#).wait(&Gate::default()),
        || Answer::events(["{}"]).wait(&Gate::default()),
    ];
    for way in ways {
        server.on("tools/call", move |_| way());
        let reply = client.call("up__echo", "{}").await;
        let (code, words) = reply.error();
        assert_eq!(code, -32001);
        assert!(words.contains("[servers.up] timeout)"), "{words}");
    }
}

#[tokio::test]
async fn a_large_answer_that_drips_ends_with_timeout_total() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let table = server.table("up") + "timeout_total = \"300ms\"\n";
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let client = gateway.session().await;
    server.on("tools/call", |_| {
        let begun = format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":"{}"#,
            "x".repeat(70_000)
        );
        let drips = Answer::ticking(Duration::from_millis(20), |_| String::new());
        Answer::chunked(begun, 70_000).then(drips)
    });

    let call = call("1", "up__echo", "{}");
    let body = client.send(Method::POST, call).await.into_body();
    assert!(within("its end", body.collect()).await.is_err());
}
