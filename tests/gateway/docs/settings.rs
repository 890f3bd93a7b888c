//! `docs/SETTINGS.md`: every key of `servers.toml` and of the policies, from the shipped files, which
//! the loader holds to what it knows (`config_shipped`).

use std::{collections::BTreeSet, fmt::Write as _, fs};

use super::{generated, markdown::here};

const FILES: [&str; 5] = [
    "servers.toml",
    "policies/keys.toml",
    "policies/roles.toml",
    "policies/identity.toml",
    "policies/tests.toml",
];

const INTRO: &str = "# Settings

<!-- Written by a test from servers.toml and policies/: UPDATE_DOCS=1 cargo test docs -->

Every key there is, from the files that are shipped: [servers.toml](../servers.toml) says what is \
behind the gateway and what it listens on, [policies/](../policies) who may do what. Those two are \
looked for in the current folder, then in `~/.config/mcpgate`, then in `/etc/mcpgate`; `--config` and \
`--policies` name others. All files `policies/*.toml` are read, in the order of their names; a table \
may stand in any of them, once. What is not understood is refused, with file, line and the nearest \
key there is.

In every string, `${VAR}` is a variable and `${file:/run/secrets/x}` the content of a file, without \
the newline at its end; `$${` is a literal `${`. A duration is written as `\"30s\"`, `\"5m\"` or `\"1h \
30m\"`, a size as `\"512MiB\"`.

";

/// What is there instead of a default where one of several keys is needed.
const NEEDED: &[(&str, &str)] = &[
    ("servers.command", "this or `url`"),
    ("servers.url", "this or `command`"),
    ("limits.calls", "this or `concurrent`"),
    ("limits.concurrent", "this or `calls`"),
    ("limits.per", "required with `calls`"),
    ("limits.wait", "not at all"),
    ("tokens.jwks_url", "this, `key_file` or `secret`"),
    ("tokens.key_file", "this, `jwks_url` or `secret`"),
    ("tokens.secret", "this, `jwks_url` or `key_file`"),
    ("certificates.san", "this, `subject`, or both"),
    ("certificates.subject", "this, `san`, or both"),
    ("trusted_headers.keys", "this, `from`, or both"),
    ("trusted_headers.from", "this, `keys`, or both"),
];

/// A key, and what stands above it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) words: String,
}

/// A table, and what stands above it.
#[derive(Debug)]
pub(super) struct Table {
    /// `gateway`, `servers`, `gateway.tls`.
    pub(super) name: String,
    /// As a person writes it.
    pub(super) header: String,
    pub(super) words: String,
    pub(super) keys: Vec<Key>,
    pub(super) file: &'static str,
}

/// The name of a table, and how a person writes it.
fn named(line: &str) -> (String, String) {
    let path = line.trim_matches(['[', ']']);
    let doubled = line.starts_with("[[");
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match (doubled, rest) {
        (true, _) => (first.to_owned(), format!("[[{first}]]")),
        (false, "") => (first.to_owned(), format!("[{first}]")),
        (false, _) if first == "gateway" => (path.to_owned(), format!("[{path}]")),
        (false, _) => (first.to_owned(), format!("[{first}.<name>]")),
    }
}

/// A setting that is commented out, or not.
fn setting(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#').unwrap_or(line);
    let begins = line.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '[');
    begins.then_some(line)
}

/// The tables of a file, each once.
fn read(file: &'static str, tables: &mut Vec<Table>) {
    let text = fs::read_to_string(here(file)).unwrap();
    let (mut words, mut current) = (String::new(), 0);
    for line in text.lines() {
        match (setting(line), line.strip_prefix("# ")) {
            (Some(line), _) if line.starts_with('[') => {
                current = open(line, std::mem::take(&mut words), file, tables);
            }
            (Some(line), _) => add(&mut tables[current], line, std::mem::take(&mut words)),
            (None, Some(comment)) => write!(words, "{comment} ").unwrap(),
            (None, None) if line == "#" => words.push('\n'),
            (None, None) => words.clear(),
        }
    }
}

fn open(line: &str, words: String, file: &'static str, tables: &mut Vec<Table>) -> usize {
    let (name, header) = named(line);
    if let Some(at) = tables.iter().position(|table| table.name == name) {
        if tables[at].words.is_empty() {
            tables[at].words = words;
        }
        return at;
    }
    tables.push(Table {
        name,
        header,
        words,
        keys: Vec::new(),
        file,
    });
    tables.len() - 1
}

fn add(table: &mut Table, line: &str, words: String) {
    let Some((name, value)) = line.split_once(" = ") else {
        return;
    };
    if let Some(known) = table.keys.iter_mut().find(|key| key.name == name) {
        if known.words.is_empty() {
            known.words = words;
        }
        return;
    }
    // What is told of several keys at once stands above the first of them.
    let words = match table.keys.last() {
        Some(above) if words.is_empty() => format!("See `{}`. ", above.name),
        _ => words,
    };
    table.keys.push(Key {
        name: name.to_owned(),
        value: value.to_owned(),
        words,
    });
}

pub(super) fn tables() -> Vec<Table> {
    let mut tables = Vec::new();
    for file in FILES {
        read(file, &mut tables);
    }
    tables
}

/// Each key there is, as `table.key`.
pub(super) fn names() -> BTreeSet<String> {
    let tables = tables();
    let keys = tables.iter().flat_map(|table| {
        let name = |key: &Key| format!("{}.{}", table.name, key.name);
        table.keys.iter().map(name)
    });
    keys.collect()
}

/// What kind of thing a value is.
fn kind(key: &Key) -> &'static str {
    let value: toml::Table = toml::from_str(&format!("x = {}", key.value)).unwrap();
    let is_duration = |text: &str| humantime_serde::re::humantime::parse_duration(text).is_ok();
    match &value["x"] {
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Integer(_) => "whole number",
        toml::Value::String(text) if is_duration(text) => "duration",
        toml::Value::String(text) if text.ends_with("iB") => "size",
        toml::Value::String(_) => "text",
        toml::Value::Array(_) => "list",
        toml::Value::Table(_) => "table",
        toml::Value::Float(_) => "number",
        toml::Value::Datetime(_) => "moment",
    }
}

/// What holds where nobody says anything, and what is left to say.
pub(super) fn default(table: &Table, key: &Key) -> (String, String) {
    let words = key.words.replace('\n', " ");
    let name = format!("{}.{}", table.name, key.name);
    if let Some((_, needed)) = NEEDED.iter().find(|(needed, _)| *needed == name) {
        return ((*needed).to_owned(), words);
    }
    if let Some((before, rest)) = words.split_once("Default: ") {
        let end = rest.find(". ").map_or(rest.len(), |end| end + 1);
        let (default, after) = rest.split_at(end);
        let default = default.trim().trim_end_matches('.').to_owned();
        return (default, format!("{before}{after}"));
    }
    if words.contains("Required.") {
        return ("required".to_owned(), words.replace("Required.", ""));
    }
    (format!("`{}`", key.value), words)
}

fn row(table: &Table, key: &Key) -> String {
    let (default, words) = default(table, key);
    let shown = format!("`{}`", key.value);
    let example = if shown == default {
        String::new()
    } else {
        shown
    };
    let cells = [
        format!("<a id=\"{}.{}\"></a>`{}`", table.name, key.name, key.name),
        kind(key).to_owned(),
        default,
        example,
        words.split_whitespace().collect::<Vec<_>>().join(" "),
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

#[test]
fn every_setting_stands_in_its_page() {
    let mut page = INTRO.to_owned();
    for table in tables() {
        write!(page, "## `{}`\n\nIn `{}`.", table.header, table.file).unwrap();
        let words: Vec<_> = table.words.split_whitespace().collect();
        if !words.is_empty() {
            write!(page, " {}", words.join(" ")).unwrap();
        }
        page.push_str("\n\n| key | type | default | example | meaning |\n|---|---|---|---|---|\n");
        page.extend(table.keys.iter().map(|key| row(&table, key)));
        page.push('\n');
    }
    generated("docs/SETTINGS.md", &format!("{}\n", page.trim_end()));
}

#[test]
fn every_setting_says_what_it_means() {
    for table in tables() {
        for key in &table.keys {
            assert!(!key.words.is_empty(), "[{}] {}", table.name, key.name);
        }
    }
}
