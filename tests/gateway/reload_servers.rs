//! A reload, and the servers: who comes, who goes, and who hears nothing of it.

use http::Method;
use http_body_util::BodyExt;
use mcpgate::mcp::List;
use serde_json::json;

use crate::{
    pipe::{alive, gone, server},
    support::{Answer, Gate, Gateway, Heard, HttpServer, call, within},
};

const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

fn text(answer: &serde_json::Value) -> String {
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn pid(client: &mut crate::pipe::Client, server: &str) -> u32 {
    client
        .text(&format!("{server}__pid"), json!({}))
        .await
        .parse()
        .unwrap()
}

/// A client on a pipe, once every server is there.
async fn client(gateway: &Gateway) -> crate::pipe::Client {
    gateway.settled().await;
    let mut client = gateway.stranger();
    client.initialize("2025-11-25").await;
    client
}

#[tokio::test]
async fn a_server_whose_table_stays_keeps_its_process_and_its_calls() {
    let kept = server("kept", &[]);
    let gateway = Gateway::start(&[kept.clone(), server("other", &[])].concat()).await;
    let mut client = client(&gateway).await;
    let before = pid(&mut client, "kept").await;
    let held = client.begin_call("kept__hold", json!({})).await;
    client.received("kept", "hold", 1).await;

    // Also where it stands elsewhere in the file, and others come and go.
    let policy = "[limits.many]\ncalls = 1000\nper = '1m'\n";
    gateway.write("policies/policy.toml", policy);
    gateway.write("servers.toml", &[server("new", &[]), kept].concat());
    let reloaded = gateway.reload().await.unwrap();

    assert_eq!(
        (&reloaded.added[..], &reloaded.removed[..]),
        (&["new".to_owned()][..], &["other".to_owned()][..])
    );
    assert_eq!(
        (reloaded.changed.len(), &reloaded.unchanged[..]),
        (0, &["kept".to_owned()][..])
    );
    assert_eq!(pid(&mut client, "kept").await, before);
    client.text("kept__release", json!({})).await;
    assert_eq!(text(&client.answer(&held).await), "released");
    gateway.stop().await;
}

#[tokio::test]
async fn an_added_server_joins_and_sessions_hear_of_it() {
    let (one, two) = (
        HttpServer::with_tools(&["a"]).await,
        HttpServer::with_tools(&["b"]).await,
    );
    let gateway = Gateway::of(&[("one", &one)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;

    gateway.write(
        "servers.toml",
        &[one.table("one"), two.table("two")].concat(),
    );
    gateway.reload().await.unwrap();

    assert_eq!(stream.data().await, CHANGED);
    assert_eq!(client.list("tools").await, ["one__a", "two__b"]);
    assert!(client.call("two__b", "{}").await.answer()["result"].is_object());
    let numbers = client.clone().at("/metrics").ask(Method::GET, "").await;
    for line in [
        r#"mcp_server_up{server="two"} 1"#,
        r#"mcp_requests_total{server="two",outcome="ok"} 1"#,
    ] {
        assert!(numbers.text().contains(line), "{line}: {}", numbers.text());
    }
    assert_eq!(one.heard_of("initialize").len(), 1);
    assert_eq!(
        gateway
            .client()
            .at("/s/two/mcp")
            .open()
            .await
            .list("tools")
            .await,
        ["b"]
    );
}

#[tokio::test]
async fn a_removed_server_ends_its_calls_before_its_process_ends() {
    let gateway = Gateway::start(&server("s", &[])).await;
    let (mut client, mut other) = (client(&gateway).await, client(&gateway).await);
    let child = pid(&mut client, "s").await;
    let held = other.begin_call("s__hold", json!({})).await;
    client.received("s", "hold", 1).await;
    // Answered when the server hears that the other call is not wanted any more.
    let asked = json!({"contains": "cancelled", "count": 1});
    let waits = client.begin_call("s__received", asked).await;
    client.ask("ping", &json!({})).await;

    gateway.write("servers.toml", "# none\n");
    let reloaded = gateway.reload().await.unwrap();

    assert_eq!(reloaded.removed, ["s"]);
    client.told("notifications/tools/list_changed").await;
    let unknown = client.call("s__pid", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert!(alive(child), "a call is under way there");
    let held: serde_json::Value = serde_json::from_str(&held).unwrap();
    other
        .notify("notifications/cancelled", &json!({"requestId": held}))
        .await;
    let answer = client.answer(&waits).await;
    assert_eq!(
        answer["result"]["structuredContent"]["lines"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    gone(child).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_changed_server_is_started_anew_while_the_old_one_ends_its_calls() {
    let table = server("s", &[]);
    let gateway = Gateway::start(&table).await;
    let mut client = client(&gateway).await;
    let before = pid(&mut client, "s").await;
    let subscribed = client
        .ask("resources/subscribe", &json!({"uri": "s://one"}))
        .await;
    assert!(subscribed["result"].is_object(), "{subscribed}");
    let asked = json!({"contains": "resources/subscribe", "count": 2});
    let waits = client.begin_call("s__received", asked).await;
    client.ask("ping", &json!({})).await;

    gateway.write(
        "servers.toml",
        &[table, "env = { NEW = '1' }\n".to_owned()].concat(),
    );
    assert_eq!(gateway.reload().await.unwrap().changed, ["s"]);

    within("the new one", async {
        while gateway.state("s").state != "up" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let after = pid(&mut client, "s").await;
    assert!(after != before && alive(before));
    // What was wanted of the old one is wanted of the new one, too.
    client.received("s", "resources/subscribe", 1).await;
    assert_eq!(
        gateway.pipeline().plan().views.whole().count(List::Tools),
        12
    );
    gateway.stop().await;
    gone(before).await;
    gone(after).await;
    drop(waits);
}

#[tokio::test]
async fn a_remote_server_that_is_removed_hears_that_its_sessions_are_over_once_its_calls_are() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard: &Heard| {
        Answer::result(heard, r#"{"content":[]}"#).held(&held)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let calls = client.clone();
    let call = tokio::spawn(async move { calls.call("up__a", "{}").await });
    server.hears("tools/call").await;

    gateway.write("servers.toml", "# none\n");
    gateway.reload().await.unwrap();
    assert_eq!(client.list("tools").await, [""; 0]);
    let farewells = || {
        server
            .heard()
            .iter()
            .filter(|heard| heard.verb == Method::DELETE)
            .count()
    };
    assert_eq!(farewells(), 0);
    gate.open();

    assert!(call.await.unwrap().answer()["result"].is_object());
    server
        .nth("both sessions' end", 2, |heard| {
            heard.verb == Method::DELETE
        })
        .await;
    let numbers = client.at("/metrics").ask(Method::GET, "").await;
    assert!(
        !numbers.text().contains("mcp_server_up{"),
        "{}",
        numbers.text()
    );
}

#[tokio::test]
async fn an_answer_that_streams_arrives_whole_from_a_server_that_is_gone() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard: &Heard| {
        let answer = heard.result(&format!(r#"{{"content":"{}"}}"#, "x".repeat(200_000)));
        let (begin, rest) = answer.split_at(150_000);
        let rest = Answer::json(rest.to_owned());
        Answer::json(begin.to_owned()).wait(&held).then(rest)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let begun = client.send(Method::POST, call("1", "up__a", "{}")).await;

    gateway.write("servers.toml", "# none\n");
    gateway.reload().await.unwrap();
    assert_eq!(client.list("tools").await, [""; 0]);
    gate.open();

    let body = within("the rest", begun.into_body().collect()).await;
    assert!(body.unwrap().to_bytes().len() > 200_000);
    let ends = |heard: &Heard| heard.verb == Method::DELETE;
    server.nth("both sessions' end", 2, ends).await;
}

#[tokio::test]
async fn nobody_waits_again_for_a_server_that_a_reload_brings() {
    let kept = HttpServer::with_tools(&["a"]).await;
    let settings = "[gateway]\nfirst_list_wait = '1h'\n";
    let gateway = Gateway::start(&[settings, &kept.table("kept")].concat()).await;
    gateway.settled().await;
    let client = gateway.session().await;

    let mute = server("mute", &["--mute", "initialize"]);
    gateway.write(
        "servers.toml",
        &[settings, &kept.table("kept"), &mute].concat(),
    );
    gateway.reload().await.unwrap();

    assert_eq!(client.list("tools").await, ["kept__a"]);
    gateway.stop().await;
}

#[tokio::test]
async fn nobody_waits_any_longer_for_a_server_that_a_reload_takes_away() {
    let kept = HttpServer::with_tools(&["a"]).await;
    let settings = "[gateway]\nfirst_list_wait = '1h'\n";
    let mute = server("mute", &["--mute", "initialize"]);
    let gateway = Gateway::start(&[settings, &kept.table("kept"), &mute].concat()).await;
    gateway.offers("kept").await;
    let client = gateway.session().await;
    let list = tokio::spawn(async move { client.list("tools").await });

    gateway.write("servers.toml", &[settings, &kept.table("kept")].concat());
    gateway.reload().await.unwrap();

    assert_eq!(within("the list", list).await.unwrap(), ["kept__a"]);
    gateway.stop().await;
}
