//! A client's own file in place of `servers.toml`.

use std::{fs, path::Path};

use mcpgate::{
    clients::{Machine, System, read},
    config::{self, Paths},
};
use serde_json::{Value, json};

use crate::{
    cli_import::{files, ran},
    pipe::{program, soon},
};

/// A server that answers: the one that is built in.
fn example() -> Value {
    json!({"command": "mcpgate", "args": ["example"]})
}

async fn checked(name: &str, text: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    ran(folder.path(), &["check", "--config", name]).await
}

#[tokio::test]
async fn each_form_is_served_as_it_is() {
    let forms = [
        (
            "claude_desktop_config.json",
            json!({"mcpServers": {"s": example()}}).to_string(),
        ),
        (
            "mcp.json",
            json!({"servers": {"s": example()}, "inputs": []}).to_string(),
        ),
        (
            "settings.json",
            format!(
                "// mine\n{{\"context_servers\": {{\"s\": {},}}, \"theme\": {{}} }}",
                example()
            ),
        ),
        (".mcp_servers.json", json!({"s": example()}).to_string()),
        (
            "librechat.yaml",
            "version: 1\nmcpServers:\n  s:\n    command: mcpgate\n    args: [example]\n".to_owned(),
        ),
    ];
    for (name, text) in forms {
        let (code, out, err) = checked(name, &text).await;
        assert_eq!((code, err.as_str()), (Some(0), ""), "{name}: {out}");
        assert!(out.contains("\ns       stdio      up"), "{name}: {out}");
    }
}

#[tokio::test]
async fn a_mistake_names_file_line_and_key_as_the_client_calls_it() {
    for (name, text, expected) in [
        (
            "c.json",
            "{\n  \"mcpServers\": {\n    \"s\": {\n      \"comand\": \"x\"\n    }\n  }\n}",
            "c.json:4:7: unknown key `comand` in [mcpServers.s]; did you mean `command`?",
        ),
        (
            "c.json",
            "{\"mcpServers\": {\"s\": {\"command\": 5}}}",
            "c.json:1:34: `command` in [mcpServers.s]: expected a string, found a number",
        ),
        (
            "c.json",
            "{\"mcpServers\": {\"s\": {\"url\": \"nowhere\", \"env\": {\"A\": \"b\"}}}}",
            "c.json:1:41: `env` in [mcpServers.s]: belongs to `command`, not to `url`",
        ),
        (
            "c.json",
            "{\"mcpServers\": {\"s\": {\"command\": \"x\", \"env\": {\"A\": \"${NOT_SET}\"}}}}",
            "c.json:1:52: `env.A` in [mcpServers.s]: the variable `NOT_SET` is not set",
        ),
        (
            "c.json",
            "{\"mcpServers\": {\"s\": {}}}",
            "c.json:1:22: [mcpServers.s]: `command` (to launch it) or `url` (to connect to it) is missing",
        ),
        (
            "c.json",
            "{\"mcpServers\": {",
            "c.json:1:16: not JSON: unterminated object",
        ),
        (
            "l.yaml",
            "mcpServers:\n  s:\n    type: sse\n    url: 7\n",
            "l.yaml:4:10: `url` in [mcpServers.s]: expected a URL or a list of URLs, found a number",
        ),
        ("l.yaml", "mcpServers: [\n", "l.yaml:2:1: not YAML: "),
    ] {
        let (code, _, err) = checked(name, text).await;
        assert_eq!(code, Some(2), "{err}");
        assert!(
            err.starts_with(&format!("mcpgate: {expected}")),
            "{err}\n{expected}"
        );
    }
}

#[tokio::test]
async fn what_is_not_served_is_told_by_check_and_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let text = json!({"mcpServers": {"s": example(), "mcpgate": {"command": "mcpgate", "args": ["stdio"]},
                                     "w": {"type": "ws", "url": "ws://localhost:1"}}});
    fs::write(folder.path().join("c.json"), text.to_string()).unwrap();

    let (code, out, _) = ran(folder.path(), &["check", "--config", "c.json"]).await;
    let mut command = program(folder.path());
    let output = command.args(["stdio", "--config", "c.json"]).output();
    let output = soon("the program", output).await.unwrap();

    assert_eq!(code, Some(0), "{out}");
    let err = String::from_utf8(output.stderr).unwrap();
    for words in [
        "server `mcpgate` is left out: it is this gateway itself",
        "server `w` is left out: WebSocket is not spoken to servers",
    ] {
        assert!(
            out.contains("note: c.json:1:") && out.contains(words),
            "{out}"
        );
        assert!(err.contains(words), "{err}");
    }
}

#[tokio::test]
async fn our_own_keys_mean_in_json_what_they_mean_in_toml() {
    let server = json!({"command": "mcpgate", "args": ["example"], "prefix": "", "timeout": "5s", "disabled": true});
    let text = json!({"gateway": {"names": "verbatim"}, "mcpServers": {"s": server}}).to_string();

    let (code, out, err) = checked("c.json", &text).await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("\ns       stdio      disabled"), "{out}");
}

#[tokio::test]
async fn no_form_makes_the_loader_panic() {
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap();
        // Whoever writes a file has for a moment only written the half of it.
        for (end, _) in text.char_indices().step_by(41) {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), &text[..end]).unwrap();
            let paths = mcpgate::config::Paths::find(Some(folder.path().join(name)), None).unwrap();
            drop(mcpgate::config::load(&paths));
        }
    }
}

#[test]
fn no_key_of_ours_is_taken_for_somebody_elses() {
    let read = |key: &str| {
        let text = json!({"mcpServers": {"s": {key: "x"}}}).to_string();
        let machine = Machine {
            system: System::Linux,
            variable: &|_| None,
        };
        let mut taken = read::read(&text, Path::new("c.json"), &machine).unwrap();
        taken.entries.remove(0)
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("servers.toml");
    fs::write(&file, "[servers.s]\nqqqq = 1").unwrap();
    let paths = Paths::find(Some(file), None).unwrap();
    let refused = config::load(&paths).unwrap_err().to_string();
    let (_, keys) = refused.split_once("known keys: ").unwrap();

    for key in keys.split(", ") {
        let entry = read(key);
        assert!(
            entry.unknown.is_empty() && entry.left_out.is_empty(),
            "{key}: {entry:?}"
        );
    }
    assert_eq!(read("comand").unknown.len(), 1);
}
