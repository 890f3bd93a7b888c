//! What `docs/SETTINGS.md` calls a default is one.

use std::{fs, path::Path};

use mcpgate::config::{self, Environment, Paths};

use super::settings::{default, tables};
use super::snippets::certificates;

/// Those that the loader keeps as they are written, though what is not written is the same
/// (`config_shipped` has them).
const KEPT: &[&str] = &[
    "gateway.tls.client_auth",
    "servers.max_in_flight",
    "servers.queue",
    "servers.queue_wait",
    "servers.pool",
    "servers.dial_timeout",
    "servers.breaker",
    "servers.check_interval",
    "servers.max_instances",
    "servers.stop_timeout",
    "servers.start",
];

/// What the loader makes of these lines.
fn loaded(folder: &Path, lines: &str) -> String {
    let file = folder.join("servers.toml");
    fs::write(&file, lines).unwrap();
    let environment = Environment {
        variable: &|_| None,
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(file), None).unwrap();
    let config = config::load_with(&paths, &environment);
    let config = config.unwrap_or_else(|error| panic!("{lines}: {error}"));
    format!(
        "{:?} {:?} {:?}",
        config.gateway, config.audit, config.servers
    )
}

#[test]
fn what_the_page_calls_a_default_is_what_holds_where_nobody_says_anything() {
    let (folder, mut tried) = (tempfile::tempdir().unwrap(), 0);
    let folder = folder.path();
    certificates(folder);
    for table in tables().iter().filter(|table| table.file == "servers.toml") {
        for key in &table.keys {
            let (name, (default, _)) =
                (format!("{}.{}", table.name, key.name), default(table, key));
            if !default.starts_with('`') || KEPT.contains(&name.as_str()) {
                continue;
            }
            let header = table.header.replace("<name>", "x");
            let bare = match (table.name.as_str(), OF_URLS.contains(&key.name.as_str())) {
                ("servers", true) => format!("{header}\nurl = 'http://127.0.0.1:1/mcp'\n"),
                ("servers", false) => format!("{header}\ncommand = 'x'\n"),
                ("gateway.tls", _) => format!("{header}\n{TLS}"),
                _ => format!("{header}\n"),
            };
            let said = format!("{bare}{} = {}\n", key.name, key.value);
            assert_eq!(loaded(folder, &said), loaded(folder, &bare), "{name}");
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried}");
}

/// What has to be there for others.
const TLS: &str = "cert = 'cert.pem'\nkey = 'key.pem'\nclient_ca = 'ca.pem'\n";

/// The settings of servers that are connected to.
const OF_URLS: &[&str] = &["forward_authorization", "transport", "headers"];
