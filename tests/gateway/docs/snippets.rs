//! What a page shows of a config is understood.

use std::{fs, path::Path};

use mcpgate::config::{self, Environment, Paths};

use super::markdown::{Block, Note, Page, pages};
use crate::support::Authority;

/// The tables of `servers.toml`; all others are of policies.
const OF_SERVERS: [&str; 5] = ["gateway", "servers", "audit", "metrics", "traces"];

/// Files that a config may name.
pub(super) fn certificates(folder: &Path) {
    let authority = Authority::new();
    authority.server().write(folder);
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
}

/// What is wrong with a block of TOML, read as one of the two kinds of file.
fn fault(block: &Block) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let (servers, policies) = (
        folder.path().join("servers.toml"),
        folder.path().join("policies"),
    );
    fs::create_dir(&policies).unwrap();
    certificates(folder.path());
    fs::write(&servers, "").unwrap();
    let table: toml::Table = match block.text.parse() {
        Ok(table) => table,
        Err(error) => return Some(error.to_string()),
    };
    let is_servers = table.keys().all(|key| OF_SERVERS.contains(&key.as_str()));
    let file = if is_servers {
        servers.clone()
    } else {
        policies.join("x.toml")
    };
    fs::write(file, &block.text).unwrap();

    let environment = Environment {
        // Those of OpenTelemetry have a form of their own.
        variable: &|name| {
            let is_ours = !name.starts_with("OTEL_");
            is_ours.then(|| "long enough to sign with: 0123456789".to_owned())
        },
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(servers), None).unwrap();
    let loaded = config::load_with(&paths, &environment);
    loaded.err().map(|error| error.to_string())
}

#[test]
fn every_config_that_a_page_shows_is_understood() {
    let (mut faults, mut read) = (Vec::new(), 0);
    for path in pages(&["README.md", "docs", "examples", "deploy"]) {
        for block in Page::read(&path).blocks() {
            let fault = match block.language.as_str() {
                "toml" if matches!(block.note, Note::None | Note::File(_)) => fault(&block),
                "json" => serde_json::from_str::<serde_json::Value>(&block.text)
                    .err()
                    .map(|error| error.to_string()),
                _ => continue,
            };
            read += 1;
            faults.extend(fault.map(|fault| format!("{path}:{}: {fault}", block.line)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(read > 5, "{read}");
}
