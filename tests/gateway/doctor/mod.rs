//! `mcpgate doctor`: what is known to go wrong is found, with what to do about it.

mod certificate;
mod machine;

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    cli::seen,
    pipe::{program, server, soon, table},
    support::{HttpServer, Running},
};

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config =
        format!("[gateway]\nlisten = '127.0.0.1:0'\ncontrol_socket = 'gate.sock'\n{config}");
    fs::write(folder.path().join("servers.toml"), config).unwrap();
    folder
}

async fn doctor(folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = program(folder);
    command.arg("doctor").args(words);
    let (code, out, err) = seen(&soon("doctor", command.output()).await.unwrap());
    assert_eq!(err, "");
    (code, out)
}

/// Exit code, and the findings of `--json`.
async fn found(folder: &Path, words: &[&str]) -> (Option<i32>, Vec<Value>) {
    let (code, out) = doctor(folder, &[&["--json"], words].concat()).await;
    let report: Value = serde_json::from_str(&out).unwrap();
    (code, report["findings"].as_array().unwrap().clone())
}

/// The finding with these words.
fn with<'a>(findings: &'a [Value], words: &str) -> &'a Value {
    let text = |finding: &&Value| finding["words"].as_str().unwrap().contains(words);
    let found = findings.iter().find(text);
    found.unwrap_or_else(|| panic!("no {words}: {findings:#?}"))
}

/// There is one with these words, that bad, whose fix has those.
fn is(findings: &[Value], level: &str, words: &str, fix: &str) {
    let finding = with(findings, words);
    assert_eq!(finding["level"], level, "{finding}");
    assert!(
        finding["fix"].as_str().unwrap_or_default().contains(fix),
        "{finding}"
    );
}

#[tokio::test]
async fn where_all_is_well_each_line_says_so_and_the_exit_code_is_0() {
    let folder = folder(&server("s", &[]));

    let (code, out) = doctor(folder.path(), &[]).await;

    assert_eq!(code, Some(0), "{out}");
    let line = |words: &str| {
        out.lines()
            .any(|line| line.starts_with("ok ") && line.contains(words))
    };
    assert!(line("servers.toml: 1 server, 0 keys, 0 roles"), "{out}");
    assert!(
        line("s answers after ") && line(", 12 tools, 2025-06-18"),
        "{out}"
    );
    assert!(line("12 tools fit all of 7 known clients"), "{out}");
    assert!(line("none runs here") && line(" is free"), "{out}");
}

#[tokio::test]
async fn a_config_that_says_nonsense_is_named_with_its_line() {
    let folder = folder("lisen = 1\n");

    let (code, findings) = found(folder.path(), &[]).await;

    assert_eq!(code, Some(1));
    is(&findings, "problem", "servers.toml:4:1: ", "mcpgate check");
    let empty = tempfile::tempdir().unwrap();
    let (code, findings) = found(empty.path(), &[]).await;
    assert_eq!(code, Some(1));
    is(&findings, "problem", "no config file", "mcpgate init");
}

#[tokio::test]
async fn all_variables_that_are_missing_are_named_at_once_and_nothing_is_sent_without_them() {
    let http = HttpServer::with_tools(&["echo"]).await;
    let more = "headers = { A = '${NO_SUCH_ONE}', B = '${NO_SUCH_TWO}' }\n";
    let folder = folder(&(http.table("up") + more));

    let (code, findings) = found(folder.path(), &[]).await;

    assert_eq!(code, Some(1));
    is(
        &findings,
        "problem",
        "the variable NO_SUCH_ONE is not set",
        "export NO_SUCH_ONE=",
    );
    is(
        &findings,
        "problem",
        "the variable NO_SUCH_TWO is not set",
        "EnvironmentFile=",
    );
    is(
        &findings,
        "warning",
        "not connected to while variables are missing",
        "set them",
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_who_has_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!("[gateway]\nlisten = '{address}'\n");
    fs::write(folder.path().join("servers.toml"), config).unwrap();

    let (code, findings) = found(folder.path(), &[]).await;

    assert_eq!(code, Some(1));
    let ours = format!("(pid {})", std::process::id());
    let finding = with(&findings, &format!("{address} is taken by"));
    assert!(
        finding["words"].as_str().unwrap().contains(&ours),
        "{finding}"
    );
    is(&findings, "problem", "is taken by", "`listen` in [gateway]");
}

#[tokio::test]
async fn programs_that_are_not_there_are_named_with_how_to_get_them() {
    let tables = [
        table("web", "npx".as_ref(), &[]),
        table("own", "/no/such/program".as_ref(), &[]),
    ];
    let folder = folder(&tables.concat());
    let mut command = program(folder.path());
    command.args(["doctor", "--json"]).env("PATH", "/nowhere");

    let (code, out, _) = seen(&soon("doctor", command.output()).await.unwrap());

    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_str(&out).unwrap();
    let findings = report["findings"].as_array().unwrap();
    is(
        findings,
        "problem",
        "web: `npx` is not in PATH",
        "install Node.js",
    );
    is(
        findings,
        "problem",
        "own: there is no /no/such/program",
        "[servers.own]",
    );
}

#[tokio::test]
async fn servers_that_do_not_answer_are_told_with_the_reason() {
    let broken = table(
        "loud",
        "sh".as_ref(),
        &["-c".into(), "echo no such module >&2; exit 7".into()],
    );
    let folder = folder(&(broken + &server("s", &[])));

    let (code, findings) = found(folder.path(), &[]).await;

    assert_eq!(code, Some(1));
    is(
        &findings,
        "problem",
        "no such module",
        "start its command by hand",
    );
    assert_eq!(with(&findings, "s answers after")["level"], "ok");
    let (code, findings) = found(folder.path(), &["--offline"]).await;
    assert_eq!(code, Some(0), "{findings:#?}");
}

#[tokio::test]
async fn what_is_secret_and_open_is_found() {
    let folder =
        folder("[servers.a]\nurl = 'http://127.0.0.1:1/mcp'\nheaders = { K = '${file:key}' }\n");
    let mode = |file: &str, mode| {
        let path = folder.path().join(file);
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    fs::write(folder.path().join("key"), "hunter2").unwrap();
    let state = folder.path().join(".local/state/mcpgate");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("session.key"), "x").unwrap();
    mode("key", 0o644);
    mode("servers.toml", 0o666);
    mode(".local/state/mcpgate/session.key", 0o644);

    let (code, findings) = found(folder.path(), &["--offline"]).await;

    assert_eq!(code, Some(1));
    is(
        &findings,
        "warning",
        "everybody on this machine may read",
        "chmod 600",
    );
    is(&findings, "problem", "others may change", "chmod go-w");
    is(
        &findings,
        "problem",
        "whoever has read it can make up sessions",
        "`rm ",
    );
    assert!(!format!("{findings:?}").contains("hunter2"));
    mode("key", 0o600);
    mode("servers.toml", 0o600);
    mode(".local/state/mcpgate/session.key", 0o600);
    let (code, findings) = found(folder.path(), &["--offline"]).await;
    assert_eq!(code, Some(0), "{findings:#?}");
}

#[tokio::test]
async fn names_and_numbers_that_a_client_does_not_take_are_told() {
    let names: Vec<String> = (0..130).map(|n| format!("tool_{n}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    let long = "l".repeat(70);
    names.push(&long);
    let http = HttpServer::with_tools(&names).await;
    let folder = folder(&("name_budget = 100\n".to_owned() + &http.table("up")));

    let (code, findings) = found(folder.path(), &[]).await;

    assert_eq!(code, Some(0), "{findings:#?}");
    is(
        &findings,
        "warning",
        "Cursor takes 80 tools, and there are 131",
        "[views.*]",
    );
    is(
        &findings,
        "warning",
        "Claude Desktop takes names of 64 characters, and 1 of 131",
        "name_budget = 64",
    );
    let code = with(&findings, "Claude Code takes names");
    assert!(
        code["words"]
            .as_str()
            .unwrap()
            .contains("mcp__mcpgate__up__lll"),
        "{code}"
    );
}
