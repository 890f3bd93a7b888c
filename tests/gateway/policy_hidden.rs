//! What somebody may not use answers, on every transport, like what does not exist: to the byte.

use serde_json::json;

use crate::support::{
    Answer, Gate, Gateway, HttpServer, Modern, Reply, SseClient, call, initialize, key, request,
};

const ROLES: &str = "
    [roles.reader]
    allow = ['files/read', 'prompt:files/hello', 'resource:files/a://open', 'resource:files/t://open/*',
        'resource:other/b://open']
    deny = ['files/denied']
";

/// Requests about what is hidden; the same about what is not there has `zzz` in place of a name.
const ABOUT: [(&str, &str, &str); 7] = [
    (
        "tools/call",
        r#"{"name":"files__secret","arguments":{}}"#,
        "files__secret",
    ),
    (
        "tools/call",
        r#"{"name":"files__denied","arguments":{}}"#,
        "files__denied",
    ),
    (
        "prompts/get",
        r#"{"name":"files__secret"}"#,
        "files__secret",
    ),
    (
        "completion/complete",
        r#"{"ref":{"type":"ref/prompt","name":"files__secret"},"argument":{"name":"a","value":"b"}}"#,
        "files__secret",
    ),
    ("resources/read", r#"{"uri":"a://secret"}"#, "a://secret"),
    (
        "resources/subscribe",
        r#"{"uri":"a://secret"}"#,
        "a://secret",
    ),
    (
        "resources/unsubscribe",
        r#"{"uri":"a://secret"}"#,
        "a://secret",
    ),
];

/// Two servers, so that a URI that nobody lists leads to neither.
async fn servers() -> [HttpServer; 2] {
    let files = HttpServer::with_tools(&["read", "secret", "denied"]).await;
    let prompt = |name: &str| format!(r#"{{"name":"{name}"}}"#);
    let resource = |uri: &str| format!(r#"{{"uri":"{uri}","name":"r"}}"#);
    files.offer("prompts/list", &[prompt("hello"), prompt("secret")]);
    files.offer(
        "resources/list",
        &[resource("a://open"), resource("a://secret")],
    );
    [files, HttpServer::with_tools(&["other"]).await]
}

fn tables(servers: &[HttpServer; 2]) -> String {
    [servers[0].table("files"), servers[1].table("other")].concat()
}

async fn gateway(servers: &[HttpServer; 2], more: &str) -> Gateway {
    let policy = [key("sam", "role = 'reader'"), ROLES.to_owned()].concat();
    let tables = [more.to_owned(), tables(servers)].concat();
    let gateway = Gateway::with_policy(&tables, &policy).await;
    gateway.settled().await;
    gateway
}

/// Whether a server has heard of anything that is not for the caller.
fn heard(servers: &[HttpServer; 2]) -> bool {
    let not_theirs = ["secret", "denied", "zzz"];
    let mut all = servers.iter().flat_map(HttpServer::heard);
    all.any(|heard| not_theirs.iter().any(|word| heard.text().contains(word)))
}

fn absent(text: &str, name: &str) -> String {
    text.replace(name, "zzz")
}

/// Status, headers and body; the time may differ.
fn whole(reply: &Reply) -> String {
    let mut headers = reply.headers.clone();
    headers.remove("date");
    headers.remove("content-length");
    format!("{} {headers:?} {}", reply.status, reply.text())
}

#[tokio::test]
async fn over_streamable_http() {
    let servers = servers().await;
    for more in ["", "[gateway]\nrefuse_with_status = true\n"] {
        let gateway = gateway(&servers, more).await;
        let client = gateway.client().holding("sam").open().await;
        for (method, params, name) in ABOUT {
            let hidden = client.request(method, params).await;
            let unknown = client.request(method, &absent(params, name)).await;
            assert!(hidden.text().contains("unknown"), "{}", hidden.text());
            assert_eq!(absent(&whole(&hidden), name), whole(&unknown), "{method}");
        }
    }
    assert!(!heard(&servers));
}

#[tokio::test]
async fn over_the_revision_without_sessions() {
    let servers = servers().await;
    let gateway = gateway(&servers, "").await;
    let client = Modern::new(gateway.client()).holding("sam");
    let about = ABOUT
        .iter()
        .filter(|(method, _, _)| !method.ends_with("subscribe"));
    for (method, params, name) in about {
        let hidden = client.ask("1", method, params).await;
        let unknown = client.ask("1", method, &absent(params, name)).await;
        assert!(hidden.text().contains("unknown"), "{}", hidden.text());
        assert_eq!(absent(&whole(&hidden), name), whole(&unknown), "{method}");
    }
    let wanted =
        json!({"notifications": {"resourceSubscriptions": ["a://secret", "a://zzz", "a://open"]}});
    let mut events = client
        .events("1", "subscriptions/listen", &wanted.to_string())
        .await;
    let first = events.data().await;
    assert!(
        first.contains(r#""resourceSubscriptions":["a://open"]"#),
        "{first}"
    );
    assert!(!heard(&servers));
}

#[tokio::test]
async fn over_legacy_sse() {
    let servers = servers().await;
    let gateway = gateway(&servers, "").await;
    let client = SseClient::of(gateway.client().holding("sam")).await;
    let mut client = client.initialize("2024-11-05", "{}").await;
    for (method, params, name) in ABOUT {
        let hidden = client.ask("1", method, params).await;
        let unknown = client.ask("1", method, &absent(params, name)).await;
        assert!(hidden.contains("unknown"), "{hidden}");
        assert_eq!(absent(&hidden, name), unknown, "{method}");
    }
    assert!(!heard(&servers));
}

#[tokio::test]
async fn over_a_pipe_with_a_role_and_in_a_batch() {
    let servers = servers().await;
    let gateway = gateway(&servers, "[gateway]\nstdio_role = 'reader'\n").await;
    for (method, params, name) in ABOUT {
        let (hidden, unknown) = (params.to_owned(), absent(params, name));
        let lines = [
            initialize("2025-03-26"),
            request("1", method, &hidden),
            request("2", method, &unknown),
            format!("[{}]", request("3", method, &hidden)),
        ];
        let mut answers = gateway.pipe(&lines).await;
        answers.retain(|answer| answer["id"] != 0);
        let errors = ["1", "2", "3"].map(|id| {
            let id: serde_json::Value = id.parse().unwrap();
            let mut all = answers.iter().flat_map(|answer| match answer.as_array() {
                Some(batch) => batch.as_slice(),
                None => std::slice::from_ref(answer),
            });
            all.find(|answer| answer["id"] == id).unwrap()["error"].to_string()
        });
        assert!(errors[0].contains("unknown"), "{}", errors[0]);
        assert_eq!(absent(&errors[0], name), errors[1], "{method}");
        assert_eq!(errors[0], errors[2], "{method}");
    }
    assert!(!heard(&servers));
}

#[tokio::test]
async fn and_as_late_while_servers_are_still_to_come() {
    let servers = servers().await;
    let (late, gate) = (HttpServer::with_tools(&["late"]).await, Gate::default());
    let held = gate.clone();
    late.on("initialize", move |heard| {
        Answer::error(heard, r#"{"code":-32601,"message":"no"}"#).held(&held)
    });
    let policy = [key("sam", "role = 'reader'"), ROLES.to_owned()].concat();
    let start = "[gateway]\nfirst_list_wait = '1h'\n";
    let tables = [start, &tables(&servers), &late.table("late")].concat();
    let gateway = Gateway::with_policy(&tables, &policy).await;
    gateway.offers("files").await;
    let client = gateway.client().holding("sam").open().await;
    let ask = |tool: &str| {
        let (client, body) = (client.clone(), call("1", tool, "{}"));
        tokio::spawn(async move { client.post(body).await })
    };

    let (hidden, unknown) = (ask("files__secret"), ask("zzz"));
    for _ in 0..5 {
        let may = client.call("files__read", "{}").await;
        assert!(may.answer()["result"].is_object(), "{}", may.text());
    }
    assert!(!hidden.is_finished() && !unknown.is_finished());
    gate.open();

    let (hidden, unknown) = (hidden.await.unwrap(), unknown.await.unwrap());
    assert_eq!(absent(&whole(&hidden), "files__secret"), whole(&unknown));
}
