//! A session that is not known is rebuilt from its id, for its caller and nobody else.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use mcpgate::{
    call::{Caller, Extent, Identity, Standing, Visit, Who},
    mcp::Revision,
    seal::Key,
    session::{Sealed, Wish, mark},
};

use crate::support::{BELIEVED, Client, Gateway, HttpServer, Reserved, initialize, within};

const KEY: [u8; Key::LENGTH] = [7; Key::LENGTH];
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The id that a gateway of the same key gave so long ago.
fn issued(before: Duration, identity: Identity, extent: Extent) -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let who = Who::of(identity, Standing::Everything);
    let visit = Visit::new(Caller::new(who.into(), None), extent);
    let sealed = Sealed {
        issued: now - before,
        revision: Revision::V2025_06_18,
        capabilities: "{}".into(),
        info: r#"{"name":"before"}"#.into(),
    };
    sealed.id(&Key::new(&KEY).unwrap(), &visit).unwrap()
}

fn anonymous(before: Duration) -> String {
    issued(before, Identity::Anonymous, Extent::All)
}

/// A gateway with the key that the ids above are made with.
async fn gateway(servers: &str) -> Gateway {
    let gateway = Gateway::start(servers).await;
    let key = Key::new(&KEY).unwrap();
    gateway.pipeline().sessions.seal_with(key);
    gateway
}

/// A client that has been there before.
fn back(gateway: &Gateway, id: &str) -> Client {
    gateway.client().with("mcp-session-id", id)
}

async fn pinged(client: &Client) -> StatusCode {
    client.request("ping", "{}").await.status
}

#[tokio::test]
async fn a_session_is_what_it_was_before_the_restart() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = gateway(&server.table("up")).await;
    gateway.settled().await;
    let id = anonymous(23 * HOUR);

    let called = back(&gateway, &id).call("up__echo", "{}").await;

    assert_eq!(called.answer()["result"]["name"], "echo");
    let session = gateway.pipeline().sessions.get(&id).unwrap();
    assert_eq!(session.client.revision, Revision::V2025_06_18);
    assert_eq!(&*session.client.info, r#"{"name":"before"}"#);
    // And it ends as any other.
    let client = back(&gateway, &id);
    let deleted = client.ask(Method::DELETE, "").await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(pinged(&client).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_id_of_somebody_else_or_forged_or_too_old_looks_like_one_that_never_was() {
    let gateway = gateway("").await;
    let mut flipped = anonymous(HOUR);
    let other = if flipped.ends_with('A') { "E" } else { "A" };
    flipped.replace_range(flipped.len() - 1.., other);
    let key = "alice".to_owned().try_into().unwrap();
    let refused = [
        issued(HOUR, Identity::Key(key), Extent::All),
        issued(HOUR, Identity::Anonymous, Extent::View("ops".into())),
        flipped,
        anonymous(24 * HOUR + Duration::from_secs(5)),
        "A".repeat(100),
        "A".repeat(4000),
        "stateless:0".to_owned(),
    ];

    let nobodys = back(&gateway, &"0".repeat(32)).request("ping", "{}").await;

    for id in refused {
        for verb in [Method::POST, Method::GET, Method::DELETE] {
            let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
            let reply = back(&gateway, &id).ask(verb.clone(), ping).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{verb} {id}");
            if verb == Method::POST {
                assert_eq!(reply.body, nobodys.body);
            }
        }
    }
    assert_eq!(gateway.pipeline().sessions.count(), 0);
}

#[tokio::test]
async fn what_its_client_has_ended_stays_ended() {
    let gateway = gateway("").await;
    let open = gateway.session().await;
    let rebuilt = back(&gateway, &anonymous(HOUR));

    for client in [open, rebuilt] {
        assert_eq!(pinged(&client).await, StatusCode::OK);
        client.ask(Method::DELETE, "").await;
        assert_eq!(pinged(&client).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_that_come_back_at_once_find_one_session() {
    let gateway = gateway("").await;
    for _ in 0..8 {
        let before = gateway.pipeline().sessions.count();
        let client = back(&gateway, &anonymous(HOUR));
        let tasks = (0..8).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { pinged(&client).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap(), StatusCode::OK);
        }
        assert_eq!(gateway.pipeline().sessions.count(), before + 1);
    }
}

#[tokio::test]
async fn a_session_that_comes_back_needs_room_as_a_new_one() {
    let gateway = gateway("[gateway]\nmax_sessions = 1").await;
    let first = back(&gateway, &anonymous(HOUR));
    let second = back(&gateway, &anonymous(HOUR));

    assert_eq!(pinged(&first).await, StatusCode::OK);
    let full = second.request("ping", "{}").await;
    let new = gateway.client().post(initialize("2025-11-25")).await;

    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(new.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(new.error().1.contains("max_sessions"));
    assert_eq!(pinged(&first).await, StatusCode::OK);
}

#[tokio::test]
async fn a_stream_that_is_come_back_for_after_a_restart_is_a_fresh_one() {
    let gateway = gateway("").await;
    // Of the GET stream, and of an answer that the process before was to give.
    for last in ["57", "3-2"] {
        let id = anonymous(HOUR);
        let client = back(&gateway, &id);
        assert_eq!(pinged(&client).await, StatusCode::OK);
        let session = gateway.pipeline().sessions.get(&id).unwrap();
        for number in 0..100 {
            session.outbox.push(format!("{{\"n\":{number}}}").into());
        }

        let mut events = client.clone().with("last-event-id", last).listen().await;

        let mut ids = Vec::new();
        for number in 0..100 {
            let event = events.next().await.unwrap();
            assert_eq!(event.data, format!("{{\"n\":{number}}}"));
            ids.push(event.id.unwrap());
        }
        // From here on, it is come back to as usual.
        drop(events);
        let mut rest = client.with("last-event-id", &ids[98]).listen().await;
        assert_eq!(rest.next().await.unwrap().id.as_ref(), Some(&ids[99]));
    }
}

/// What it wanted of the server `up` before.
fn wanted(gateway: &Gateway, id: &str, uris: &[&str]) {
    let up = |uri: &&str| ("up".to_owned().try_into().unwrap(), (*uri).to_owned());
    let wish = Wish {
        level: None,
        resources: uris.iter().map(up).collect(),
    };
    let before = [(mark(id), wish)].into();
    gateway.pipeline().sessions.wanted_before(before);
}

fn offer(server: &HttpServer, uris: &[&str]) {
    let resource = |uri: &&str| format!(r#"{{"uri":"{uri}","name":"x"}}"#);
    let resources: Vec<String> = uris.iter().map(resource).collect();
    server.offer("resources/list", &resources);
}

#[tokio::test]
async fn only_what_its_caller_may_see_now_is_subscribed_to_again() {
    let server = HttpServer::with_tools(&[]).await.without_sessions();
    offer(&server, &["x://1", "x://2"]);
    let policy = BELIEVED.replace(
        "[roles.guest]\nallow = [\"*\"]",
        "[roles.guest]\nallow = [\"resource:up/x://1\"]",
    );
    let gateway = Gateway::with_policy(&server.table("up"), &policy).await;
    gateway
        .pipeline()
        .sessions
        .seal_with(Key::new(&KEY).unwrap());
    gateway.settled().await;
    let sam = Identity::User(None, "sam".into());
    let id = issued(HOUR, sam, Extent::All);
    wanted(&gateway, &id, &["x://1", "x://2", "x://gone"]);

    let client = back(&gateway, &id).asking_for("sam", "guest");
    assert_eq!(pinged(&client).await, StatusCode::OK);
    server.hears("resources/subscribe").await;
    // The end of the gateway comes after all that it had to say.
    let session = gateway.pipeline().sessions.get(&id).unwrap();
    gateway.stop().await;

    let heard = server.heard_of("resources/subscribe");
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].param("uri"), "x://1");
    assert_eq!(session.client.all_watched().len(), 1);
}

#[tokio::test]
async fn a_server_that_comes_up_after_its_session_has_come_back_is_told_all_the_same() {
    let reserved = Reserved::new();
    let config = format!(
        "[gateway]\nfirst_list_wait = '0s'\n{}",
        reserved.table("up")
    );
    let gateway = gateway(&config).await;
    let id = anonymous(HOUR);
    wanted(&gateway, &id, &["x://1"]);
    gateway.loses("up").await;
    assert_eq!(pinged(&back(&gateway, &id)).await, StatusCode::OK);
    let session = gateway.pipeline().sessions.get(&id).unwrap();
    within("the subscription", async {
        while session.client.watches() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let server = reserved.serve();
    offer(&server, &["x://1"]);

    let heard = server.hears("resources/subscribe").await;
    assert_eq!(heard.param("uri"), "x://1");
}
