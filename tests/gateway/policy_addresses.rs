//! Who may come in from where, and what is there for them.

use http::{Method, StatusCode};
use mcpgate::config::{self, Environment, Paths};
use serde_json::json;

use crate::support::{Client, Gateway, HttpServer, Modern, initialize, key, notification, request};

const PROXIED: &str = "[gateway]\ntrusted_proxies = ['127.0.0.1']\n";

fn from(gateway: &Gateway, address: &str) -> Client {
    gateway.client().with("x-forwarded-for", address)
}

async fn status(client: &Client) -> StatusCode {
    client.post(initialize("2025-11-25")).await.status
}

#[tokio::test]
async fn an_address_that_is_not_allowed_gets_nothing_whatever_it_shows() {
    let settings = "[gateway]\nallowed_ips = ['10.0.0.0/8']\n";
    let policy = [
        key("sam", "role = 'all'"),
        "[roles.all]\nallow = ['*']".to_owned(),
    ]
    .concat();
    let gateway = Gateway::with_policy(settings, &policy).await;
    for (verb, path) in [
        (Method::POST, "/mcp"),
        (Method::GET, "/mcp"),
        (Method::HEAD, "/mcp"),
        (Method::GET, "/sse"),
        (Method::POST, "/messages?session_id=x"),
        (Method::POST, "/v/none/mcp"),
    ] {
        for client in [gateway.client(), gateway.client().holding("sam")] {
            let client = client.with("x-forwarded-for", "10.0.0.1");
            let reply = client
                .at(path)
                .ask(verb.clone(), initialize("2025-11-25"))
                .await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{verb} {path}");
        }
    }
}

#[tokio::test]
async fn what_a_proxy_says_counts_and_what_others_say_does_not() {
    let allowed = "allowed_ips = ['10.0.0.0/8', 'fd00::/8']\n";
    let gateway = Gateway::start(&format!("{PROXIED}{allowed}")).await;
    for (address, expected) in [
        ("10.1.2.3", StatusCode::OK),
        ("::ffff:10.1.2.3", StatusCode::OK),
        ("[fd00::1]:4711", StatusCode::OK),
        ("11.0.0.1", StatusCode::FORBIDDEN),
        ("10.1.2.3, 192.0.2.1", StatusCode::FORBIDDEN),
        ("192.0.2.1, 10.1.2.3", StatusCode::OK),
        ("unknown", StatusCode::FORBIDDEN),
        ("::10.1.2.3", StatusCode::FORBIDDEN),
    ] {
        assert_eq!(
            status(&from(&gateway, address)).await,
            expected,
            "{address}"
        );
    }
    let forwarded = gateway.client().with("forwarded", "for=10.1.2.3");
    assert_eq!(status(&forwarded).await, StatusCode::OK);
    let both = forwarded.with("x-forwarded-for", "192.0.2.1");
    assert_eq!(status(&both).await, StatusCode::FORBIDDEN);

    let direct = Gateway::start(&format!("[gateway]\n{allowed}")).await;
    assert_eq!(
        status(&from(&direct, "10.1.2.3")).await,
        StatusCode::FORBIDDEN
    );
}

async fn two(policy: &str) -> (HttpServer, HttpServer, Gateway) {
    let open = HttpServer::with_tools(&["read"]).await;
    let inner = HttpServer::with_tools(&["read"]).await;
    let resource = r#"{"uri":"a://1","name":"r"}"#;
    inner.offer("resources/list", &[resource]);
    let tables = [
        PROXIED.to_owned(),
        open.table("open"),
        inner.table("inner"),
        "from = ['10.0.0.0/8']\n".to_owned(),
    ];
    let gateway = Gateway::with_policy(&tables.concat(), policy).await;
    gateway.settled().await;
    (open, inner, gateway)
}

#[tokio::test]
async fn a_server_is_there_only_for_the_addresses_that_it_names() {
    let (_open, inner, gateway) = two("").await;
    let near = from(&gateway, "::ffff:10.0.0.1").open().await;
    assert_eq!(near.list("tools").await, ["open__read", "inner__read"]);
    assert_eq!(near.list("resources").await, ["a://1"]);

    let far = from(&gateway, "192.0.2.1").with("mcp-session-id", near.session());
    assert_eq!(far.list("tools").await, ["open__read"]);
    assert_eq!(far.list("resources").await, [""; 0]);
    let hidden = far.call("inner__read", "{}").await;
    let unknown = far.call("inner__none", "{}").await;
    assert_eq!(
        hidden.text().replace("inner__read", "inner__none"),
        unknown.text()
    );
    for method in ["resources/read", "resources/subscribe"] {
        let reply = far.request(method, r#"{"uri":"a://1"}"#).await;
        assert_eq!(
            reply.error(),
            (-32002, "unknown resource `a://1`".to_owned())
        );
    }
    assert_eq!(
        inner.heard_of("tools/call").len() + inner.heard_of("resources/read").len(),
        0
    );
    let path = |path: &str| from(&gateway, "192.0.2.1").at(path);
    let (closed, none) = (path("/s/inner/mcp"), path("/s/none/mcp"));
    assert_eq!(status(&closed).await, StatusCode::NOT_FOUND);
    assert_eq!(status(&none).await, StatusCode::NOT_FOUND);
    assert_eq!(status(&path("/s/open/mcp")).await, StatusCode::OK);
    assert!(near.call("inner__read", "{}").await.answer()["result"].is_object());
}

#[tokio::test]
async fn no_cache_may_show_one_address_what_another_sees() {
    let (_open, _inner, gateway) = two("").await;
    for method in ["tools/list", "server/discover"] {
        let near = Modern::new(from(&gateway, "10.0.0.1"))
            .ask("1", method, "{}")
            .await;
        assert_eq!(near.answer()["result"]["cacheScope"], "private", "{method}");
    }
}

#[tokio::test]
async fn a_server_that_is_out_of_reach_is_not_heard_either() {
    let (_open, inner, gateway) = two("").await;
    let near = from(&gateway, "10.0.0.1").open().await;
    let far = from(&gateway, "192.0.2.1").open().await;
    let mut streams = [near.listen().await, far.listen().await];
    inner.offer_tools(&["read", "write"]);
    inner
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;
    let told = streams[0].data().await;
    assert!(told.contains("tools/list_changed"), "{told}");
    // Whatever was said before the end of the session is there by then.
    far.ask(Method::DELETE, "").await;
    assert_eq!(streams[1].next().await, None);
}

#[tokio::test]
async fn a_pipe_is_of_this_machine_and_has_no_address_to_look_at() {
    let (_open, _inner, gateway) = two("").await;
    let lines = [initialize("2025-11-25"), request("1", "tools/list", "{}")];
    let answers = gateway.pipe(&lines).await;
    let tools = answers.iter().find(|answer| answer["id"] == 1).unwrap();
    assert_eq!(
        tools["result"]["tools"].as_array().unwrap().len(),
        2,
        "{}",
        json!(answers)
    );
}

#[test]
fn no_more_servers_look_at_addresses_than_can_be_told_apart() {
    let load = |servers: usize| {
        let table = |number| format!("[servers.s{number}]\ncommand = 'x'\nfrom = ['10.0.0.1']\n");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("servers.toml");
        std::fs::write(&file, (0..servers).map(table).collect::<String>()).unwrap();
        let environment = Environment {
            variable: &|_| None,
            program: "mcpgate".as_ref(),
        };
        config::load_with(&Paths::find(Some(file), None).unwrap(), &environment)
    };
    assert!(load(63).is_ok());
    let error = load(64).unwrap_err().to_string();
    assert!(error.contains("at most 63 servers with `from`"), "{error}");
}
