//! Files that change, however they do, are read again.

use std::{fs, os::unix::fs::symlink, path::Path};

use mcpgate::observe::Reload;

use crate::support::{Client, Gateway, HttpServer, key, within};

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

async fn tools(gateway: &Gateway) -> Vec<String> {
    gateway.session().await.list("tools").await
}

async fn ok(gateway: &Gateway) -> Reload {
    reloaded(gateway, |reload| reload.outcome == "ok").await
}

/// Writes beside the file and moves it there, as editors do.
pub(crate) fn replace(file: &Path, text: &str) {
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
    assert_eq!(tools(&gateway).await[0], "docs__read");

    // And again: the first of them is not there any more.
    replace(
        &gateway.folder().join("servers.toml"),
        &server.table("files"),
    );
    reloaded(&gateway, |reload| reload.at > first.at).await;
    assert_eq!(tools(&gateway).await[0], "files__read");
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
    assert_eq!(tools(&gateway).await.len(), 2);
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
