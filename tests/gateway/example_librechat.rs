//! The example for LibreChat, run as its README has it: a real server that looks at the headers it
//! is sent, and callers who come through LibreChat or with keys of their own.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Gateway, Reply, within};

struct Oilfield(Child);

impl Drop for Oilfield {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The example's server and gateway.
async fn example() -> (Oilfield, Gateway) {
    let mut child = Command::new("python3")
        .args(["examples/librechat/oilfield.py", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut url).unwrap();
    let oilfield = Oilfield(child);
    let servers = fs::read_to_string("examples/librechat/servers.toml").unwrap();
    let servers = servers
        .replace("http://127.0.0.1:9100/mcp", url.trim())
        .replace("stdout = true", "");
    let policy = fs::read_to_string("examples/librechat/policies/team.toml").unwrap();
    let gateway = Gateway::with_policy(&servers, &policy).await;
    within("the oilfield", gateway.settled()).await;
    (oilfield, gateway)
}

fn with_key(gateway: &Gateway, holder: &str) -> Client {
    let key = format!("Bearer mcpg_example_key_of_{holder}_which_is_public");
    gateway.client().with("authorization", &key)
}

/// LibreChat, asking for somebody.
fn librechat(gateway: &Gateway, user: &str, role: &str) -> Client {
    with_key(gateway, "librechat")
        .asking_for(user, role)
        .with("x-user-email", &format!("{user}@example.com"))
}

fn text(reply: &Reply) -> String {
    let answer: Value = reply.answer();
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

async fn export(client: &Client) -> Reply {
    let client = client.clone().at("/mcp/call-tool");
    let body = json!({ "name": "export_all_data", "arguments": {} });
    client.post(body.to_string()).await
}

#[tokio::test]
async fn export_is_for_administrators_by_key_and_by_header() {
    let (_oilfield, gateway) = example().await;
    let ada = librechat(&gateway, "ada", "ADMIN");
    for admin in [with_key(&gateway, "ada"), ada] {
        let exported = export(&admin).await;
        assert_eq!(exported.status, StatusCode::OK, "{}", exported.text());
        assert!(
            exported.text().contains("north-1,1250"),
            "{}",
            exported.text()
        );
    }
    let uma = librechat(&gateway, "uma", "USER");
    for user in [with_key(&gateway, "uma"), uma] {
        let refused = export(&user).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let words = "role USER may not call export_all_data";
        assert!(refused.text().contains(words), "{}", refused.text());
    }
}

#[tokio::test]
async fn each_request_counts_anew_when_the_role_changes_within_a_session() {
    let (_oilfield, gateway) = example().await;
    let admin = librechat(&gateway, "sam", "ADMIN").open().await;
    let demoted = admin.now_in("USER");

    assert!(text(&admin.call("export_all_data", "{}").await).contains("north-1"));
    assert_eq!(
        text(&admin.call("who_am_i", "{}").await),
        "role=ADMIN email=sam@example.com"
    );

    let (code, words) = demoted.call("export_all_data", "{}").await.error();
    assert_eq!(
        (code, words.as_str()),
        (-32602, "unknown tool `export_all_data`")
    );
    assert_eq!(
        text(&demoted.call("who_am_i", "{}").await),
        "role=USER email=sam@example.com"
    );
    assert_eq!(demoted.list("tools").await, ["query_wells", "who_am_i"]);
    assert_eq!(admin.list("tools").await.len(), 3);
}

#[tokio::test]
async fn what_librechat_did_not_fill_in_is_refused_in_words_that_say_so() {
    let (_oilfield, gateway) = example().await;
    for (role, words) in [
        ("{{LIBRECHAT_USER_ROLE}}", "placeholder"),
        ("", "missing or empty"),
        ("ROOT", "does not exist"),
    ] {
        let reply = librechat(&gateway, "sam", role)
            .post(crate::support::initialize("2025-11-25"))
            .await;
        assert_eq!(reply.status, StatusCode::OK);
        let (_, message) = reply.error();
        assert!(message.contains(words), "{role}: {message}");
    }
}
