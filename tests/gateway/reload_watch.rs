//! Files that change, however they do, are read again; SIGHUP has them read, too.

use std::{fs, os::unix::fs::symlink, path::Path};

use mcpgate::observe::Reload;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};

use crate::{
    cli::EXAMPLE,
    pipe::{Stdio, program, server, signal, soon},
    support::{Client, Gateway, HttpServer, initialize, key, request, within},
};

const ROLE: &str = "[roles.a]\nallow = ['*']\n";

async fn under(policy: &str) -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["read", "write"]).await;
    let gateway = Gateway::with_policy(&server.table("files"), policy).await;
    gateway.settled().await;
    (server, gateway)
}

/// The last reload, once it is one that went so.
async fn reloaded(gateway: &Gateway, fits: impl Fn(&Reload) -> bool) -> Reload {
    let reloads = &gateway.pipeline().metrics.reloads;
    let came = async {
        loop {
            match reloads.last().filter(&fits) {
                Some(reload) => return reload,
                None => tokio::task::yield_now().await,
            }
        }
    };
    within("a reload", came).await
}

async fn ok(gateway: &Gateway) -> Reload {
    reloaded(gateway, |reload| reload.outcome == "ok").await
}

/// Writes beside the file and moves it there, as editors do.
fn replace(file: &Path, text: &str) {
    let beside = file.with_extension("toml~");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, file).unwrap();
}

#[tokio::test]
async fn a_file_that_an_editor_puts_in_the_place_of_another_is_read() {
    let (server, gateway) = under("").await;
    gateway.watch();

    let prefixed = [server.table("files"), "prefix = 'docs'\n".to_owned()].concat();
    replace(&gateway.folder().join("servers.toml"), &prefixed);
    let first = ok(&gateway).await;
    assert!(
        gateway
            .session()
            .await
            .list("tools")
            .await
            .contains(&"docs__read".to_owned())
    );

    // And again: the first of them is not there any more.
    replace(
        &gateway.folder().join("servers.toml"),
        &server.table("files"),
    );
    reloaded(&gateway, |reload| reload.at > first.at).await;
    assert!(
        gateway
            .session()
            .await
            .list("tools")
            .await
            .contains(&"files__read".to_owned())
    );
}

#[tokio::test]
async fn a_policy_that_comes_and_one_that_goes_is_noticed() {
    let (_server, gateway) = under("").await;
    gateway.watch();
    let new = gateway.folder().join("policies/new.toml");
    let sam = || gateway.client().holding("sam").open();

    fs::write(
        &new,
        [&key("sam", "role = 'a'"), "[roles.a]\nallow = ['*/read']\n"].concat(),
    )
    .unwrap();
    let first = ok(&gateway).await;
    assert_eq!(sam().await.list("tools").await, ["files__read"]);

    fs::remove_file(&new).unwrap();
    reloaded(&gateway, |reload| reload.at > first.at).await;
    assert_eq!(gateway.session().await.list("tools").await.len(), 2);
}

#[tokio::test]
async fn a_bad_file_is_told_once_and_the_next_good_one_counts() {
    let (_server, gateway) = under(ROLE).await;
    gateway.watch();
    let failed = |reload: &Reload| reload.outcome == "failed";

    gateway.write("policies/policy.toml", "[roles.a]\nalow = ['*']\n");
    let first = reloaded(&gateway, failed).await;
    assert!(
        first
            .error
            .as_ref()
            .unwrap()
            .contains("did you mean `allow`"),
        "{first:?}"
    );
    gateway.write("policies/policy.toml", ROLE);

    assert_eq!(ok(&gateway).await.error, None);
    assert_eq!(numbers(&gateway).await, (1, 1));
}

/// How many reloads went well, and how many did not.
async fn numbers(gateway: &Gateway) -> (usize, usize) {
    let client: Client = gateway.client().at("/metrics");
    let page = client.ask(http::Method::GET, "").await;
    let number = |outcome: &str| {
        let start = format!("mcpgate_reloads_total{{outcome=\"{outcome}\"}} ");
        let line = page
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(&start));
        line.unwrap().parse().unwrap()
    };
    (number("ok"), number("failed"))
}

#[tokio::test]
async fn what_is_written_again_as_it_was_is_no_reload() {
    let (server, gateway) = under(ROLE).await;
    gateway.watch();
    for _ in 0..3 {
        replace(
            &gateway.folder().join("servers.toml"),
            &server.table("files"),
        );
    }
    fs::write(gateway.folder().join("audit.jsonl"), "no file of ours").unwrap();
    let other = [ROLE, "[roles.b]\nallow = []\n"].concat();
    gateway.write("policies/policy.toml", &other);

    ok(&gateway).await;

    assert_eq!(numbers(&gateway).await, (1, 0));
}

#[tokio::test]
async fn a_link_that_kubernetes_moves_brings_all_files_at_once() {
    let (server, gateway) = under("").await;
    let root = gateway.folder();
    fs::remove_dir_all(root.join("policies")).unwrap();
    for (version, rule) in [("1", "read"), ("2", "write")] {
        let folder = root.join(format!("..{version}"));
        fs::create_dir(&folder).unwrap();
        let policy = format!(
            "{}[roles.a]\nallow = ['*/{rule}']\n",
            key("sam", "role = 'a'")
        );
        fs::create_dir(folder.join("policies")).unwrap();
        fs::write(folder.join("policies/policy.toml"), policy).unwrap();
        fs::write(folder.join("servers.toml"), server.table("files")).unwrap();
    }
    symlink("..1", root.join("..data")).unwrap();
    fs::remove_file(root.join("servers.toml")).unwrap();
    symlink("..data/servers.toml", root.join("servers.toml")).unwrap();
    symlink("..data/policies", root.join("policies")).unwrap();
    gateway.reload().await.unwrap();
    let first = ok(&gateway).await;
    let sam = gateway.client().holding("sam").open().await;
    assert_eq!(sam.list("tools").await, ["files__read"]);
    gateway.watch();

    symlink("..2", root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();

    reloaded(&gateway, |reload| reload.at > first.at).await;
    assert_eq!(sam.list("tools").await, ["files__write"]);
}

#[tokio::test]
async fn a_secret_in_a_file_of_its_own_is_followed_too() {
    let (server, gateway) = under("").await;
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("token");
    fs::write(&secret, "one").unwrap();
    let headers = format!(
        "headers = {{ X-Token = '${{file:{}}}' }}\n",
        secret.display()
    );
    gateway.write("servers.toml", &[server.table("files"), headers].concat());
    gateway.reload().await.unwrap();
    let sends = |token: &'static str| {
        let by = move |heard: &crate::support::Heard| {
            heard
                .headers
                .get("x-token")
                .is_some_and(|value| value == token)
        };
        server.nth(token, 1, by)
    };
    sends("one").await;
    gateway.watch();

    fs::write(&secret, "two").unwrap();

    sends("two").await;
}

#[tokio::test]
async fn a_client_on_stdio_hears_of_a_server_that_a_file_brings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("servers.toml");
    fs::write(&file, EXAMPLE).unwrap();
    let mut mcpgate = Stdio::start(folder.path());
    mcpgate.say(&initialize("2025-06-18")).await;
    mcpgate.line().await;
    mcpgate.say(&request("1", "tools/list", "{}")).await;
    assert!(mcpgate.line().await.contains("example__add"));

    replace(&file, &[EXAMPLE, &server("new", &[])].concat());

    while !mcpgate.line().await.contains("tools/list_changed") {}
    mcpgate.say(&request("2", "tools/list", "{}")).await;
    while !mcpgate.line().await.contains("new__pid") {}
    assert_eq!(mcpgate.close().await.status.code(), Some(0));
}

/// What `mcpgate serve` says from here on, up to a line with these words.
async fn said<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut Lines<R>, words: &str) -> String {
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(words) {
                return line;
            }
        }
        panic!("it ended without: {words}");
    };
    soon(words, found).await
}

#[tokio::test]
async fn a_hangup_has_the_files_read_and_the_audit_log_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let settings =
        "[gateway]\nlisten = '127.0.0.1:0'\nwatch = false\n[audit]\nfile = 'audit.jsonl'\n";
    fs::write(at("servers.toml"), [settings, EXAMPLE].concat()).unwrap();
    let mut command = program(folder.path());
    command.arg("serve").stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let serves = said(&mut lines, "serves http://").await;
    let url = serves.split("serves ").nth(1).unwrap().trim();
    let pid = child.id().unwrap();
    let call = async |tool: &str| {
        let mut command = program(folder.path());
        let output = command
            .args(["call", tool, "a=2", "b=3", "--url", url])
            .output();
        String::from_utf8(soon("a call", output).await.unwrap().stdout).unwrap()
    };
    assert!(call("example__add").await.contains('5'));

    fs::rename(at("audit.jsonl"), at("audit.old")).unwrap();
    let other = EXAMPLE.replace("[servers.example]", "[servers.sums]");
    fs::write(at("servers.toml"), [settings, &other].concat()).unwrap();
    signal("HUP", pid).await;

    let told = said(&mut lines, "reloaded: ").await;
    assert!(told.contains("added sums, removed example"), "{told}");
    said(&mut lines, "server is up").await;
    assert!(call("sums__add").await.contains('5'));
    signal("TERM", pid).await;
    let code = soon("the end", child.wait()).await.unwrap().code();
    assert_eq!(code, Some(0));
    let (old, new) = (
        fs::read_to_string(at("audit.old")),
        fs::read_to_string(at("audit.jsonl")),
    );
    assert!(old.unwrap().contains("\"example\""));
    assert!(new.unwrap().contains("\"sums\""));
}
