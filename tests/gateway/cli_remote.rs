//! The command line on a gateway that runs already, with and without a key.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    cli::{EXAMPLE, seen, stdout},
    pipe::{program, run, soon},
};

/// `mcpgate serve` on a port of its own.
pub(crate) struct Served {
    _process: tokio::process::Child,
    _folder: TempDir,
    pub(crate) url: String,
    /// What it said before it served.
    pub(crate) said: String,
}

impl Served {
    /// Serves the config, with this policy file, these options and variables.
    pub(crate) async fn start(policy: &str, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("servers.toml"), EXAMPLE).unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        std::fs::write(folder.path().join("policies/keys.toml"), policy).unwrap();
        let mut command = program(folder.path());
        command
            .arg("serve")
            .args(words)
            .envs(variables.iter().copied())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let line = soon("the start", lines.next_line()).await.unwrap().unwrap();
            if let Some((_, url)) = line.split_once(" serves ") {
                break url.to_owned();
            }
            said.push_str(&(line + "\n"));
        };
        // Read on, so that nothing it says blocks it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            _process: process,
            _folder: folder,
            url,
            said,
        }
    }
}

const PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[tokio::test]
async fn call_and_list_work_on_a_running_gateway() {
    let served = Served::start("", &PORT, &[]).await;

    let words = ["call", "--url", &served.url, "example__add", "a=2", "b=40"];
    let (code, out, err) = seen(&run("", &words).await);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (Some(0), "{\"sum\":42}\n", "")
    );
    let nobody = ["call", "--url", "http://127.0.0.1:1/mcp", "example__add"];
    let (code, _, err) = seen(&run("", &nobody).await);
    assert!(err.starts_with("mcpgate: --url cannot be used: "), "{err}");
    assert!(code == Some(1) && !err.contains("unknown tool"), "{err}");
    let (code, out, _) = seen(&run("", &["list", "--url", &served.url]).await);
    assert!(code == Some(0) && out.starts_with("example__add "), "{out}");
}

#[tokio::test]
async fn what_hash_key_prints_opens_the_gateway_to_that_key_alone() {
    let (code, printed, said) = seen(&run("", &["hash-key", "sam"]).await);
    assert_eq!(code, Some(0));
    let line = said.lines().nth(1).unwrap();
    let key = line.trim_start_matches(['#', ' ']).to_owned();
    assert!(
        printed.starts_with("[keys.sam]\nhash = \"sha256:"),
        "{printed}"
    );
    assert!(!printed.contains(&key), "a file is no place for it");

    // What goes to stdout is a policy file.
    let served = Served::start(&printed, &PORT, &[]).await;

    let ask = |key: Option<&str>| {
        let mut words = vec!["list", "--url", &served.url];
        words.extend(key.iter().flat_map(|key| ["--key", key]));
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        async move { run("", &words.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    assert!(stdout(&ask(Some(&key)).await).contains("example__add"));
    for wrong in [None, Some("wrong"), Some(&key[1..])] {
        let (code, out, err) = seen(&ask(wrong).await);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(err.starts_with("--url cannot be used: "), "{err}");
        assert!(err.contains("no valid credentials"), "{err}");
        assert!(err.contains("(--key KEY, or MCPGATE_KEY)"), "{err}");
        assert!(!err.contains(&key), "a key is a secret");
    }
}

#[tokio::test]
async fn hash_key_writes_a_table_that_can_be_appended_whatever_the_name() {
    let role = "[roles.analyst]\nallow = ['*']\n";
    let words = ["hash-key", "sam@example.com", "--role", "analyst"];
    let table = stdout(&run("", &words).await);

    let config = format!("{EXAMPLE}{role}{table}");
    let policy: toml::Table = config.parse().unwrap();
    assert_eq!(
        policy["keys"]["sam@example.com"]["role"].as_str(),
        Some("analyst")
    );

    for words in [["hash-key", "no name"], ["hash-key", "--role="]] {
        let (code, out, err) = seen(&run("", &words).await);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains("1 to 64 letters"), "{err}");
    }
}

#[tokio::test]
async fn a_key_in_the_environment_is_for_another_gateway_and_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("servers.toml"), EXAMPLE).unwrap();
    let mut command = program(folder.path());
    command.arg("list").env("MCPGATE_KEY", "mcpg_of_another");

    let (code, out, err) = seen(&soon("list", command.output()).await.unwrap());

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("example__add"), "{out}");
}
