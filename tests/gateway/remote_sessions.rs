//! A remote server forgets a session, and says so in one way or another: it is opened again, once.

use futures_util::future::join_all;

use crate::support::{Answer, Gateway, Heard, HttpServer, call};

type Way = fn(&Heard) -> Answer;

/// As servers say it.
const WAYS: [Way; 5] = [
    |_| Answer::status(404),
    |_| {
        Answer::body(
            400,
            "text/plain",
            "Bad Request: No valid session ID provided",
        )
    },
    |_| Answer::body(401, "text/plain", "Unauthorized: Session not found"),
    |_| {
        let error = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}"#;
        Answer::body(400, "application/json", error)
    },
    |heard| {
        let error = heard.error(r#"{"code":-32001,"message":"Session not found"}"#);
        Answer::body(400, "application/json", error)
    },
];

/// A gateway and a client whose session the server has forgotten.
async fn forgotten(way: Way) -> (HttpServer, Gateway, crate::support::Client) {
    let server = HttpServer::with_tools(&["echo"]).await;
    server.disowns(way);
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await;
    let session = server.hears("tools/call").await.session().to_owned();
    server.forget(&session);
    (server, gateway, client)
}

#[tokio::test]
async fn calls_at_once_on_a_forgotten_session_open_exactly_one_new_one() {
    for way in WAYS {
        let (server, _gateway, client) = forgotten(way).await;

        let calls = (2..34).map(|id| client.post(call(&id.to_string(), "up__echo", "{}")));
        let replies = join_all(calls).await;

        for reply in replies {
            assert_eq!(reply.answer()["result"]["name"], "echo", "{}", reply.text());
        }
        // The gateway's own, the client's, and the client's again.
        assert_eq!(server.heard_of("initialize").len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_several_cores_open_exactly_one_new_session_too() {
    let (server, _gateway, client) = forgotten(WAYS[1]).await;

    let calls = (2..34).map(|id| {
        let client = client.clone();
        tokio::spawn(async move { client.post(call(&id.to_string(), "up__echo", "{}")).await })
    });
    for reply in join_all(calls).await {
        assert_eq!(reply.unwrap().answer()["result"]["name"], "echo");
    }

    assert_eq!(server.heard_of("initialize").len(), 3);
}

#[tokio::test]
async fn the_gateways_own_session_is_opened_again_however_the_server_says_that_it_is_gone() {
    for way in WAYS {
        let server = HttpServer::with_tools(&["a"]).await.without_streams();
        server.disowns(way);
        let often = "check_interval = \"10ms\"\n";
        let gateway = Gateway::start(&(server.table("up") + often)).await;
        gateway.settled().await;

        server.forget("s-1");

        server
            .nth("a session", 2, |heard| heard.method() == "initialize")
            .await;
    }
}

#[tokio::test]
async fn a_call_whose_connection_breaks_on_a_session_that_is_gone_is_answered_on_a_new_one() {
    let server = HttpServer::with_tools(&[]).await;
    let tool =
        r#"{"name":"reads","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;
    server.offer("tools/list", &[tool]);
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__reads", "{}").await.answer();
    let session = server.hears("tools/call").await.session().to_owned();
    let count = std::sync::atomic::AtomicUsize::new(0);
    server.disowns(
        move |_| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Answer::hang_up(),
            _ => Answer::body(400, "text/plain", "unknown session"),
        },
    );
    server.forget(&session);

    let reply = client.call("up__reads", "{}").await;

    assert_eq!(reply.answer()["result"]["name"], "reads");
    assert_eq!(server.heard_of("initialize").len(), 3);
}

#[tokio::test]
async fn an_answer_that_tells_of_another_session_is_an_answer() {
    let server = HttpServer::with_tools(&["browse"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let error = r#"{"code":-32603,"message":"browser session not found"}"#;
    server.on("tools/call", move |heard| {
        Answer::body(400, "application/json", heard.error(error))
    });

    let reply = client.call("up__browse", "{}").await;

    assert_eq!(reply.error(), (-32603, "browser session not found".into()));
    assert_eq!(server.heard_of("tools/call").len(), 1);
    assert_eq!(server.heard_of("initialize").len(), 2);
}
