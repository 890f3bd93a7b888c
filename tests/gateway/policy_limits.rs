//! How often: what is counted, for whom, and what is not.

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::support::{Answer, Client, Gateway, Heard, HttpServer, Modern, Reply, call, key};

async fn under(tools: &[&str], policy: &str) -> (HttpServer, HttpServer, Gateway) {
    let (files, db) = (
        HttpServer::with_tools(tools).await,
        HttpServer::with_tools(tools).await,
    );
    let tables = [
        "[gateway]\ntrusted_proxies = ['127.0.0.1']\n".to_owned(),
        files.table("files"),
        db.table("db"),
    ];
    let keys = [
        key("sam", "role = 'user'"),
        key("sam2", "role = 'user'\ncaller = 'sam'"),
        key("eve", "role = 'user'"),
        key("boss", "role = 'boss'"),
    ];
    let policy = [&keys.concat(), policy].concat();
    let gateway = Gateway::with_policy(&tables.concat(), &policy).await;
    gateway.settled().await;
    (files, db, gateway)
}

const ROLES: &str = "
    [roles.user]
    allow = ['*/read*', 'prompt:*', 'resource:*']
    [roles.boss]
    allow = ['*']
";

fn each(what: &str) -> String {
    format!("{ROLES}\n[limits.few]\ncalls = 2\nper = '1h'\neach = [{what}]\n")
}

async fn open(gateway: &Gateway, name: &str) -> Client {
    gateway.client().holding(name).open().await
}

fn passed(reply: &Reply) -> bool {
    let answer = reply.answer();
    if answer.get("result").is_some() {
        return true;
    }
    assert_eq!(answer["error"]["code"], -32000, "{answer}");
    assert_eq!(answer["error"]["data"]["limit"], "few", "{answer}");
    false
}

/// How many of three calls pass.
async fn three(client: &Client, tool: &str) -> usize {
    let mut passing = 0;
    for _ in 0..3 {
        passing += usize::from(passed(&client.call(tool, "{}").await));
    }
    passing
}

#[tokio::test]
async fn a_refusal_says_when_there_is_room_and_the_server_never_hears_of_it() {
    let (files, _db, gateway) = under(&["read"], &each("'caller'")).await;
    let sam = open(&gateway, "sam").await;
    assert_eq!(three(&sam, "files__read").await, 2);
    let refused = sam.call("files__read", "{}").await;
    assert_eq!(refused.status, StatusCode::OK);
    let error = refused.answer()["error"].clone();
    let seconds = error["data"]["retry_after"].as_u64().unwrap();
    assert!((1700..=1800).contains(&seconds), "{error}");
    assert_eq!(
        error["data"],
        json!({"limit": "few", "retry_after": seconds})
    );
    assert_eq!(
        error["message"],
        format!("too many calls: limit `few` leaves room in {seconds} s")
    );
    let modern = Modern::new(gateway.client()).holding("sam");
    let modern = modern.call("files__read", "{}").await;
    assert_eq!((modern.status, passed(&modern)), (StatusCode::OK, false));
    assert_eq!(files.heard_of("tools/call").len(), 2);
}

#[tokio::test]
async fn each_names_what_is_counted_apart() {
    for (what, eve, boss, db, far) in [
        ("", 0, 0, 0, 0),
        ("'caller'", 2, 2, 0, 0),
        ("'role'", 0, 2, 0, 0),
        ("'server'", 0, 0, 2, 0),
        ("'address'", 0, 0, 0, 2),
        ("'caller', 'server'", 2, 2, 2, 0),
        ("'key'", 2, 2, 0, 0),
    ] {
        let (_files, _db, gateway) = under(&["read"], &each(what)).await;
        let sam = open(&gateway, "sam").await;
        assert_eq!(three(&sam, "files__read").await, 2, "{what}");
        for (who, expected) in [("eve", eve), ("boss", boss)] {
            let other = open(&gateway, who).await;
            assert_eq!(three(&other, "files__read").await, expected, "{who} {what}");
        }
        assert_eq!(three(&sam, "db__read").await, db, "another server, {what}");
        let elsewhere = sam.with("x-forwarded-for", "192.0.2.1");
        assert_eq!(
            three(&elsewhere, "files__read").await,
            far,
            "elsewhere, {what}"
        );
    }
}

#[tokio::test]
async fn two_keys_of_one_caller_are_one_caller_and_two_keys() {
    for (what, expected) in [("'caller'", 0), ("'key'", 2)] {
        let (_files, _db, gateway) = under(&["read"], &each(what)).await;
        assert_eq!(three(&open(&gateway, "sam").await, "files__read").await, 2);
        let second = open(&gateway, "sam2").await;
        assert_eq!(three(&second, "files__read").await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_tool_is_one_by_whatever_path_it_is_called() {
    let (_files, _db, gateway) = under(&["read", "read_more"], &each("'tool'")).await;
    let sam = open(&gateway, "sam").await;
    assert_eq!(three(&sam, "files__read").await, 2);
    assert_eq!(three(&sam, "files__read_more").await, 2, "another tool");
    assert_eq!(
        three(&sam, "db__read").await,
        2,
        "of the same name, elsewhere"
    );
    let own = gateway
        .client()
        .holding("sam")
        .at("/s/files/mcp")
        .open()
        .await;
    assert_eq!(three(&own, "read").await, 0, "the same under its own name");
}

#[tokio::test]
async fn what_does_not_reach_a_server_is_not_counted() {
    let (files, _db, gateway) = under(&["read", "write"], &each("")).await;
    let sam = open(&gateway, "sam").await;
    for _ in 0..5 {
        assert!(passed(&sam.request("ping", "{}").await));
        assert_eq!(sam.list("tools").await.len(), 2);
        assert_eq!(sam.call("files__write", "{}").await.error().0, -32602);
        assert_eq!(sam.call("zzz", "{}").await.error().0, -32602);
        let level = r#"{"level":"error"}"#;
        assert!(passed(&sam.request("logging/setLevel", level).await));
    }
    assert_eq!(three(&sam, "files__read").await, 2);
    assert_eq!(files.heard_of("tools/call").len(), 2);
}

#[tokio::test]
async fn whatever_reaches_a_server_is_counted() {
    let (files, _db, gateway) = under(&["read"], &each("")).await;
    files.on("tools/call", |heard: &Heard| {
        Answer::json(heard.result(r#"{"task":{"taskId":"t-1","status":"working"}}"#))
    });
    let boss = open(&gateway, "boss").await;
    let task = r#"{"name":"files__read","arguments":{},"task":{}}"#;
    assert!(passed(&boss.request("tools/call", task).await));
    let about = r#"{"taskId":"t-1"}"#;
    assert!(passed(&boss.request("tasks/get", about).await));
    assert!(!passed(&boss.request("tasks/get", about).await));
    assert_eq!(files.heard_of("tasks/get").len(), 1);
}

#[tokio::test]
async fn a_role_has_the_limits_of_those_it_inherits_from() {
    let limits = "
        [roles.base]
        allow = ['*']
        limits = [{ calls = 1, per = '1h', each = ['caller'] }]
        [roles.user]
        inherits = ['base']
        limits = [{ calls = 5, per = '1h' }]
        [roles.boss]
        allow = ['*']
    ";
    let (_files, _db, gateway) = under(&["read"], limits).await;
    let (sam, eve) = (open(&gateway, "sam").await, open(&gateway, "eve").await);
    for (client, limit) in [(&sam, "base.1"), (&eve, "base.1")] {
        assert!(client.call("files__read", "{}").await.answer()["result"].is_object());
        let refused = client.call("files__read", "{}").await.answer();
        assert_eq!(refused["error"]["data"]["limit"], limit);
    }
    let boss = open(&gateway, "boss").await;
    for _ in 0..9 {
        assert!(boss.call("files__read", "{}").await.answer()["result"].is_object());
    }
}

#[tokio::test]
async fn who_is_stopped_by_one_limit_uses_up_nothing_of_another() {
    let limits = format!(
        "{ROLES}\n[limits.few]\ncalls = 2\nper = '1h'\neach = ['caller']\n\
         [limits.all]\ncalls = 4\nper = '1h'\n"
    );
    let (_files, _db, gateway) = under(&["read"], &limits).await;
    let (sam, eve) = (open(&gateway, "sam").await, open(&gateway, "eve").await);
    assert_eq!(three(&sam, "files__read").await, 2);
    assert_eq!(three(&sam, "files__read").await, 0);
    assert_eq!(
        three(&eve, "files__read").await,
        2,
        "of the four there are still two"
    );
}

#[tokio::test]
async fn of_64_callers_at_once_no_more_pass_than_are_allowed() {
    let limit = format!("{ROLES}\n[limits.few]\ncalls = 10\nper = '1h'\n");
    let (files, _db, gateway) = under(&["read"], &limit).await;
    let sessions = join_all((0..64).map(|_| open(&gateway, "boss"))).await;
    let calls = sessions
        .iter()
        .map(|client| client.post(call("1", "files__read", "{}")));
    let replies = join_all(calls).await;
    assert_eq!(replies.iter().filter(|reply| passed(reply)).count(), 10);
    assert_eq!(files.heard_of("tools/call").len(), 10);
}
