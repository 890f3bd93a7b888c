//! The program is restarted, and its clients go on.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use http::StatusCode;

use crate::{
    pipe::{program, soon},
    support::{Heard, HttpServer, Running, folder, notification, within},
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

#[tokio::test]
async fn what_a_session_hears_of_outlives_a_stop_and_a_kill() {
    const WISHES: &str = ".local/state/mcpgate/wishes.json";
    const SUBSCRIBE: &str = "resources/subscribe";
    let server = HttpServer::with_tools(&["echo"]).await;
    let uris = ["x://1", "x://2"];
    server.offer(
        "resources/list",
        &uris.map(|uri| format!(r#"{{"uri":"{uri}","name":"x"}}"#)),
    );
    let folder = folder(&server.table("up"), &[]);
    let mut running = Running::start(folder.path()).await;
    let mut client = running.client().open().await;
    client
        .request("logging/setLevel", r#"{"level":"warning"}"#)
        .await;

    for (uri, is_killed) in uris.into_iter().zip([false, true]) {
        let params = format!(r#"{{"uri":"{uri}"}}"#);
        client.request(SUBSCRIBE, &params).await;
        if is_killed {
            let file = folder.path().join(WISHES);
            within("the file", async {
                while !fs::read_to_string(&file).unwrap().contains(uri) {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            running.process.kill().await.unwrap();
        } else {
            assert!(running.stop().await.success());
        }
        let before = server.heard_of(SUBSCRIBE).len();

        running = Running::start(folder.path()).await;
        client = client.moved(&running.url);
        let mut stream = client.listen().await;

        let again = |heard: &Heard| heard.method() == SUBSCRIBE && heard.text().contains(uri);
        let known = server
            .heard_of(SUBSCRIBE)
            .iter()
            .take(before)
            .filter(|heard| again(heard))
            .count();
        let kept = server.nth("the subscription", known + 1, again).await;
        let news = notification("notifications/resources/updated", &params);
        server.push(kept.session(), &news).await;
        // The lists have changed, too, since the stream was open before the server was there.
        let mut told = stream.data().await;
        while told.contains("list_changed") {
            told = stream.data().await;
        }
        assert_eq!(told, news);
        let level = server.heard_of("logging/setLevel").pop().unwrap();
        assert_eq!(
            (level.session(), &level.param("level")),
            (kept.session(), &"warning".into())
        );
    }
    let mode = fs::metadata(folder.path().join(WISHES))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_of_subscriptions_that_cannot_be_read_is_a_warning() {
    let folder = folder("[gateway]\nstate_dir = 'kept'", &[]);
    Running::start(folder.path()).await.stop().await;
    fs::write(folder.path().join("kept/wishes.json"), "{").unwrap();

    let running = Running::start(folder.path()).await;

    let said = running.said();
    assert!(
        said.contains("wishes.json: EOF") && said.contains("subscribe again"),
        "{said}"
    );
    assert!(running.stop().await.success());
}
