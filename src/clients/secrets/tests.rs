use std::path::Path;

use super::*;
use crate::clients::{Machine, System, read};

const FILE: &str = r#"{"mcpServers": {
  "github": {"command": "npx", "args": ["-y", "server", "--token", "t0psecret", "--api-key=abc"],
             "env": {"GITHUB_TOKEN": "ghp_0123456789abcdef", "LOG": "debug"}},
  "work": {"command": "docker", "args": ["run", "-e", "GITHUB_TOKEN=ghp_abcdef0123456789", "x",
           "--header", "Authorization: Bearer abc"], "env": {"GITHUB_TOKEN": "ghp_abcdef0123456789"}},
  "exa": {"url": "https://mcp.exa.example/mcp?exaApiKey=12345678", "headers": {"X-API-Key": "abc"}}
}}"#;

fn hidden() -> (Vec<Entry>, Vec<Moved>) {
    let machine = Machine {
        system: System::Linux,
        variable: &|_| None,
    };
    let mut taken = read::read(FILE, Path::new("/x/mcp.json"), &machine).unwrap();
    let mut names = Names::new(&|_, _, _| false);
    let mut moved = Vec::new();
    for entry in &mut taken.entries {
        moved.extend(hide(entry, &mut names));
    }
    (taken.entries, moved)
}

#[test]
fn no_secret_is_left_and_each_is_told_of() {
    let (entries, moved) = hidden();
    let all = format!("{entries:?}");
    for secret in ["ghp_", "t0psecret", "abc\"", "12345678", "Bearer abc"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    let told: Vec<_> = moved
        .iter()
        .map(|moved| format!("{} {}", moved.what, moved.variable))
        .collect();
    assert_eq!(
        told,
        [
            "env.GITHUB_TOKEN GITHUB_TOKEN",
            "args[3] GITHUB_TOKEN_2",
            "args[4] GITHUB_API_KEY",
            "env.GITHUB_TOKEN WORK_GITHUB_TOKEN",
            "args[2] WORK_GITHUB_TOKEN",
            "args[5] WORK_TOKEN",
            "url EXA_API_KEY",
            "headers.X-API-Key EXA_API_KEY_2",
        ]
    );
}

#[test]
fn what_is_around_a_secret_stays() {
    let (entries, _) = hidden();
    let work: Vec<_> = entries[1]
        .get("args")
        .unwrap()
        .items()
        .iter()
        .map(Node::text)
        .collect();
    assert_eq!(work[2], Some("GITHUB_TOKEN=${WORK_GITHUB_TOKEN}"));
    assert_eq!(work[5], Some("Authorization: Bearer ${WORK_TOKEN}"));
    let url = entries[2].get("url").unwrap().text().unwrap();
    assert_eq!(url, "https://mcp.exa.example/mcp?exaApiKey=${EXA_API_KEY}");
}
