//! A command with `scope = "user"` may be launched with what is known of its user.

use crate::{
    pipe,
    support::{BELIEVED, Client, Gateway},
};

// `CARGO_PKG_NAME` is in the environment of whatever runs these tests.
const ENV: &str = r#"scope = "user"
env = { FIXED = "f", WHO = "{{caller.id}}/{{caller.role}}", CARGO_PKG_NAME = "{{caller.email}}" }
"#;

async fn started(flags: &[&str]) -> Gateway {
    let tool = r#"[{"name":"env","inputSchema":{"type":"object"}}]"#;
    let flags = [&["--tools", tool], flags].concat();
    let table = format!("{}{ENV}", pipe::server("kid", &flags));
    let gateway = Gateway::with_policy(&table, BELIEVED).await;
    gateway.settled().await;
    gateway
}

async fn text(client: &Client, tool: &str, arguments: &str) -> String {
    let answer = client.call(tool, arguments).await.answer();
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn variable(client: &Client, name: &str) -> String {
    text(client, "kid__env", &format!(r#"{{"variable":"{name}"}}"#)).await
}

async fn pid(client: &Client) -> u32 {
    text(client, "kid__pid", "{}").await.parse().unwrap()
}

#[tokio::test]
async fn each_user_has_a_process_that_knows_it() {
    assert!(std::env::var("CARGO_PKG_NAME").is_ok());
    let gateway = started(&[]).await;
    let sam = gateway
        .client()
        .asking_for("sam", "admin")
        .with("x-user-email", "sam@example.com");
    let sam = sam.open().await;
    let kim = gateway.client().asking_for("kim", "admin").open().await;
    assert_eq!(variable(&sam, "WHO").await, "sam/admin");
    assert_eq!(variable(&kim, "WHO").await, "kim/admin");
    assert_eq!(variable(&kim, "FIXED").await, "f");
    assert_eq!(variable(&sam, "CARGO_PKG_NAME").await, "sam@example.com");
    // What is not known is not there, however the gateway itself was launched.
    assert_eq!(variable(&kim, "CARGO_PKG_NAME").await, "(not set)");
}

#[tokio::test]
async fn a_user_in_another_role_has_another_process() {
    let gateway = started(&[]).await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    let second = gateway.client().asking_for("sam", "admin").open().await;
    let admin = pid(&client).await;
    assert_eq!(pid(&second).await, admin);
    let guest = client.now_in("guest");
    assert_eq!(variable(&guest, "WHO").await, "sam/guest");
    let other = pid(&guest).await;
    assert_ne!(other, admin);
    assert_eq!(pid(&client).await, admin);

    // All of them end with the last of their user's sessions.
    client.ask(http::Method::DELETE, "").await;
    assert_eq!(pid(&second).await, admin);
    second.ask(http::Method::DELETE, "").await;
    pipe::gone(admin).await;
    pipe::gone(other).await;
}

#[tokio::test]
async fn a_user_has_so_many_processes_and_no_more() {
    let gateway = started(&[]).await;
    let client = gateway.client().asking_for("sam", "admin").open().await;
    let mut pids = Vec::new();
    for number in 0..9 {
        let client = client.clone().with("x-user-email", &format!("{number}@x"));
        pids.push(pid(&client).await);
    }
    pipe::gone(pids[0]).await;
    assert!(pids[1..].iter().all(|pid| pipe::alive(*pid)));
}

#[tokio::test]
async fn a_process_that_keeps_no_sessions_serves_its_user_alone_too() {
    let gateway = started(&["--modern", "2026-07-28"]).await;
    let sam = gateway.client().asking_for("sam", "admin").open().await;
    let kim = gateway.client().asking_for("kim", "guest").open().await;
    assert_eq!(variable(&sam, "WHO").await, "sam/admin");
    assert_eq!(variable(&kim, "WHO").await, "kim/guest");
    assert_ne!(pid(&sam).await, pid(&kim).await);
}
