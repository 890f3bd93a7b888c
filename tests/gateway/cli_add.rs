//! `mcpgate add` and `remove`: `servers.toml`, changed with all else as a person wrote it.

use std::{fs, os::unix::fs::PermissionsExt};

use insta::assert_snapshot;

use crate::{
    cli::EXAMPLE,
    cli_import::ran,
    pipe::Stdio,
    reload_watch::replace,
    support::{initialize, request},
};

fn folder(servers: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("servers.toml"), servers).unwrap();
    folder
}

fn read(folder: &tempfile::TempDir) -> String {
    fs::read_to_string(folder.path().join("servers.toml")).unwrap()
}

const OWN: &str = "# mine\n\n# the first\n[servers.example] # built in\ncommand = 'mcpgate'\nargs = ['example']\n# end";

#[tokio::test]
async fn a_server_joins_at_the_end_and_the_rest_stays() {
    let folder = folder(OWN);
    let words = [
        "add",
        "files",
        "--env",
        "LEVEL=warn",
        "--env",
        "TOKEN=${TOKEN}",
        "--",
        "npx",
        "-y",
        "server",
        "--root",
        "/srv",
    ];

    let (code, out, err) = ran(folder.path(), &words).await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_snapshot!(out, @r#"
    servers.toml: added

    [servers.files]
    command = "npx"
    args = ["-y", "server", "--root", "/srv"]
    env = { LEVEL = "warn", TOKEN = "${TOKEN}" }

    A gateway that runs with this file takes it up by itself; `mcpgate check` tries it.
    "#);
    let (_, added) = out.split_once("added\n\n").unwrap();
    let added = added.split("\n\n").next().unwrap();
    assert_eq!(read(&folder), format!("{OWN}\n\n{added}\n"));
}

#[tokio::test]
async fn a_server_at_an_address_has_headers_and_a_secret_is_told_of() {
    let folder = folder("");
    let words = [
        "add",
        "oil",
        "--url",
        "https://oil.lan/mcp",
        "--header",
        "Authorization: Bearer abc",
        "--transport",
        "sse",
    ];

    let (code, out, err) = ran(folder.path(), &words).await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("note: `Authorization` looks like a secret"),
        "{out}"
    );
    assert_snapshot!(read(&folder), @r#"
    [servers.oil]
    url = "https://oil.lan/mcp"
    transport = "sse"
    headers = { Authorization = "Bearer abc" }
    "#);
}

#[tokio::test]
async fn what_the_loader_would_refuse_changes_nothing() {
    for (words, expected) in [
        (
            &["add", "a b", "--", "x"][..],
            "`a b`: the name of a server is 1 to 32 letters, digits, `_` and `-`",
        ),
        (
            &["add", "example", "--", "x"],
            "[servers.example] stands in servers.toml already; `mcpgate remove example` takes it away",
        ),
        (
            &["add", "x", "--url", "nowhere"],
            "`url` in [servers.x]: must start with `http://` or `https://`",
        ),
        (
            &["add", "x", "--url", "http://h/", "--transport", "ws"],
            "`transport` in [servers.x]: expected `http` or `sse`",
        ),
        (
            &["add", "x", "--url", "http://h/", "--header", "Bearer"],
            "--header: expected a name, `:` and a value",
        ),
        (
            &["add", "x", "--url", "http://h/", "--header", "Host: h"],
            "`headers.Host` in [servers.x]: ",
        ),
        (
            &["add", "x", "--", "npx -y server"],
            "`command` in [servers.x]: one program, without its arguments",
        ),
        (
            &["remove", "examples"],
            "there is no [servers.examples]; did you mean `example`?",
        ),
    ] {
        let folder = folder(EXAMPLE);
        let (code, _, err) = ran(folder.path(), words).await;
        assert_eq!(code, Some(2), "{words:?}");
        assert!(err.starts_with(&format!("mcpgate: {expected}")), "{err}");
        assert_eq!(read(&folder), EXAMPLE);
    }
}

#[tokio::test]
async fn the_first_server_makes_the_file_for_this_user_alone() {
    let folder = tempfile::tempdir().unwrap();

    let (code, out, _) = ran(folder.path(), &["add", "e", "--", "mcpgate", "example"]).await;

    assert_eq!(code, Some(0), "{out}");
    let path = folder.path().join(".config/mcpgate/servers.toml");
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, out, _) = ran(folder.path(), &["check"]).await;
    assert_eq!(code, Some(0), "{out}");
}

#[tokio::test]
async fn a_file_keeps_its_mode_and_a_link_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real.toml");
    fs::write(&real, EXAMPLE).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("servers.toml");
    std::os::unix::fs::symlink("real.toml", &link).unwrap();

    ran(folder.path(), &["add", "x", "--", "y"]).await;

    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let mode = fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(fs::read_to_string(&real).unwrap().contains("[servers.x]"));
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "no draft stays behind");
}

#[tokio::test]
async fn a_server_that_goes_takes_only_its_own_words_along() {
    let text = "# About all.\n\n# the first\n[servers.a]\ncommand = 'a' # x\n\n[servers.a.env]\nX = '1'\n\n# the second\n\
                [servers.b]\ncommand = 'b'\n\n# [servers.c]\n";
    let folder = folder(text);

    let (code, out, err) = ran(folder.path(), &["remove", "a"]).await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, "servers.toml: [servers.a] is gone\n");
    assert_snapshot!(read(&folder), @r"
    # About all.

    # the second
    [servers.b]
    command = 'b'

    # [servers.c]
    ");
}

#[tokio::test]
async fn a_server_that_a_policy_names_does_not_go() {
    let folder = folder(EXAMPLE);
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(
        folder.path().join("policies/v.toml"),
        "[views.v]\nservers = ['example']\n",
    )
    .unwrap();

    let (code, _, err) = ran(folder.path(), &["remove", "example"]).await;

    assert_eq!(code, Some(2));
    assert!(
        err.contains("something else names it: policies/v.toml:2"),
        "{err}"
    );
    assert_eq!(read(&folder), EXAMPLE);
}

#[tokio::test]
async fn a_gateway_that_runs_takes_both_up_by_itself() {
    let folder = folder(EXAMPLE);
    let mut mcpgate = Stdio::start(folder.path());
    mcpgate.say(&initialize("2025-06-18")).await;
    mcpgate.line().await;
    mcpgate.say(&request("1", "tools/list", "{}")).await;
    while !mcpgate.line().await.contains("example__add") {}

    ran(folder.path(), &["add", "more", "--", "mcpgate", "example"]).await;
    listed(&mut mcpgate, |line| line.contains("more__add")).await;
    ran(folder.path(), &["remove", "example"]).await;
    listed(&mut mcpgate, |line| !line.contains("example__add")).await;

    assert_eq!(mcpgate.close().await.status.code(), Some(0));
}

/// Asks for the tools each time when they have changed, until they are these.
async fn listed(mcpgate: &mut Stdio, is_it: impl Fn(&str) -> bool) {
    loop {
        let line = mcpgate.line().await;
        if line.contains("tools/list_changed") {
            mcpgate.say(&request("2", "tools/list", "{}")).await;
        } else if line.contains("\"tools\":") && is_it(&line) {
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_its_table_disables_is_left_alone_until_it_no_longer_does() {
    let folder = folder(&format!("{EXAMPLE}disabled = true\n"));
    let mut mcpgate = Stdio::start(folder.path());
    mcpgate.say(&initialize("2025-06-18")).await;
    mcpgate.line().await;
    mcpgate.say(&request("1", "tools/list", "{}")).await;
    assert!(mcpgate.line().await.contains("\"tools\":[]"));

    replace(&folder.path().join("servers.toml"), EXAMPLE);
    listed(&mut mcpgate, |line| line.contains("example__add")).await;

    assert_eq!(mcpgate.close().await.status.code(), Some(0));
}
