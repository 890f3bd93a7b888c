//! What a server may reach. Where the kernel has no Landlock, a sandbox is refused: then these
//! tests check that alone.

use std::{fs, path::Path};

use tokio::net::TcpListener;

use crate::{
    pipe::{Gate, fake, table},
    support::Gateway,
};

/// The last words of a script in this sandbox; nothing where there can be no sandbox.
async fn last_words(script: &str, sandbox: &str) -> Option<String> {
    let script = format!("({script}) 2>&1 | tail -n 1 >&2; exit 7");
    let args = ["-c".to_owned(), script];
    let table = table("s", "bash".as_ref(), &args);
    let text = format!("{table}cwd = '/'\nsandbox = {{ {sandbox} }}\n");
    let gate = Gate::start(&text).await;
    let error = gate.state_of("s").error.unwrap();
    gate.stop().await;
    if error.contains("this kernel has no Landlock") {
        assert!(error.starts_with("it cannot be started: `bash` in /"));
        return None;
    }
    let said = error.strip_prefix("it stopped: exit status: 7, after saying `");
    let said = said.unwrap_or_else(|| panic!("{error}"));
    Some(said.trim_end_matches('`').to_owned())
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[tokio::test]
async fn a_file_is_read_and_written_only_where_the_table_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "content").unwrap();
    let (file, place) = (quoted(&file), quoted(folder.path()));
    let read = format!("cat {file}");
    let write = format!(
        "echo new > {folder}/other && cat {folder}/other",
        folder = folder.path().display()
    );
    let may_read = format!("read = [{place}]");
    let may_write = format!("write = [{place}]");

    for (script, sandbox, allowed) in [
        (&read, "", None),
        (&read, may_read.as_str(), Some("content")),
        (&read, &may_write, Some("content")),
        (&write, &may_read, None),
        (&write, &may_write, Some("new")),
    ] {
        let Some(said) = last_words(script, sandbox).await else {
            return;
        };
        match allowed {
            Some(words) => assert_eq!(said, words, "{script} with {sandbox}"),
            None => assert!(said.ends_with("Permission denied"), "{said}"),
        }
    }
}

#[tokio::test]
async fn without_a_network_no_socket_leads_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for (protocol, sandbox, reached) in [
        ("tcp", "network = false", false),
        ("udp", "network = false", false),
        ("tcp", "network = true", true),
        ("udp", "", true),
    ] {
        let script = format!("exec 3<>/dev/{protocol}/127.0.0.1/{port} && echo reached");
        let Some(said) = last_words(&script, sandbox).await else {
            return;
        };
        assert_eq!(said == "reached", reached, "{protocol}: {said}");
    }
}

#[tokio::test]
async fn a_server_works_in_its_sandbox_and_so_does_what_it_starts() {
    let args = ["--name".to_owned(), "s".to_owned()];
    let confined = format!(
        "{}sandbox = {{ network = false }}\n",
        table("s", &fake(), &args)
    );
    let gate = Gate::start(&confined).await;
    if gate.state("s") == "up" {
        let mut client = gate.client().await;
        let sleeper = client.text("s__spawn", serde_json::json!({})).await;
        assert!(sleeper.parse::<u32>().is_ok(), "{sleeper}");
    } else {
        assert!(gate.state_of("s").error.unwrap().contains("no Landlock"));
    }
    gate.stop().await;
}

#[tokio::test]
async fn a_path_of_a_sandbox_that_is_not_there_is_told_by_its_key() {
    let table = table("s", &fake(), &[]);
    let gate = Gate::start(&format!("{table}sandbox = {{ read = ['no/such'] }}\n")).await;

    let error = gate.state_of("s").error.unwrap();

    assert!(
        error.contains("`sandbox.read`: /"),
        "it starts at the config's folder: {error}"
    );
    assert!(
        error.ends_with("no/such: No such file or directory (os error 2)"),
        "{error}"
    );
    gate.stop().await;
}

#[tokio::test]
async fn a_program_that_is_not_mcpgate_does_not_launch_without_the_sandbox() {
    let table = table("s", &fake(), &[]);
    let gateway = Gateway::start(&format!("{table}sandbox = {{}}\n")).await;
    gateway.settled().await;

    let error = gateway.state("s").error.unwrap();

    assert!(error.contains("need `mcpgate` as its launcher"), "{error}");
    gateway.stop().await;
}
