//! What serde and the TOML parser say, in the words of the person who wrote the file.
//!
//! Their messages repeat values, and a value may be a secret: only what they *expected* is kept.

use super::fault::{Fault, Key, Table, split};

/// What a date that is not in quotes is called. To serde it is a table of another kind.
pub(super) const DATE: &str = "date";

/// A syntax error. `culprit` is the text it is about.
pub(super) fn of_syntax(message: &str, culprit: Option<&str>) -> String {
    match culprit {
        Some(key) if message == "duplicate key" => format!("`{key}` is already defined"),
        Some(_) | None => message.to_owned(),
    }
}

/// A value, or a key, that does not fit the type which `path` leads to.
pub(super) fn of_value(message: &str, path: Vec<String>) -> Fault {
    let (found, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    if message.starts_with("unknown field ") {
        return unknown_key(&path, &quoted(expected));
    }
    let words = if found.starts_with("unknown variant ") {
        format!("expected {expected}")
    } else if path == ["tests"] {
        "each test has double brackets: [[tests]]".to_owned()
    } else if let Some(found) = found.strip_prefix("invalid type: ") {
        format!("expected {}, found {}", wanted(expected), kind(found))
    } else if found.starts_with("invalid value: ") {
        format!("expected {}", wanted(expected))
    } else if let Some(field) = message.strip_prefix("missing field ") {
        format!("{field} is missing")
    } else if message == "invalid socket address syntax" {
        format!("expected {}", wanted("socket address"))
    } else if message == "invalid IP address syntax" {
        "expected an address such as \"10.1.2.3\"".to_owned()
    } else if message == "wanted string or table" {
        "expected a string".to_owned() // what toml says of any enum
    } else {
        message.to_owned()
    };
    Fault::found(path, words)
}

fn unknown_key(path: &[String], known: &[&str]) -> Fault {
    let (key, parents) = path
        .split_last()
        .map_or(("", path), |(key, parents)| (key, parents));
    let place = match split(parents) {
        _ if parents.is_empty() => "at the top level".to_owned(),
        (table, []) => format!("in {}", Table(table)),
        (table, inner) => format!("in `{}` of {}", Key(inner), Table(table)),
    };
    let advice = match (parents, key) {
        (
            [],
            "keys" | "certificates" | "roles" | "views" | "limits" | "tokens" | "trusted_headers"
            | "anonymous" | "tests",
        ) => "it belongs in a file of the policies folder".to_owned(),
        ([], "gateway" | "servers" | "audit" | "metrics" | "traces") => {
            "it belongs in servers.toml".to_owned()
        }
        (_, _) => match nearest(key, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys: {}", known.join(", ")),
        },
    };
    Fault::found(Vec::new(), format!("unknown key `{key}` {place}; {advice}"))
}

/// The known key that was probably meant.
fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let typed = plain(typed);
    let distance = |known: &&&str| strsim::damerau_levenshtein(&typed, &plain(known));
    let candidate = known.iter().min_by_key(distance)?;
    let distance = distance(&candidate);
    let close = distance <= 1.max(candidate.len() / 3);
    let longer = |known: &&&str| {
        typed.len() > 2 && (typed.starts_with(**known) || known.starts_with(&typed))
    };
    close
        .then_some(candidate)
        .or_else(|| known.iter().find(longer))
        .copied()
}

/// A name that no table has; with the one that was probably meant, else with those that there are.
pub(super) fn no_table<'a>(
    section: &str,
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let words = format!("there is no {}", Table(&[section.into(), typed.into()]));
    words + &advice(section, typed, known)
}

/// The same about a key: whoever pastes the key itself does not find it in a log.
pub(super) fn no_key<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    "there is no [keys.<name>] with this name".to_owned() + &advice("keys", typed, known)
}

fn advice<'a>(section: &str, typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(typed, &known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if known.is_empty() => format!(": no [{section}.<name>] is defined"),
        None if known.len() > 12 => String::new(),
        None => format!("; known: {}", known.join(", ")),
    }
}

/// A section whose tables have names, with a setting of its own.
pub(super) fn unnamed(section: &str, key: Option<&str>) -> Fault {
    let message = format!("expected a table; settings go into [{section}.<name>]");
    let path = [section].into_iter().chain(key);
    Fault::unnamed(path.map(str::to_owned).collect(), message)
}

fn quoted(list: &str) -> Vec<&str> {
    list.split('`').skip(1).step_by(2).collect()
}

fn wanted(expected: &str) -> &str {
    match expected {
        "a duration" => "a duration such as \"30s\" or \"5m\"",
        "a size" => "a size such as \"512MiB\" or \"2GiB\"",
        "a sequence" => "a list",
        "socket address" => "an address and port such as \"127.0.0.1:8765\"",
        "path string" => "a string",
        "a boolean" => "`true` or `false`",
        "usize" | "u64" | "u32" | "u16" => "a whole number, 0 or more",
        "a map" => "a table",
        structure if structure.starts_with("struct ") => "a table",
        other => other,
    }
}

fn kind(found: &str) -> &str {
    const KINDS: [(&str, &str); 7] = [
        (DATE, "a date; put it in quotes"),
        ("string", "a string"),
        ("integer", "a number"),
        ("floating point", "a number"),
        ("boolean", "`true` or `false`"),
        ("sequence", "a list"),
        ("map", "a table"),
    ];
    KINDS
        .into_iter()
        .find(|(theirs, _)| found.starts_with(theirs))
        .map_or("something else", |(_, ours)| ours)
}
