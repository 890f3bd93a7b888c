//! Servers that come late, or not at all, or hang: they cost their own entries and nothing else.

use serde_json::json;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};

use crate::pipe::{Gate, gone, server, soon, table};

const CHANGED: &str = "notifications/tools/list_changed";

/// Where a server waits when it is started with the flags.
pub(crate) struct Barrier {
    listener: UnixListener,
    flags: [String; 2],
    _folder: TempDir,
}

impl Barrier {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("barrier");
        Self {
            listener: UnixListener::bind(&path).unwrap(),
            flags: ["--gate".to_owned(), path.to_string_lossy().into_owned()],
            _folder: folder,
        }
    }

    /// The table of a server that waits here.
    pub(crate) fn server(&self, name: &str, more: &[&str]) -> String {
        let flags = [&[self.flags[0].as_str(), &self.flags[1]], more].concat();
        server(name, &flags)
    }

    /// The server that has come: it goes on when this is dropped.
    pub(crate) async fn arrived(&self) -> (UnixStream, u32) {
        let (server, _) = soon("the server", self.listener.accept()).await.unwrap();
        let pid = server.peer_cred().unwrap().pid().unwrap();
        (server, pid.try_into().unwrap())
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_started_costs_only_its_own_entries() {
    let none = table("none", "/no/such/program".as_ref(), &[]);
    let gate = Gate::start(&[none, server("s", &[])].concat()).await;
    let mut client = gate.client().await;

    assert_ne!(client.text("s__pid", json!({})).await, "");
    let listed = client.ask("tools/list", &json!({})).await["result"].to_string();
    assert!(listed.contains("s__pid") && !listed.contains("none__"));
    assert_eq!(gate.state("none"), "down");
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_never_answers_initialize_holds_nobody_up_and_is_not_left_behind() {
    let barrier = Barrier::new();
    let mute = barrier.server("mute", &["--mute", "initialize"]);
    let limits = "connect_timeout = '700ms'\n[gateway]\nfirst_list_wait = '300ms'\n";
    let gate = Gate::begin(&[&mute, limits, &server("s", &[])].concat());
    let (waits, pid) = barrier.arrived().await;
    drop(waits);
    let mut client = gate.client().await;

    let listed = client.ask("tools/list", &json!({})).await["result"].to_string();

    assert!(listed.contains("s__pid") && !listed.contains("mute__"));
    gone(pid).await;
    gate.stop().await;
}

#[tokio::test]
async fn a_server_that_is_still_starting_is_not_left_behind_either() {
    let barrier = Barrier::new();
    let gate = Gate::begin(&barrier.server("s", &[]));
    let (waits, pid) = barrier.arrived().await;

    gate.stop().await;

    gone(pid).await;
    drop(waits);
}

#[tokio::test]
async fn a_slow_server_joins_when_it_comes_up_and_clients_are_told() {
    let barrier = Barrier::new();
    let wait = "[gateway]\nfirst_list_wait = '1s'\n";
    let gate = Gate::begin(&[wait, &barrier.server("slow", &[]), &server("s", &[])].concat());
    let mut client = gate.client().await;
    let (waits, _) = barrier.arrived().await;
    let listed = client.ask("tools/list", &json!({})).await["result"].to_string();
    assert!(listed.contains("s__pid") && !listed.contains("slow__"));
    while client
        .rest()
        .await
        .iter()
        .any(|line| line.contains("list_changed"))
    {}

    drop(waits);

    client.told(CHANGED).await;
    assert_ne!(client.text("slow__pid", json!({})).await, "");
    gate.stop().await;
}

#[tokio::test]
async fn what_a_server_that_is_starting_will_offer_can_be_called_at_once() {
    let barrier = Barrier::new();
    let gate = Gate::begin(&barrier.server("s", &[]));
    let mut client = gate.client().await;
    let (waits, _) = barrier.arrived().await;
    let call = client.begin_call("s__pid", json!({})).await;
    client.ask("ping", &json!({})).await;

    drop(waits);

    assert!(client.answer(&call).await["result"].is_object());
    gate.stop().await;
}

#[tokio::test]
async fn a_list_that_fails_or_turns_in_circles_costs_only_itself() {
    let fails = server("fails", &["--fail", "prompts/list"]);
    let circles = server("circles", &["--cursor", "again"]);
    let gate = Gate::start(&[fails, circles].concat()).await;
    let mut client = gate.client().await;

    assert_ne!(client.text("fails__pid", json!({})).await, "");
    let prompts = client.ask("prompts/list", &json!({})).await;
    assert_eq!(prompts["result"], json!({"prompts": []}));
    let tools = client.ask("tools/list", &json!({})).await["result"].to_string();
    assert!(tools.contains("fails__pid") && !tools.contains("circles__"));
    assert_eq!(gate.state("circles"), "up");
    gate.stop().await;
}

#[tokio::test]
async fn a_list_that_hangs_is_given_up_and_fetched_at_the_next_change() {
    let gate = Gate::start(&format!("{}timeout = '1s'\n", server("s", &[]))).await;
    let mut client = gate.client().await;
    let changed = json!({"jsonrpc": "2.0", "method": CHANGED}).to_string();
    let hang = json!({"lines": [changed], "mute": ["tools/list"]});
    client.call("s__say", hang).await;
    client.received("s", "tools/list\"", 2).await;

    client.call("s__say", json!({"mute": []})).await;
    let tools = json!([{"name": "new", "inputSchema": {"type": "object"}}]);
    client.call("s__offer", json!({"tools": tools})).await;

    client.told(CHANGED).await;
    let listed = client.ask("tools/list", &json!({})).await["result"].to_string();
    assert!(listed.contains("s__new"));
    gate.stop().await;
}
