//! `mcpgate install`: our entry in the files of clients.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use mcpgate::clients::{Client, Machine, System};

use crate::{
    cli::EXAMPLE,
    cli_import::{ran, with},
    pipe::{Stdio, program, soon},
    support::{Running, folder, initialize, request},
};

/// A home with a `servers.toml` in it.
pub(crate) fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("servers.toml"), EXAMPLE).unwrap();
    folder
}

/// Where the client's file is in such a home.
pub(crate) fn place(client: Client, home: &Path) -> PathBuf {
    let home = home.to_path_buf();
    let machine = Machine {
        system: System::here(),
        variable: &|name| (name == "HOME").then(|| home.clone()),
    };
    let facts = client.facts();
    match facts.user {
        Some(files) => machine.path(files).unwrap(),
        None => home.join(facts.project.unwrap()),
    }
}

const URL: &str = "http://127.0.0.1:8765/mcp";

#[tokio::test]
async fn each_client_gets_a_file_of_its_own_form_and_undo_takes_the_entry_out() {
    for client in Client::ALL {
        let (home, name) = (home(), client.facts().name);

        let (code, out, err) = ran(home.path(), &["install", name]).await;

        assert_eq!((code, err.as_str()), (Some(0), ""), "{client}");
        assert!(
            out.contains(&format!("Next: {}", client.facts().reload)),
            "{out}"
        );
        let path = place(client, home.path());
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("\"stdio\"") || text.contains("stdio,"),
            "{text}"
        );
        // What we have written is known to be ours.
        let (_, imported, _) = ran(home.path(), &["import", path.to_str().unwrap()]).await;
        assert!(
            imported.contains("mcpgate: left out: it is this gateway"),
            "{imported}"
        );

        let (_, again, _) = ran(home.path(), &["install", name]).await;
        assert!(again.contains("already, and says the same"), "{again}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);

        let (code, _, _) = ran(home.path(), &["install", name, "--undo"]).await;
        assert_eq!(code, Some(0));
        assert!(
            !fs::read_to_string(&path).unwrap().contains("stdio"),
            "{client}"
        );
    }
}

#[tokio::test]
async fn a_file_is_given_back_byte_for_byte() {
    for (client, file) in [
        (Client::ClaudeDesktop, "claude-desktop/filesystem.json"),
        (Client::Cursor, "cursor/mcp.json"),
        (Client::VsCode, "vscode/mcp.json"),
        (Client::Windsurf, "windsurf/mcp_config.json"),
        (Client::Zed, "zed/settings.json"),
        (Client::ClaudeCode, "claude-code/.claude.json"),
        (Client::LibreChat, "librechat/librechat.yaml"),
    ] {
        let (home, name) = (home(), client.facts().name);
        let path = place(client, home.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(Path::new("tests/clients").join(file), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let before = fs::read_to_string(&path).unwrap();

        let (code, out, err) = ran(home.path(), &["install", name]).await;

        assert_eq!((code, err.as_str()), (Some(0), ""), "{client}: {out}");
        let after = fs::read_to_string(&path).unwrap();
        let lost: Vec<&str> = before
            .lines()
            .filter(|line| !after.contains(line.trim_end_matches([',', '}'])))
            .collect();
        assert!(lost.is_empty(), "{client}: {lost:?}\n{after}");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        let backup = format!("{}.before-mcpgate", path.display());
        assert_eq!(fs::read_to_string(&backup).unwrap(), before);

        ran(home.path(), &["install", name, "--undo"]).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), before, "{client}");
        assert!(!Path::new(&backup).exists());
    }
}

#[tokio::test]
async fn undo_keeps_what_has_been_written_since() {
    let (home, client) = (home(), Client::Cursor);
    let path = place(client, home.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{\n  \"mcpServers\": {}\n}\n").unwrap();
    ran(home.path(), &["install", "cursor"]).await;
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace(
            "\"mcpServers\": {",
            "\"mcpServers\": {\n    \"new\": {}, // mine",
        ),
    )
    .unwrap();

    let (code, out, _) = ran(home.path(), &["install", "cursor", "--undo"]).await;

    assert_eq!(code, Some(0));
    assert!(out.contains("keeps what else has changed"), "{out}");
    let left = fs::read_to_string(&path).unwrap();
    assert!(
        left.contains("\"new\": {}") && left.contains("// mine") && !left.contains("mcpgate"),
        "{left}"
    );
}

#[tokio::test]
async fn what_a_client_launches_answers() {
    let home = home();
    ran(home.path(), &["install", "claude-desktop"]).await;
    let text = fs::read_to_string(place(Client::ClaudeDesktop, home.path())).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entry = &file["mcpServers"]["mcpgate"];
    let words = entry["args"].as_array().unwrap();
    let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
    // As a client does: in a folder of its own, by the path that it has been given.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = program(elsewhere.path());
    assert_eq!(
        entry["command"].as_str().unwrap(),
        env!("CARGO_BIN_EXE_mcpgate")
    );

    let output = command.args(&words).output();
    let output = soon("the program", output).await.unwrap();

    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test]
async fn an_address_and_its_key_stand_as_each_client_wants_them() {
    let mut seen = String::new();
    for client in Client::ALL {
        let home = home();
        let mut command = program(home.path());
        command.args([
            "install",
            client.facts().name,
            "--url",
            URL,
            "--key-env",
            "GATE_KEY",
        ]);
        let output = soon("the program", command.env("GATE_KEY", "k3y").output())
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = fs::read_to_string(place(client, home.path())).unwrap();
        let text = text.replace(env!("CARGO_BIN_EXE_mcpgate"), "/usr/bin/mcpgate");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        seen += &format!("{client}: {}\n", lines.join(" "));
    }
    assert_snapshot!(seen, @r#"
    Claude Desktop: { "mcpServers": { "mcpgate": { "command": "/usr/bin/mcpgate", "args": ["stdio", "--url", "http://127.0.0.1:8765/mcp"], "env": { "MCPGATE_KEY": "k3y" } } } }
    Claude Code: { "mcpServers": { "mcpgate": { "type": "http", "url": "http://127.0.0.1:8765/mcp", "headers": { "Authorization": "Bearer ${GATE_KEY}" } } } }
    Cursor: { "mcpServers": { "mcpgate": { "url": "http://127.0.0.1:8765/mcp", "headers": { "Authorization": "Bearer ${env:GATE_KEY}" } } } }
    VS Code: { "servers": { "mcpgate": { "type": "http", "url": "http://127.0.0.1:8765/mcp", "headers": { "Authorization": "Bearer ${env:GATE_KEY}" } } } }
    Windsurf: { "mcpServers": { "mcpgate": { "serverUrl": "http://127.0.0.1:8765/mcp", "headers": { "Authorization": "Bearer ${env:GATE_KEY}" } } } }
    Zed: { "context_servers": { "mcpgate": { "url": "http://127.0.0.1:8765/mcp", "headers": { "Authorization": "Bearer k3y" } } } }
    LibreChat: mcpServers: mcpgate: type: streamable-http url: "http://127.0.0.1:8765/mcp" headers: Authorization: "Bearer ${GATE_KEY}"
    "#);
}

#[tokio::test]
async fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let (folder, file) = with("zed/settings.json", "settings.json");
    let before = fs::read_to_string(&file).unwrap();
    let words = ["install", "zed", "--file", &file, "--dry-run", "--url", URL];

    let (code, out, err) = ran(folder.path(), &words).await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_snapshot!(out, @r#"
    ~/settings.json would change so:
    +     },
    +     "mcpgate": {
    +       "url": "http://127.0.0.1:8765/mcp"
    "#);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_stands_in_the_way_is_said() {
    let home = home();
    fs::create_dir(home.path().join(".cursor")).unwrap();
    fs::write(
        home.path().join(".cursor/mcp.json"),
        "{\"mcpServers\": {\n  \"x\": }}",
    )
    .unwrap();
    let empty = tempfile::tempdir().unwrap();
    for (folder, words, code, expected) in [
        (
            &home,
            &["install", "cursor"][..],
            2,
            "~/.cursor/mcp.json:2:8: not JSON: ",
        ),
        (
            &home,
            &["install", "windsurf", "--project"],
            2,
            "--project: Windsurf has no file for a project",
        ),
        (
            &home,
            &["install", "zed", "--url", "gate.lan"],
            2,
            "--url: expected an address such as http://127.0.0.1:8765/mcp",
        ),
        (
            &home,
            &["install", "zed", "--url", URL, "--key-env", "NOT_SET"],
            2,
            "--key-env: Zed takes no variables into its file",
        ),
        (
            &empty,
            &["install", "zed"],
            2,
            "there is no servers.toml yet to serve; `mcpgate import` makes one",
        ),
    ] {
        let (found, _, err) = ran(folder.path(), words).await;
        assert_eq!(found, Some(code), "{err}");
        assert!(err.starts_with(&format!("mcpgate: {expected}")), "{err}");
    }
}

#[tokio::test]
async fn a_client_that_knows_no_addresses_reaches_a_gateway_that_runs_all_the_same() {
    let key = "a key that is long enough to be one";
    let folder = folder(EXAMPLE, &[("sam", key)]);
    let gateway = Running::start(folder.path()).await;
    let mut command = program(folder.path());
    command.args(["stdio", "--url", &format!("{}/mcp", gateway.url)]);
    let mut bridge = Stdio::of(command.env("MCPGATE_KEY", key));

    bridge.say(&initialize("2025-06-18")).await;
    bridge.line().await;
    bridge
        .say(&request(
            "7",
            "tools/call",
            r#"{"name":"example__add","arguments":{"a":2,"b":3}}"#,
        ))
        .await;
    // Its lists come later than its first word.
    let mut answer = bridge.line().await;
    while !answer.contains("\"id\":7") {
        answer = bridge.line().await;
    }

    assert!(answer.contains("sum") && answer.contains(":5"), "{answer}");
    assert_eq!(bridge.close().await.status.code(), Some(0));
}
