//! `mcpgate init`: from an empty folder to a gateway that serves, as a person goes.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

use http::{Method, StatusCode};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::{
    cli::seen,
    pipe::{fake, program, soon},
    support::{Authority, Running},
};

type Seen = (Option<i32>, String, String);

/// What comes of these words in a folder, where these lines are answered.
async fn told(folder: &Path, words: &[&str], answers: &str) -> Seen {
    let mut command = program(folder);
    command.args(words).env_remove("MCPGATE_CONFIG");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = process.stdin.take().unwrap();
    // Who has heard enough listens no more.
    drop(input.write_all(answers.as_bytes()).await);
    drop(input);
    seen(&soon("init", process.wait_with_output()).await.unwrap())
}

fn read(folder: &TempDir, file: &str) -> String {
    fs::read_to_string(folder.path().join(file)).unwrap()
}

/// The key that was shown.
fn key(out: &str) -> String {
    let mut words = out.split_whitespace();
    let key = words.find(|word| word.starts_with("mcpg_") && word.len() > 20);
    key.expect(out).to_owned()
}

/// The fake server, as somebody says it in a line.
fn line() -> String {
    format!("s = '{}' --name s", fake().display())
}

#[tokio::test]
async fn with_yes_it_asks_nothing_and_what_it_writes_works_at_once() {
    let folder = tempfile::tempdir().unwrap();

    let (code, out, err) = told(folder.path(), &["init", "--yes"], "").await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("servers.toml") && out.contains("mcpgate install"),
        "{out}"
    );
    assert!(
        !out.contains("mcpg_") && !folder.path().join("policies").exists(),
        "{out}"
    );
    let (code, out, _) = told(folder.path(), &["check"], "").await;
    assert_eq!(code, Some(0), "{out}");
    let (code, out, _) = told(folder.path(), &["call", "example__add", "a=2", "b=3"], "").await;
    assert_eq!((code, out.trim()), (Some(0), "{\"sum\":5}"));
}

#[tokio::test]
async fn three_answers_make_a_gateway_for_a_network_whose_first_key_is_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let answers = format!("2\n{}\n\n127.0.0.1:0\n", line());

    let (code, out, err) = told(folder.path(), &["init"], &answers).await;

    assert_eq!(code, Some(0), "{err}");
    let questions = [
        "1. Who will use it?",
        "2. Which servers?",
        "3. Where does it listen?",
    ];
    assert!(
        questions.iter().all(|question| err.contains(question)),
        "{err}"
    );
    let key = key(&out);
    for file in ["servers.toml", "policies/access.toml"] {
        let path = folder.path().join(file);
        assert!(!read(&folder, file).contains(&key));
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let (code, out, _) = told(folder.path(), &["check"], "").await;
    assert_eq!(code, Some(0), "{out}");
    let running = Running::start(folder.path()).await;
    let shown = running.client().with("x-api-key", &key).open().await;
    assert!(shown.list("tools").await.contains(&"s__pid".to_owned()));
    let nobody = running.client().post("{}").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    running.stop().await;
}

#[tokio::test]
async fn a_chat_has_a_key_with_which_it_says_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "init",
        "--for",
        "chat",
        "--server",
        &line(),
        "--listen",
        "127.0.0.1:0",
    ];

    let (code, out, err) = told(folder.path(), &words, "").await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("X-User-Role: \"{{LIBRECHAT_USER_ROLE}}\""),
        "{out}"
    );
    let running = Running::start(folder.path()).await;
    let chat = || {
        running
            .client()
            .with("x-api-key", &key(&out))
            .with("x-user-id", "7")
    };
    let user = chat().with("x-user-role", "USER").open().await;
    assert!(user.list("tools").await.contains(&"s__pid".to_owned()));
    let seen = async |role: &str| {
        let client = chat().with("x-user-role", role).at("/stats");
        client.ask(Method::GET, "").await.status
    };
    assert_eq!(seen("USER").await, StatusCode::FORBIDDEN);
    assert_eq!(seen("ADMIN").await, StatusCode::OK);
    // The key alone is good for nothing.
    let alone = running.client().with("x-api-key", &key(&out)).open().await;
    assert!(alone.list("tools").await.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_understood_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let answers = "everybody\n1\n/no/such/folder\nftp://x\n.\n\nnowhere\n9000\n";

    let (code, _, err) = told(folder.path(), &["init"], answers).await;

    assert_eq!(code, Some(0), "{err}");
    for words in [
        "1, 2 or 3",
        "no such folder",
        "expected a URL",
        "such as 127.0.0.1:8765",
    ] {
        assert!(err.contains(words), "no {words}: {err}");
    }
    let config = read(&folder, "servers.toml");
    assert!(config.contains("listen = \"127.0.0.1:9000\"") && config.contains("[servers.files]"));
}

#[tokio::test]
async fn nothing_is_overwritten_unless_it_is_said_and_then_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("servers.toml"), "# mine\n").unwrap();

    let (code, _, err) = told(folder.path(), &["init", "--yes"], "").await;

    assert_eq!(code, Some(2));
    assert!(
        err.contains("servers.toml is there already; --force"),
        "{err}"
    );
    assert_eq!(read(&folder, "servers.toml"), "# mine\n");
    let (code, ..) = told(folder.path(), &["init", "--yes", "--force"], "").await;
    assert_eq!(code, Some(0));
    assert_eq!(read(&folder, "servers.toml.bak"), "# mine\n");
    assert!(read(&folder, "servers.toml").contains("[servers.example]"));
}

#[tokio::test]
async fn answers_that_end_too_early_write_nothing() {
    let folder = tempfile::tempdir().unwrap();

    let (code, out, err) = told(folder.path(), &["init"], "2\n").await;

    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("--yes"), "{err}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_config_still_wants_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "init",
        "--yes",
        "--server",
        "https://x.example/${NO_SUCH_VARIABLE}",
    ];

    let (code, _, err) = told(folder.path(), &words, "").await;

    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.contains("before it can serve: ") && err.contains("NO_SUCH_VARIABLE"),
        "{err}"
    );
}

#[tokio::test]
async fn with_a_certificate_it_serves_https_and_without_one_it_says_what_others_can_read() {
    let folder = tempfile::tempdir().unwrap();
    Authority::new().server().write(folder.path());
    let network = ["init", "--for", "network", "--yes"];
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];

    let (code, out, err) = told(folder.path(), &[&network[..], &tls].concat(), "").await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("https://0.0.0.0:8765/mcp"), "{out}");
    assert!(!out.contains("plain HTTP"), "{out}");
    let written = read(&folder, "servers.toml");
    assert!(
        written.contains("cert = \"cert.pem\"\nkey = \"key.pem\""),
        "{written}"
    );
    let (code, out, _) = told(folder.path(), &["check"], "").await;
    assert_eq!(code, Some(0), "{out}");

    let (code, out, _) = told(folder.path(), &[&network[..], &["--force"]].concat(), "").await;
    assert_eq!(code, Some(0));
    assert!(
        out.contains("plain HTTP") && out.contains("--tls-cert"),
        "{out}"
    );
    assert!(read(&folder, "servers.toml").contains("#[gateway.tls]"));
    let (code, out, _) = told(folder.path(), &["init", "--yes", "--force"], "").await;
    assert!(code == Some(0) && !out.contains("plain HTTP"), "{out}");
}
