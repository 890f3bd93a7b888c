//! What a server's process may use, and as whom it runs.

use std::{fs, time::Duration};

use serde_json::json;
use tokio::time::Instant;

use crate::{
    pipe::{Gate, gone, server, table},
    support::Gateway,
};

/// What a server says that only speaks its mind and leaves.
fn words(script: &str, more: &str) -> String {
    let script = format!("{script} >&2; exit 7");
    let table = table("s", "sh".as_ref(), &["-c".to_owned(), script]);
    format!("{table}cwd = '/'\n{more}")
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

#[tokio::test]
async fn a_process_has_the_limits_of_its_table() {
    let limits = "memory = '512MiB'\ncpu = '1m'\nopen_files = 64\n";
    let gate = Gate::start(&format!("{}{limits}", server("s", &[]))).await;
    let mut client = gate.client().await;
    let pid = client.text("s__pid", json!({})).await;

    let said = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();

    let row = |name: &str| {
        let row = said.lines().find_map(|line| line.strip_prefix(name));
        let row: Vec<&str> = row.unwrap().split_whitespace().collect();
        row[..2].join(" ")
    };
    assert_eq!(row("Max data size"), "536870912 536870912");
    assert_eq!(row("Max cpu time"), "60 61");
    assert_eq!(row("Max open files"), "64 64");
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_works_for_too_long_is_ended_and_the_setting_named() {
    let gate = Gate::start(&format!("{}cpu = '1s'\n", server("s", &[]))).await;
    let mut client = gate.client().await;

    let script = json!({"script": "ulimit -c 0; while :; do :; done"});
    let answer = client.call("s__become", script).await;

    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("SIGXCPU"), "{message}");
    assert!(message.ends_with("after 1s of work (`cpu`)"), "{message}");
    gate.stop().await;
}

#[tokio::test]
async fn a_server_runs_as_another_user_only_where_root_launches_it() {
    let script = "echo $(id -un) $HOME $USER, $(id -G)";
    let gate = Gate::start(&words(script, "user = 'nobody'\n")).await;

    let error = gate.state_of("s").error.unwrap();

    if is_root() {
        let start = "it stopped: exit status: 7, after saying `nobody /";
        assert!(error.starts_with(start), "{error}");
        let (_, groups) = error.split_once(" nobody, ").unwrap();
        let groups: Vec<&str> = groups.trim_end_matches('`').split(' ').collect();
        assert!(!groups.contains(&"0"), "{error}");
    } else {
        let end = "only root may launch a server as somebody else";
        assert!(error.ends_with(end), "{error}");
    }
    gate.stop().await;
}

#[tokio::test]
async fn what_the_config_says_of_the_home_of_a_user_counts() {
    if !is_root() {
        return; // the one above says what happens then
    }
    let more = "user = 'nobody'\nenv = { HOME = '/srv/mcp' }\n";
    let gate = Gate::start(&words("echo $HOME", more)).await;

    let error = gate.state_of("s").error.unwrap();

    assert!(error.ends_with("after saying `/srv/mcp`"), "{error}");
    gate.stop().await;
}

#[tokio::test]
async fn a_user_or_group_that_does_not_exist_is_told_by_its_key() {
    let gate = Gate::start(&words("true", "user = 'no-such-user'\n")).await;
    let error = gate.state_of("s").error.unwrap();
    assert_eq!(
        error,
        "it cannot be started: `sh` in /: `user`: there is no `no-such-user`"
    );
    gate.stop().await;

    let gate = Gate::start(&words("true", "group = 'no-such-group'\n")).await;
    let error = gate.state_of("s").error.unwrap();
    assert!(
        error.ends_with("`group`: there is no `no-such-group`"),
        "{error}"
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_program_that_is_not_mcpgate_does_not_launch_without_the_limits() {
    let gateway = Gateway::start(&format!("{}open_files = 64\n", server("s", &[]))).await;
    gateway.settled().await;

    let error = gateway.state("s").error.unwrap();

    assert!(error.contains("need `mcpgate` as its launcher"), "{error}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_server_that_ignores_everything_has_twice_its_stop_timeout() {
    let gate = Gate::start(&format!("{}stop_timeout = '50ms'\n", server("s", &[]))).await;
    let mut client = gate.client().await;
    let pid = client.text("s__pid", json!({})).await.parse().unwrap();
    let last = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "last"}});
    let script = format!("trap '' TERM; echo '{last}'; exec sleep 3600");
    client
        .begin_call("s__become", json!({"script": script}))
        .await;
    client.told("notifications/message").await;
    let began = Instant::now();

    gate.stop().await;

    // With the default it takes four.
    assert!(began.elapsed() < Duration::from_secs(3));
    gone(pid).await;
}
