//! `/stats`: what has been counted and the last requests, for who looks after the gateway alone.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Gateway, HttpServer, Reply, key};

const ROLES: &str = r#"
[roles.admin]
allow = ["*"]
admin = true
[roles.user]
allow = ["up/*"]
deny = ["up/secret"]
[roles.heir]
inherits = ["admin"]
[roles.office]
allow = ["*"]
admin = true
from = ["192.0.2.0/24"]
"#;

async fn asked(client: Client) -> Reply {
    client.at("/stats").ask(Method::GET, "").await
}

/// As somebody sees it who may.
async fn stats(client: Client) -> Value {
    let reply = asked(client).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

fn policy() -> String {
    let keys = ["admin", "user", "heir", "office"];
    let keys = keys.map(|name| key(name, &format!("role = \"{name}\"")));
    keys.concat() + ROLES
}

#[tokio::test]
async fn requests_are_counted_by_how_they_end_and_the_last_are_shown_without_their_arguments() {
    let server = HttpServer::with_tools(&["echo", "secret"]).await;
    let gateway = Gateway::with_policy(&server.table("up"), &policy()).await;
    gateway.settled().await;
    let user = gateway.client().holding("user").open().await;
    for _ in 0..3 {
        user.call("up__echo", r#"{"word":"hunter2"}"#)
            .await
            .answer();
    }
    user.call("up__secret", "{}").await.error();
    user.list("tools").await;
    asked(gateway.client().holding("nobody")).await;

    let reply = asked(gateway.client().holding("admin")).await;
    let page: Value = serde_json::from_slice(&reply.body).unwrap();

    let numbers = ["total_requests", "successful_requests", "failed_requests"];
    assert_eq!(numbers.map(|key| page[key].as_u64()), [5, 4, 1].map(Some));
    assert_eq!(page["success_rate"], json!(0.8));
    assert!(page["avg_response_time"].as_f64().unwrap() > 0.0);
    assert!(page["uptime_seconds"].is_f64(), "{page}");
    assert_eq!(page["active_sessions"], 1);
    assert!(page["active_connections"].as_u64() >= Some(1), "{page}");
    let recent = page["recent_requests"].as_array().unwrap();
    let shown: Vec<[&str; 5]> = recent
        .iter()
        .map(|one| {
            let keys = ["caller", "method", "server", "tool", "outcome"];
            keys.map(|key| one[key].as_str().unwrap_or("-"))
        })
        .collect();
    let call = |tool, outcome| ["key:user", "tools/call", "up", tool, outcome];
    let list = ["key:user", "tools/list", "-", "-", "ok"];
    let (ok, refused) = (call("echo", "ok"), call("secret", "refused"));
    assert_eq!(shown, [list, refused, ok, ok, ok]);
    let newest = &recent[0];
    assert!(
        newest["time"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    assert!(newest["duration"].as_f64().unwrap() > 0.0);
    assert!(!reply.text().contains("hunter2") && !reply.text().contains("word"));
}

#[tokio::test]
async fn servers_tools_roles_callers_and_refusals_have_their_numbers() {
    let server = HttpServer::with_tools(&["echo", "secret"]).await;
    let gateway = Gateway::with_policy(&server.table("up"), &policy()).await;
    gateway.settled().await;
    let user = gateway.client().holding("user").open().await;
    user.call("up__echo", "{}").await.answer();
    user.call("up__secret", "{}").await.error();
    asked(gateway.client().holding("nobody")).await;

    let page = stats(gateway.client().holding("admin")).await;

    let up = &page["servers"]["up"];
    assert_eq!((&up["state"], &up["tools"]), (&json!("up"), &json!(2)));
    let requests = &up["requests"];
    assert_eq!(
        (&requests["ok"], &requests["refused"]),
        (&json!(1), &json!(1))
    );
    assert!(requests["p50"].as_f64() <= requests["p99"].as_f64(), "{up}");
    let last = requests["buckets"].as_array().unwrap().last().unwrap();
    assert_eq!(last, &json!([null, 2]));
    let tools = page["tools"].as_array().unwrap();
    let echo = tools.iter().find(|one| one["tool"] == "echo").unwrap();
    let named = (&echo["server"], &echo["role"], &echo["ok"]);
    assert_eq!(named, (&json!("up"), &json!("user"), &json!(1)));
    assert!(echo["p50"].as_f64() > Some(0.0), "{echo}");
    let role = json!({ "ok": 1, "error": 0, "refused": 1, "cancelled": 0 });
    assert_eq!(page["roles"]["user"], role);
    let caller = &page["callers"][0];
    assert_eq!(
        (&caller["caller"], &caller["sessions"]),
        (&json!("key:user"), &json!(1))
    );
    assert_eq!(
        (&caller["recent_requests"], &caller["recent_failed"]),
        (&json!(2), &json!(1))
    );
    let sessions = json!([{ "transport": "http", "revision": "2025-11-25", "count": 1 }]);
    assert_eq!(page["sessions"], sessions);
    let refusals = &page["refusals"];
    assert_eq!(
        refusals["denied"],
        json!([{ "tool": "secret", "role": "user", "count": 1 }])
    );
    let unknown = json!([{ "scheme": "key", "reason": "unknown", "count": 1 }]);
    assert_eq!(refusals["sign_ins"], unknown);
    let reason = json!({ "stage": "authorise", "reason": "forbidden", "count": 1 });
    assert!(
        refusals["reasons"].as_array().unwrap().contains(&reason),
        "{refusals}"
    );
}

#[tokio::test]
async fn where_callers_are_asked_only_a_role_with_admin_sees_it() {
    let gateway = Gateway::with_policy("", &policy()).await;

    assert_eq!(
        asked(gateway.client()).await.status,
        StatusCode::UNAUTHORIZED
    );
    let unknown = gateway.client().holding("nobody");
    assert_eq!(asked(unknown).await.status, StatusCode::UNAUTHORIZED);
    for name in ["user", "heir", "office"] {
        let refused = asked(gateway.client().holding(name)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{name}");
        assert!(
            refused.text().contains("admin = true"),
            "{}",
            refused.text()
        );
    }
    stats(gateway.client().holding("admin")).await;
    let posted = gateway.client().holding("admin").at("/stats");
    let posted = posted.post("{}").await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_reload_that_takes_the_right_away_takes_it_at_once() {
    let gateway = Gateway::with_policy("", &policy()).await;
    stats(gateway.client().holding("admin")).await;

    gateway.write(
        "policies/policy.toml",
        &policy().replace("admin = true", ""),
    );
    gateway.reload().await.unwrap();

    let refused = asked(gateway.client().holding("admin")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_roles_whoever_has_a_key_may_do_everything_and_so_this() {
    let gateway = Gateway::with_keys("", &[("sam", "mcpg_sam")]).await;

    stats(gateway.client().holding("sam")).await;
    assert_eq!(
        asked(gateway.client()).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn where_nobody_is_asked_it_is_for_this_machine_and_for_listed_addresses() {
    let gateway = |listed: &str| {
        let servers = format!("[gateway]\ntrusted_proxies = [\"127.0.0.1\"]\n{listed}");
        async move { Gateway::start(&servers).await }
    };
    let closed = gateway("").await;
    let listed = gateway("metrics_from = [\"192.0.2.0/24\"]").await;
    let afar = |gateway: &Gateway| gateway.client().with("x-forwarded-for", "192.0.2.7");

    stats(closed.client()).await;
    assert_eq!(asked(afar(&closed)).await.status, StatusCode::FORBIDDEN);
    stats(afar(&listed)).await;
    let rebound = closed.client().with("host", "evil.example.com");
    assert_eq!(asked(rebound).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_stranger_is_never_an_admin() {
    let gateway = Gateway::with_policy("", &policy()).await;

    gateway.write(
        "policies/policy.toml",
        &(policy() + "[anonymous]\nrole = \"admin\"\n"),
    );
    let refused = gateway.reload().await.unwrap_err();

    assert!(refused.contains("`role` in [anonymous]"), "{refused}");
    assert!(refused.contains("admin = true"), "{refused}");
}

#[tokio::test]
async fn a_key_that_only_vouches_for_others_is_no_admin() {
    let lender = key("chat", "") + "[trusted_headers]\nkeys = [\"chat\"]\n";
    let gateway = Gateway::with_policy("", &(policy() + &lender)).await;
    let chat = || gateway.client().holding("chat");

    assert_eq!(asked(chat()).await.status, StatusCode::FORBIDDEN);
    let user = chat().asking_for("7", "user");
    assert_eq!(asked(user).await.status, StatusCode::FORBIDDEN);
    stats(chat().asking_for("7", "admin")).await;
}
