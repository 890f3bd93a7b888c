//! `mcpgate import`: the files of clients, as their documentation shows them (`tests/clients`), taken
//! over into `servers.toml`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cli::seen,
    pipe::{program, soon},
};
use insta::assert_snapshot;

/// Runs a command in that folder, which is the home too.
pub(crate) async fn ran(folder: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let output = program(folder).args(words).output();
    let output = soon("the program", output).await.unwrap();
    let (code, out, err) = seen(&output);
    let home = folder.display().to_string();
    (code, out.replace(&home, "~"), err.replace(&home, "~"))
}

/// All files of clients that we have.
pub(crate) fn files() -> Vec<PathBuf> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let folders = fs::read_dir(clients).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    files
}

/// A folder in which a file of ours stands under its client's path of it, as in a project.
pub(crate) fn with(file: &str, place: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(place);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(file);
    fs::copy(source, &path).unwrap();
    (folder, path.display().to_string())
}

#[tokio::test]
async fn no_secret_reaches_the_terminal_or_the_file() {
    let (folder, file) = with("claude-desktop/claude_desktop_config.json", "c.json");

    let (code, out, _) = ran(folder.path(), &["import", &file]).await;

    assert_eq!(code, Some(0));
    let written = fs::read_to_string(folder.path().join(".config/mcpgate/servers.toml")).unwrap();
    for secret in ["BSAexample", "ghp_0123", "abc123"] {
        assert!(
            !out.contains(secret) && !written.contains(secret),
            "{secret}"
        );
    }
    assert_snapshot!(out, @r"
    ~/c.json
      brave-search: added
        env.BRAVE_API_KEY is ${BRAVE_API_KEY} now: it looks like a secret
      GitHub (work): added as [servers.GitHub-work]
        env.GITHUB_PERSONAL_ACCESS_TOKEN is ${GITHUB_PERSONAL_ACCESS_TOKEN} now: it looks like a secret
      weather: added
      remote: added
        args[3] is ${REMOTE_TOKEN} now: it looks like a secret
      mcpgate: left out: it is this gateway
    ~/.config/mcpgate/servers.toml: 4 servers added

    Set these variables where the gateway runs, before it starts:
      BRAVE_API_KEY                 what stands at ~/c.json:10 (env.BRAVE_API_KEY of brave-search)
      GITHUB_PERSONAL_ACCESS_TOKEN  what stands at ~/c.json:16 (env.GITHUB_PERSONAL_ACCESS_TOKEN of GitHub-work)
      REMOTE_TOKEN                  what stands at ~/c.json:24 (args[3] of remote)

    `mcpgate check --config ~/.config/mcpgate/servers.toml` tries them all.
    ");
}

#[tokio::test]
async fn a_project_file_keeps_its_folder_its_comments_and_its_questions() {
    let (folder, _) = with("vscode/mcp.json", ".vscode/mcp.json");

    let (code, out, err) = ran(
        folder.path(),
        &["import", "vscode", "--into", "servers.toml"],
    )
    .await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_snapshot!(out, @r"
    VS Code, .vscode/mcp.json
      Github: added
      Perplexity: added
      fetch: added
        without dev (line 31): it is about the client alone
      my-remote-server: added
      database: added
        without envFile (line 42): set the variables of that file where the gateway runs, and name them in `env`
    servers.toml: 5 servers added

    Set these variables where the gateway runs, before it starts:
      PERPLEXITY_KEY  Perplexity API Key

    `mcpgate check --config servers.toml` tries them all.
    ");
    let written = fs::read_to_string(folder.path().join("servers.toml")).unwrap();
    assert_snapshot!(written.replace(&folder.path().display().to_string(), "~"), @r#"
    # What is behind mcpgate: one [servers.<name>] table for each server. The servers.toml that
    # comes with mcpgate shows every key with its default.

    # https://github.com/github/github-mcp-server/
    [servers.Github]
    url = "https://api.githubcopilot.com/mcp/"

    # https://github.com/ppl-ai/modelcontextprotocol/
    [servers.Perplexity]
    command = "npx"
    args = ["-y", "server-perplexity-ask"]
    cwd = "~"

    [servers.Perplexity.env]
    # asked for once
    PERPLEXITY_API_KEY = "${PERPLEXITY_KEY}"

    [servers.fetch]
    command = "uvx"
    args = ["mcp-server-fetch"]
    cwd = "~"

    [servers.my-remote-server]
    url = "http://api.contoso.com/sse"
    transport = "sse"
    headers = { VERSION = "1.2" }

    [servers.database]
    command = "~/bin/db"
    cwd = "~"
    "#);
}

#[tokio::test]
async fn without_a_word_it_takes_whatever_clients_have_here() {
    let (folder, _) = with("cursor/mcp.json", ".cursor/mcp.json");
    for (file, place) in [
        ("zed/settings.json", ".config/zed/settings.json"),
        ("claude-code/.mcp.json", "work/.mcp.json"),
    ] {
        let path = folder.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(Path::new("tests/clients").join(file), path).unwrap();
    }
    fs::write(folder.path().join(".claude.json"), "{ not JSON").unwrap();
    let mut command = program(&folder.path().join("work"));
    let output = command.env("HOME", folder.path()).arg("import").output();

    let (code, out, _) = seen(&soon("the program", output).await.unwrap());

    assert_eq!(code, Some(1), "one file could not be read");
    assert!(out.contains(".claude.json:1:3: not JSON"), "{out}");
    for name in ["asana", "server-name", "old-form"] {
        assert!(out.contains(&format!("  {name}: added")), "{out}");
    }
}

#[tokio::test]
async fn what_is_in_the_file_stays_as_a_person_wrote_it() {
    let (folder, file) = with("plain/.mcp_servers.json", ".mcp_servers.json");
    let own = "# mine\n[gateway]\nlisten = \"127.0.0.1:8001\"   # odd\n\n[servers.maps]   # other\nurl='http://h/x'\r\n# end\n";
    fs::write(folder.path().join("servers.toml"), own).unwrap();

    let (_, out, _) = ran(folder.path(), &["import", &file]).await;

    assert_snapshot!(out, @r"
    ~/.mcp_servers.json
      well-data: left out: it is this gateway
      maps: kept: [servers.maps] says something else (url)
    servers.toml: nothing to add
    ");
    let written = fs::read_to_string(folder.path().join("servers.toml")).unwrap();
    assert_eq!(written, own, "its only other server is the gateway itself");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let (folder, file) = with("plain/.mcp_servers.json", ".mcp_servers.json");

    let (code, out, _) = ran(folder.path(), &["import", "--dry-run", &file]).await;

    assert_eq!(code, Some(0));
    assert!(
        out.contains("# Maps, and what stands on them\n[servers.maps]\nurl = "),
        "{out}"
    );
    assert!(!folder.path().join(".config").exists());
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.json"),
        "{\"mcpServers\": {\n  \"x\": 1}}",
    )
    .unwrap();
    fs::write(folder.path().join("b.json"), "{\"theme\": 1}").unwrap();
    for (words, code, expected) in [
        (
            ["import", "a.json"],
            2,
            "mcpgate: a.json:2:8: `x`: expected a table\n",
        ),
        (
            ["import", "b.json"],
            2,
            "mcpgate: b.json:1:1: there are no servers: none of `mcpServers`, `servers` and `context_servers` is there\n",
        ),
        (
            ["import", "cursr"],
            2,
            "mcpgate: `cursr` is neither a file nor a client; did you mean `cursor`?\n",
        ),
        (
            ["import", "zed"],
            1,
            "mcpgate: Zed has no file here: neither ~/.config/zed/settings.json nor .zed/settings.json is there\n",
        ),
        (
            ["import", "no.json"],
            2,
            "mcpgate: cannot read no.json: No such file or directory (os error 2)\n",
        ),
    ] {
        let (found, _, err) = ran(folder.path(), &words).await;
        assert_eq!((found, err.as_str()), (Some(code), expected));
    }
}
