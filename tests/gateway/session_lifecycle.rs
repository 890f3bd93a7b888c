//! A session opens, belongs to who opened it, and ends: by DELETE, or of idleness.

use std::time::Duration;

use http::{Method, StatusCode};
use mcpgate::{
    call::{Standing, Visit},
    exchange::Exchange,
    mcp::Revision,
    session::{Reader, Session},
};

use crate::support::{Answer, Gate, Gateway, Heard, HttpServer, Modern, initialize_with};

#[tokio::test]
async fn a_session_id_is_sealed_or_128_random_bits_in_hexadecimal() {
    let gateway = Gateway::start("").await;

    let much = format!(r#"{{"experimental":{{"x":"{}"}}}}"#, "a".repeat(1024));
    let (one, other) = (gateway.session().await, gateway.session().await);
    let long = gateway.client().open_with("2025-11-25", &much).await;

    for client in [&one, &other] {
        let url_safe = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        assert!(client.session().len() <= 1024 && client.session().bytes().all(url_safe));
        assert!(!client.session().contains("test"), "nobody can read it");
    }
    assert_eq!(long.session().len(), 32);
    assert!(long.session().bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(one.session(), other.session());
}

#[tokio::test]
async fn a_request_without_its_session_is_refused_with_400_and_with_an_unknown_one_with_404() {
    let gateway = Gateway::start("").await;

    let missing = gateway.client().request("ping", "{}").await;
    let unknown = gateway.client().with("mcp-session-id", &"0".repeat(32));
    let unknown = unknown.request("ping", "{}").await;

    assert_eq!(missing.status, StatusCode::BAD_REQUEST);
    assert!(missing.error().1.contains("Mcp-Session-Id"));
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_kept_of_what_a_client_says_of_itself_is_bounded() {
    let gateway = Gateway::start("").await;
    let said = |bytes| format!(r#"{{"experimental":{{"x":"{}"}}}}"#, "a".repeat(bytes));

    let large = said(64 * 1024);
    let legacy = gateway.client();
    let legacy = legacy.post(initialize_with("2025-11-25", &large)).await;
    let modern = Modern::new(gateway.client()).capable(&large);
    let modern = modern.ask("1", "tools/list", "{}").await;

    for refused in [legacy, modern] {
        assert_eq!(refused.error().0, -32602, "{}", refused.text());
    }
    assert_eq!(gateway.pipeline().sessions.count(), 0);
    let usual = said(32 * 1024);
    gateway.client().open_with("2025-11-25", &usual).await;
}

/// Trap: A session for whoever knows its id.
#[tokio::test]
async fn a_session_of_somebody_else_looks_like_one_that_never_was() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key"), ("bob", "b-key")]).await;
    let alice = gateway.client().with("x-api-key", "a-key").open().await;
    let bob = gateway.client().with("x-api-key", "b-key");

    let theirs = bob.clone().with("mcp-session-id", alice.session());
    let nobodys = bob.with("mcp-session-id", &"0".repeat(32));

    for verb in [Method::POST, Method::GET, Method::DELETE] {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let theirs = theirs.ask(verb.clone(), ping).await;
        let nobodys = nobodys.ask(verb, ping).await;
        assert_eq!(theirs.status, StatusCode::NOT_FOUND);
        assert_eq!((theirs.status, theirs.body), (nobodys.status, nobodys.body));
    }
    assert_eq!(alice.request("ping", "{}").await.status, StatusCode::OK);
}

#[tokio::test]
async fn delete_ends_a_session_and_the_one_that_a_server_keeps_for_it() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__echo", "{}").await;
    let kept = server.hears("tools/call").await.session().to_owned();

    let deleted = client.ask(Method::DELETE, "").await;

    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(server.hears_delete().await.session(), kept);
    let after = client.call("up__echo", "{}").await;
    assert_eq!(after.status, StatusCode::NOT_FOUND);
    assert_eq!(server.heard_of("tools/call").len(), 1);
}

/// Holds back whoever opens a session at the server.
fn hold_openings(server: &HttpServer) -> Gate {
    let gate = Gate::default();
    let held = gate.clone();
    let greeting = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"fake","version":"1"}}"#;
    server.on("initialize", move |heard| {
        Answer::result(heard, greeting).held(&held)
    });
    gate
}

#[tokio::test]
async fn delete_while_the_servers_session_is_being_opened_leaves_none_behind() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let gate = hold_openings(&server);

    let delete = async {
        server
            .nth("a second session", 2, |heard| {
                heard.method() == "initialize"
            })
            .await;
        let deleted = client.ask(Method::DELETE, "").await;
        gate.open();
        deleted
    };
    let (_, deleted) = tokio::join!(client.call("up__echo", "{}"), delete);

    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(server.hears_delete().await.session(), "s-2");
}

#[tokio::test]
async fn a_client_that_hangs_up_while_the_servers_session_is_being_opened_finds_it_later() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let gate = hold_openings(&server);

    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.call("up__echo", "{}").await });
    server
        .nth("a second session", 2, |heard| {
            heard.method() == "initialize"
        })
        .await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    client.request("ping", "{}").await;
    gate.open();
    client.call("up__echo", "{}").await;

    assert_eq!(server.hears("tools/call").await.session(), "s-2");
    assert_eq!(server.heard_of("initialize").len(), 2);
    client.ask(Method::DELETE, "").await;
    assert_eq!(server.hears_delete().await.session(), "s-2");
}

/// Trap: A session that ends in the middle of a call or a stream.
/// Trap: Sessions without end and without number.
#[tokio::test(start_paused = true)]
async fn an_idle_session_ends_unless_a_call_is_under_way_or_a_stream_is_open() {
    let gateway = Gateway::start("[gateway]\nsession_idle = \"1m\"").await;
    let sessions = &gateway.pipeline().sessions;
    let open = || {
        sessions
            .open(
                &Visit::local(Standing::Everything),
                Revision::LATEST,
                "{}",
                "{}",
            )
            .unwrap()
    };
    let (idle, listening, calling) = (open(), open(), open());
    let stream = (
        Reader::open(listening.outbox.clone(), None),
        listening.busy(),
    );
    let exchange = Exchange::new(calling.client.clone(), None).into();
    let call = calling.begin("1".into(), &exchange);

    tokio::time::sleep(Duration::from_secs(120)).await; // the clock is a fake

    let alive = |id: &str| sessions.get(id).is_some();
    assert!(!alive(idle.id()));
    assert!(alive(listening.id()) && alive(calling.id()));
    drop((stream, call));
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(alive(listening.id()), "its time starts with the end");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!alive(listening.id()) && !alive(calling.id()));
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_the_session_that_is_idle_for_longest_goes_for_a_newcomer() {
    let gateway = Gateway::start("[gateway]\nmax_sessions = 3").await;
    let sessions = &gateway.pipeline().sessions;
    let open = || {
        let visit = Visit::local(Standing::Everything);
        sessions.open(&visit, Revision::LATEST, "{}", "{}")
    };
    let (busy, used, idle) = (open().unwrap(), open().unwrap(), open().unwrap());
    let _stream = busy.busy();
    tokio::time::advance(Duration::from_secs(9)).await;
    assert!(open().is_err(), "nobody has been idle for 10 s");
    drop(used.busy());
    tokio::time::advance(Duration::from_secs(3)).await;

    let newcomer = open().unwrap();

    let alive = |session: &Session| sessions.get(session.id()).is_some();
    assert!(!alive(&idle) && alive(&busy) && alive(&used) && alive(&newcomer));
    assert!(idle.client.is_over() && sessions.count() == 3);
    assert!(open().is_err());
}

#[tokio::test]
async fn the_end_of_the_gateway_waits_for_its_farewells_to_servers() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    // The gateway's own session goes at once, those of clients take their time.
    server.on("DELETE", move |heard| match heard.session() {
        "s-1" => Answer::status(204),
        _ => Answer::status(204).held(&held),
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let clients = [gateway.session().await, gateway.session().await];
    for client in &clients {
        client.call("up__echo", "{}").await;
    }
    drop(clients);

    let told = async {
        let farewell = |heard: &Heard| heard.verb == Method::DELETE;
        server.nth("the farewells", 3, farewell).await;
        // By now the gateway knows that its own was heard.
        let other = Gateway::of(&[("up", &server)]).await;
        other.session().await.call("up__echo", "{}").await;
        gate.open();
    };
    let mut stopping = Box::pin(gateway.stop());
    tokio::select! {
        biased;
        () = &mut stopping => panic!("it went before all had taken leave of it"),
        () = told => {}
    }
    stopping.await;

    let heard = server.heard();
    let gone = heard.iter().filter(|heard| heard.verb == Method::DELETE);
    let mut gone: Vec<&str> = gone.map(Heard::session).collect();
    gone.sort_unstable();
    assert_eq!(gone[..3], ["s-1", "s-2", "s-3"]);
}

#[tokio::test]
async fn a_session_that_is_opening_when_the_gateway_ends_is_ended_too() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("notifications/initialized", move |_| {
        Answer::status(202).held(&held)
    });
    let client = gateway.session().await;
    let opening = |heard: &Heard| heard.session() == "s-2";
    tokio::select! {
        _ = client.call("up__echo", "{}") => panic!("its session is not open yet"),
        _ = server.nth("the client's session", 1, opening) => {} // and the client hangs up
    }

    let open = async {
        let farewell = |heard: &Heard| heard.verb == Method::DELETE;
        server.nth("the gateway's farewell", 1, farewell).await;
        gate.open();
    };
    tokio::join!(gateway.stop(), open);

    let last = server.heard().pop().unwrap();
    assert_eq!((last.verb.clone(), last.session()), (Method::DELETE, "s-2"));
}
