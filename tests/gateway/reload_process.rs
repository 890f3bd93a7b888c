//! The program itself reloads: on a pipe when a file changes, and at a SIGHUP.

use std::fs;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};

use crate::{
    cli::EXAMPLE,
    pipe::{Stdio, program, server, signal, soon},
    reload_watch::replace,
    support::{initialize, request},
};

#[tokio::test]
async fn a_client_on_stdio_hears_of_a_server_that_a_file_brings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("servers.toml");
    fs::write(&file, EXAMPLE).unwrap();
    let mut mcpgate = Stdio::start(folder.path());
    mcpgate.say(&initialize("2025-06-18")).await;
    mcpgate.line().await;
    mcpgate.say(&request("1", "tools/list", "{}")).await;
    while !mcpgate.line().await.contains("example__add") {}

    replace(&file, &[EXAMPLE, &server("new", &[])].concat());

    loop {
        let line = mcpgate.line().await;
        if line.contains("tools/list_changed") {
            mcpgate.say(&request("2", "tools/list", "{}")).await;
        } else if line.contains("new__pid") {
            break;
        }
    }
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

    // A line waits a moment for others before it is written.
    let written = async {
        while !fs::read_to_string(at("audit.jsonl"))
            .unwrap()
            .contains("add")
        {
            tokio::task::yield_now().await;
        }
    };
    soon("the line of the call", written).await;
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
