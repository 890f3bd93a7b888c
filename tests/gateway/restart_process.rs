//! The program is restarted, and its clients go on.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use http::StatusCode;

use crate::{
    pipe::{program, soon},
    support::{HttpServer, Running, folder},
};

/// Where the program keeps its key, if nothing says otherwise.
const STATE: &str = ".local/state/mcpgate/session.key";

#[tokio::test]
async fn a_session_goes_on_after_a_restart_without_initialize() {
    let server = HttpServer::with_tools(&["echo"]).await;
    let keys = [("alice", "a-key"), ("bob", "b-key")];
    let folder = folder(&server.table("up"), &keys);
    let before = Running::start(folder.path()).await;
    let alice = before.client().with("x-api-key", "a-key").open().await;
    let listed = alice.list("tools").await;
    assert_eq!(alice.call("up__echo", "{}").await.status, StatusCode::OK);
    assert!(before.stop().await.success());

    let mut after = Running::start(folder.path()).await;
    let alice = alice.moved(&after.url);
    let bob = after.client().with("x-api-key", "b-key");
    let bob = bob.with("mcp-session-id", alice.session());

    assert_eq!(
        bob.request("ping", "{}").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(alice.list("tools").await, listed);
    let called = alice.call("up__echo", "{}").await;
    assert_eq!(called.answer()["result"]["name"], "echo");
    after.says("session rebuilt").await;
    alice.clone().with("last-event-id", "9").listen().await;
    let mode = fs::metadata(folder.path().join(STATE)).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn without_a_state_dir_a_restart_ends_all_sessions() {
    let folder = folder("[gateway]\nstate_dir = ''", &[]);
    let before = Running::start(folder.path()).await;
    let client = before.client().open().await;
    before.stop().await;

    let after = Running::start(folder.path()).await;
    let client = client.moved(&after.url);

    let ping = client.request("ping", "{}").await;
    assert_eq!(ping.status, StatusCode::NOT_FOUND);
    assert!(!Path::new(&folder.path().join(STATE)).exists());
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused_at_the_start() {
    let folder = folder("[gateway]\nstate_dir = 'kept'", &[]);
    Running::start(folder.path()).await.stop().await;
    let key = folder.path().join("kept/session.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();

    let mut command = program(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let output = soon("the refusal", command.output()).await.unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("open to others (mode 0644)"), "{said}");
}
