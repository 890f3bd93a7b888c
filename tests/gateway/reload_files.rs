//! A reload, and files: all that they say counts, or nothing does.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    reload::{CHANGED, open, roles, under},
    support::{Client, Gateway, HttpServer, key, within},
};

async fn health(client: &Client) -> Value {
    let reply = client.clone().at("/health").ask(Method::GET, "").await;
    serde_json::from_slice(&reply.body).unwrap()
}

async fn metrics(gateway: &Gateway) -> String {
    let reply = gateway.client().at("/metrics").ask(Method::GET, "").await;
    reply.text().to_owned()
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_is_told_until_a_good_one_comes() {
    let (_server, gateway) = under(&roles("'*/read'", "'*'")).await;
    let sam = open(&gateway, "sam").await;
    assert!(health(&sam).await.get("reload").is_none());
    // What stands before the mistake does not count either.
    gateway.write("servers.toml", "# none\n");
    gateway.write(
        "policies/policy.toml",
        &[&roles("'*'", "'*'"), "[roles.c]\nalow = ['*']\n"].concat(),
    );

    let error = gateway.reload().await.unwrap_err();

    assert!(
        error.contains("policy.toml:") && error.contains("did you mean `allow`"),
        "{error}"
    );
    assert_eq!(sam.list("tools").await, ["files__read"]);
    assert!(sam.call("files__read", "{}").await.answer()["result"].is_object());
    let told = health(&sam).await;
    assert_eq!(told["reload"]["outcome"], "failed");
    assert_eq!(told["reload"]["error"], json!(error));
    assert!(told["reload"]["at"].is_string());
    let numbers = metrics(&gateway).await;
    assert!(
        numbers.contains("mcpgate_reloads_total{outcome=\"failed\"} 1"),
        "{numbers}"
    );
    assert!(
        numbers.contains("mcpgate_reloads_total{outcome=\"ok\"} 0"),
        "{numbers}"
    );

    gateway.write("policies/policy.toml", &roles("'*'", "'*'"));
    gateway.reload().await.unwrap();
    assert_eq!(sam.list("tools").await, [""; 0]);
    let told = health(&sam).await;
    assert_eq!(
        (&told["reload"]["outcome"], told["reload"].get("error")),
        (&json!("ok"), None)
    );
    let stranger = health(&gateway.client()).await;
    assert!(
        stranger.get("reload").is_none(),
        "it is nobody else's business"
    );
    let numbers = metrics(&gateway).await;
    assert!(
        numbers.contains("mcpgate_reloads_total{outcome=\"ok\"} 1"),
        "{numbers}"
    );
    assert!(
        numbers.contains("mcpgate_last_reload_success_timestamp_seconds 1"),
        "{numbers}"
    );
}

#[tokio::test]
async fn a_file_that_has_become_empty_is_half_written_and_changes_nothing() {
    let policy = roles("'*/read'", "'*'");
    let (server, gateway) = under(&policy).await;
    let sam = open(&gateway, "sam").await;

    // A shell empties a file before the program starts that is to fill it.
    for (file, whole) in [
        ("servers.toml", server.table("files")),
        ("policies/policy.toml", policy),
    ] {
        gateway.write(file, "");
        let error = gateway.reload().await.unwrap_err();
        let words = format!("{file} has become empty");
        assert!(error.contains(&words), "{error}");
        assert_eq!(sam.list("tools").await, ["files__read"]);
        assert!(sam.call("files__read", "{}").await.answer()["result"].is_object());
        let stranger = gateway.client().request("ping", "{}").await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
        gateway.write(file, &whole);
        gateway.reload().await.unwrap();
    }

    // One that never said anything may stay so.
    gateway.write("policies/later.toml", "");
    gateway.reload().await.unwrap();
    gateway.reload().await.unwrap();
}

#[tokio::test]
async fn files_that_only_fit_together_change_together() {
    let (_server, gateway) = under(&roles("'*/read'", "'*'")).await;
    let sam = open(&gateway, "sam").await;

    // The role moves to another file: either of them alone would be refused.
    let [keys, more] =
        ["[roles.a]", "[roles.c]"].map(|role| roles("'*/write'", "'*'").replace("[roles.a]", role));
    gateway.write("policies/other.toml", "[roles.a]\nallow = ['*/write']\n");
    assert!(
        gateway
            .reload()
            .await
            .unwrap_err()
            .contains("already defined")
    );
    gateway.write("policies/policy.toml", &more);
    gateway.reload().await.unwrap();

    assert_eq!(sam.list("tools").await, ["files__write"]);
    gateway.write("policies/policy.toml", &keys);
    assert!(gateway.reload().await.is_err());
    assert_eq!(sam.list("tools").await, ["files__write"]);
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_of_the_table_counts_at_once() {
    let (server, gateway) = under("").await;
    let client = gateway.session().await;
    let gateway_table = "[gateway]\nmax_sessions = 7\nlisten = '127.0.0.1:1'\nnames = 'verbatim'\n";
    let files = [
        gateway_table,
        "[audit]\nkeep = 3\n",
        &server.table("files"),
        "prefix = ''\n",
    ];
    gateway.write("servers.toml", &files.concat());

    let reloaded = gateway.reload().await.unwrap();

    let named = ["[gateway] listen", "[gateway] max_sessions", "[audit] keep"];
    assert_eq!(reloaded.needs_restart, named);
    assert_eq!(
        health(&client).await["reload"]["needs_restart"],
        json!(named)
    );
    assert_eq!(reloaded.changed, ["files"]);
    assert_eq!(client.list("tools").await, ["read", "write"]);
    assert_eq!(
        gateway.reload().await.unwrap().needs_restart,
        named,
        "still"
    );
}

#[tokio::test]
async fn a_reload_never_opens_the_gateway_to_strangers() {
    let policy = key("sam", "");
    let (_server, gateway) = under(&policy).await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let serving = gateway.serve_on(listener);

    gateway.write("policies/policy.toml", "# none\n");
    let error = gateway.reload().await.unwrap_err();

    assert!(error.contains("refusing to serve strangers"), "{error}");
    assert_eq!(gateway.client().request("ping", "{}").await.status, 401);
    serving.abort();
}

/// Trap: One way to boot and another to reload.
#[tokio::test]
async fn a_reload_makes_of_files_what_a_start_makes_of_them() {
    let (server, other) = (
        HttpServer::with_tools(&["read", "write"]).await,
        HttpServer::with_tools(&["x", "y"]).await,
    );
    let policy = |rules: &str| {
        [
            &roles(rules, "'other/*'"),
            "[views.v]\nservers = ['other']\n",
        ]
        .concat()
    };
    let tables = [
        other.table("other"),
        "from = ['127.0.0.1']\n".to_owned(),
        server.table("files"),
    ];
    let (tables, policy) = (tables.concat(), policy("'*/read', 'other/x'"));
    let reloaded = Gateway::with_policy(&server.table("files"), &roles("", "'*'")).await;
    reloaded.settled().await;
    reloaded.write("servers.toml", &tables);
    reloaded.write("policies/policy.toml", &policy);
    reloaded.reload().await.unwrap();
    reloaded.offers("other").await;
    let started = Gateway::with_policy(&tables, &policy).await;
    started.settled().await;

    let seen = async |gateway: &Gateway| {
        let mut all = Vec::new();
        for name in ["sam", "eve"] {
            for path in ["/mcp", "/v/v/mcp", "/s/other/mcp"] {
                let client = gateway.client().holding(name).at(path).open().await;
                all.push(client.request("tools/list", "{}").await.text().to_owned());
            }
        }
        let plan = gateway.pipeline().plan();
        let servers = plan
            .servers
            .iter()
            .map(|(name, server)| format!("{name} {:?}", server.config().from));
        (all, servers.collect::<Vec<_>>())
    };
    assert_eq!(seen(&reloaded).await, seen(&started).await);
}

#[tokio::test]
async fn reloads_at_once_come_one_after_the_other() {
    let (_server, gateway) = under(&roles("'*/read'", "'*'")).await;
    let sam = open(&gateway, "sam").await;
    gateway.write("policies/policy.toml", &roles("'*/write'", "'*'"));

    let all = futures_util::future::join_all((0..8).map(|_| gateway.reload())).await;

    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(sam.list("tools").await, ["files__write"]);
    let numbers = metrics(&gateway).await;
    assert!(
        numbers.contains("mcpgate_reloads_total{outcome=\"ok\"} 8"),
        "{numbers}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_plan_is_put_back_by_a_list_that_changes_meanwhile() {
    let server = HttpServer::with_tools(&["t0"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    for round in 1..=20 {
        let prefix = format!("prefix = 'p{}'\n", round % 2);
        let other = server.table("other").replace("other", &format!("o{round}"));
        let tables = [server.table("up"), other, prefix];
        gateway.write("servers.toml", &tables.concat());
        server.offer_tools(&[&format!("t{round}")]);
        let told = server.push_own(CHANGED);
        let (reloaded, ()) = tokio::join!(gateway.reload(), told);
        reloaded.unwrap();
    }

    let last = [String::from("up__t20"), String::from("p0__t20")];
    let settled = async { while client.list("tools").await != last {} };
    within("the last lists of the last servers", settled).await;
}
