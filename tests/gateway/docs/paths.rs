//! The ways of four people, from an empty folder to an answered call, with nothing but what their
//! guide says. What follows a guide here is what their client does.

use std::fs;

use super::{markdown::Page, walk::World};

/// The pages that are walked here.
pub(super) const WALKED: &[&str] = &[
    "README.md",
    "docs/DESKTOP.md",
    "docs/LIBRECHAT.md",
    "docs/OPERATIONS.md",
    "docs/TEAM.md",
];

#[test]
fn whoever_reads_the_first_page_has_a_gateway_that_answers() {
    let world = World::new();
    // What somebody with a desktop client has already.
    let theirs = world.path("home/.config/Claude/claude_desktop_config.json");
    let documents = world.path("home/Documents");
    let server =
        |program: &str, args: &[&str]| serde_json::json!({"command": program, "args": args});
    let files = [
        "-y",
        "@modelcontextprotocol/server-filesystem",
        documents.to_str().unwrap(),
    ];
    let servers = serde_json::json!({"mcpServers": {
        "files": server("npx", &files),
        "time": server("uvx", &["mcp-server-time"]),
    }});
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(theirs, servers.to_string()).unwrap();
    // The last gateway of the page, from another machine, with the key that was shown.
    let then = r#"
        client ~/.config/Claude/claude_desktop_config.json mcpServers time__get_current_time '{"timezone": "UTC"}'
        key=$(cat "$out"/* | grep -ao 'mcpg_[0-9a-f]\{64\}' | tail -n 1)
        mcpgate call --url https://gate.lan:8765/mcp --ca cert.pem --key "$key" example__add a=2 b=3
        mcpgate list --url https://gate.lan:8765/mcp --ca cert.pem || true
        mcpgate list --url https://gate.lan:8765/mcp || true"#;
    world.walk(&Page::read("README.md"), "checkout", then);

    let said = world.said("then");
    for words in [
        "tool time__get_current_time",
        "{\"sum\":5}",
        "no valid credentials",
        "(--ca FILE names the authority, or the certificate itself)",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn the_developer_with_a_desktop_client_comes_from_an_empty_folder_to_an_answered_call() {
    let world = World::new();
    // Each client launches what its own file says by now, and knows nothing else.
    let then = r#"
        call='{"path": "'$HOME'/Documents/todo.txt"}'
        client ~/.config/Claude/claude_desktop_config.json mcpServers files__read_text_file "$call"
        client ~/.cursor/mcp.json mcpServers time__get_current_time '{"timezone": "UTC"}'"#;
    world.walk(&Page::read("docs/DESKTOP.md"), "home", then);

    let said = world.said("then");
    let tools = ["files__read_text_file", "time__get_current_time"];
    for tool in tools {
        let listed = said.matches(&format!("tool {tool}\n")).count();
        assert_eq!(listed, 2, "{said}");
    }
    assert!(said.contains("buy milk"), "{said}");
    assert_eq!(said.matches("left 0").count(), 2, "{said}");
}

#[test]
fn the_administrator_of_a_lan_comes_from_an_empty_folder_to_an_answered_call() {
    let world = World::new();
    let then = "
        cat shared/inbox/note.txt
        said audit.jsonl read_text_file $$
        grep read_text_file audit.jsonl";
    world.walk(&Page::read("docs/TEAM.md"), "checkout", then);

    let after = world.said("then");
    assert!(after.starts_with("hello"), "{after}");
    // From an address of the LAN, with a key, in its role. Bob's call before that, which was refused,
    // has a line of his as well.
    assert!(
        after.contains(r#""caller":"key:bob","role":"reader""#),
        "{after}"
    );
    assert!(
        after.contains(r#""tool":"read_text_file","decision":"allowed""#),
        "{after}"
    );
}

#[test]
fn the_company_with_librechat_comes_to_calls_that_each_user_may_make() {
    World::new().walk(&Page::read("docs/LIBRECHAT.md"), "checkout", "");
}

#[test]
fn who_looks_at_grafana_has_the_numbers_with_a_key() {
    let world = World::new();
    // What Prometheus asks.
    let then = "
        export KEY=mcpg_for_trying_this_page_and_nothing_else
        curl -sf -H \"Authorization: Bearer $KEY\" http://127.0.0.1:8765/metrics";
    world.walk(&Page::read("docs/OPERATIONS.md"), "checkout", then);

    let said = world.said("then");
    let called = r#"mcp_tool_calls_total{tool_name="add",server="example""#;
    for words in ["mcp_uptime_seconds ", called] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
