//! What a request to a server carries of its caller's: by template, and by role.

use http::Method;

use crate::support::{Client, Gateway, Heard, HttpServer};

/// Whoever connects from here says who asks.
const POLICY: &str = r#"
[trusted_headers]
from = ["127.0.0.1"]

[roles.admin]
allow = ["*"]
inherits = ["staff"]
headers = { X-Tier = "gold", X-Mail = "<{{caller.email}}>" }

[roles.staff]
allow = ["*"]
headers = { X-Tier = "staff", X-Staff = "{{ caller.role }} {{caller.id}}" }

[roles.guest]
allow = ["*"]
"#;
const HEADERS: &str = r#"headers = { X-Static = "fixed", X-Tier = "of the server", X-Id = "{{caller.id}}", X-Mail = "{{caller.email}}" }
"#;

async fn started(server: &HttpServer) -> Gateway {
    let table = server.table("up");
    let gateway = Gateway::with_policy(&format!("{table}{HEADERS}"), POLICY).await;
    gateway.settled().await;
    gateway
}

/// What a header says; nothing where it is absent. It never stands twice.
pub(crate) fn said<'a>(heard: &'a Heard, name: &str) -> Option<&'a str> {
    let mut values = heard.headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().unwrap());
    assert!(values.next().is_none(), "{name} stands twice");
    value
}

async fn call(client: &Client) {
    let reply = client.call("up__echo", "{}").await;
    assert!(reply.answer().get("result").is_some(), "{}", reply.text());
}

/// The last call that it has heard.
pub(crate) fn last(server: &HttpServer) -> Heard {
    server.heard_of("tools/call").pop().unwrap()
}

#[tokio::test]
async fn every_request_for_a_caller_says_who_it_is() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = started(&server).await;
    let client = gateway
        .client()
        .asking_for("sam", "admin")
        .with("x-user-email", "sam@example.com");
    let client = client.open().await;
    call(&client).await;
    client.ask(Method::DELETE, "").await;
    server.hears_delete().await;

    let mut kinds = Vec::new();
    for heard in server.heard() {
        // The first session is the gateway's own.
        let opens = heard.method() == "initialize";
        if heard.session() == "s-1" || said(&heard, "x-id").is_none() {
            assert!(opens || heard.session() != "s-2", "{}", heard.text());
            continue;
        }
        kinds.push(format!("{} {}", heard.verb, heard.method()));
        for (name, value) in [
            ("x-static", "fixed"),
            ("x-id", "sam"),
            ("x-mail", "<sam@example.com>"),
            ("x-tier", "gold"),
            ("x-staff", "admin sam"),
        ] {
            assert_eq!(said(&heard, name), Some(value), "{}", heard.text());
        }
    }
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "DELETE ",
            "GET ",
            "POST initialize",
            "POST notifications/initialized",
            "POST tools/call",
        ]
    );
}

#[tokio::test]
async fn the_gateways_own_requests_say_nothing_of_anybody() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = started(&server).await;
    call(&gateway.client().asking_for("sam", "admin").open().await).await;

    let mut own = server.heard();
    own.retain(|heard| heard.session() == "s-1" || heard.method() == "server/discover");
    assert!(own.len() > 4);
    for heard in own {
        assert_eq!(said(&heard, "x-static"), Some("fixed"));
        assert_eq!(said(&heard, "x-tier"), Some("of the server"));
        for name in ["x-id", "x-mail", "x-staff", "x-user-id", "x-user-role"] {
            assert_eq!(said(&heard, name), None, "{name}: {}", heard.text());
        }
    }
}

#[tokio::test]
async fn a_role_that_changes_within_a_session_counts_from_the_next_call() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = started(&server).await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    let mut sessions = Vec::new();
    for (role, tier, staff) in [
        ("admin", "gold", Some("admin sam")),
        ("staff", "staff", Some("staff sam")),
        ("guest", "of the server", None),
        ("admin", "gold", Some("admin sam")),
    ] {
        call(&client.now_in(role)).await;
        let heard = last(&server);
        assert_eq!(said(&heard, "x-tier"), Some(tier), "{role}");
        assert_eq!(said(&heard, "x-staff"), staff, "{role}");
        sessions.push(heard.session().to_owned());
    }
    sessions.dedup();
    assert_eq!(sessions.len(), 1);

    // What no call is the reason for goes in the role of the last one.
    call(&client.now_in("guest")).await;
    client.ask(Method::DELETE, "").await;
    let farewell = server.hears_delete().await;
    assert_eq!(said(&farewell, "x-staff"), None);
    assert_eq!(said(&farewell, "x-tier"), Some("of the server"));
}

#[tokio::test]
async fn a_header_that_lacks_a_fact_is_not_sent_and_nobody_else_says_it() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = started(&server).await;
    let client = gateway
        .client()
        .asking_for("sam", "admin")
        .with("x-mail", "root@example.com");
    call(&client.open().await).await;
    let heard = last(&server);
    assert_eq!(said(&heard, "x-id"), Some("sam"));
    assert_eq!(said(&heard, "x-mail"), None);

    let client = gateway
        .client()
        .asking_for("sam", "guest")
        .with("x-user-email", "sam@example.com");
    call(&client.open().await).await;
    assert_eq!(said(&last(&server), "x-mail"), Some("sam@example.com"));
}

#[tokio::test]
async fn a_caller_who_does_not_fit_into_a_header_is_refused() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = started(&server).await;
    let client = gateway
        .client()
        .asking_for("sam", "guest")
        .with("x-user-email", "säm@example.com");
    let client = client.open().await;
    let (code, words) = client.call("up__echo", "{}").await.error();
    assert_eq!(code, -32000);
    assert_eq!(
        words,
        "server `up` cannot be told who calls: the header `x-mail` cannot hold it"
    );
    assert!(server.heard_of("tools/call").is_empty());
}

#[tokio::test]
async fn a_session_that_is_lost_is_opened_again_in_the_callers_name() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let gateway = started(&server).await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    call(&client).await;
    server.forget("s-2");
    call(&client.now_in("staff")).await;
    let opened = server.heard_of("initialize");
    assert_eq!(said(opened.last().unwrap(), "x-staff"), Some("staff sam"));
}

#[tokio::test]
async fn callers_who_share_a_connection_each_speak_for_themselves() {
    let server = HttpServer::with_tools(&["echo"]).await.without_sessions();
    let gateway = started(&server).await;
    let sam = gateway.client().asking_for("sam", "admin").open().await;
    let kim = gateway.client().asking_for("kim", "guest").open().await;
    for (client, id, tier) in [
        (&sam, "sam", "gold"),
        (&kim, "kim", "of the server"),
        (&sam, "sam", "gold"),
    ] {
        call(client).await;
        let heard = last(&server);
        assert_eq!(said(&heard, "x-id"), Some(id));
        assert_eq!(said(&heard, "x-tier"), Some(tier));
    }
}
