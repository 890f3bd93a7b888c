//! The same in YAML, by its lines. What comes of it is read again; where that is not what was meant, a
//! person is told what to write.

use super::super::{
    OURS,
    file::{Member, Node, Tree, Value},
};

/// The text with our entry; nothing where it cannot be put in by lines.
pub(super) fn put(before: &str, tree: &Tree, key: &str, entry: &Node) -> Option<String> {
    let members = tree.root.members().unwrap_or_default();
    let Some(servers) = members.iter().find(|member| member.name == key) else {
        let text = before.trim_end();
        let gap = if text.is_empty() { "" } else { "\n\n" };
        return Some(format!("{text}{gap}{}", shown(key, entry)));
    };
    if let Some(ours) = ours(servers) {
        let lines = lines_of(before, ours);
        let (head, tail) = (before.get(..lines.start)?, before.get(lines.end..)?);
        let indent = column(before, ours.at.start)?;
        return Some(format!("{head}{}{tail}", block(indent, OURS, entry)));
    }
    let first = servers.node.members().and_then(<[Member]>::first);
    let indent = match first {
        Some(first) => column(before, first.at.start)?,
        None => column(before, servers.at.start)? + 2,
    };
    let line = lines_at(before, servers.at.start);
    let (head, tail) = (before.get(..line)?, before.get(line..)?);
    let end = if head.ends_with('\n') { "" } else { "\n" };
    Some(format!("{head}{end}{}{tail}", block(indent, OURS, entry)))
}

/// The text without it.
pub(super) fn take_out(before: &str, tree: &Tree, key: &str) -> Option<String> {
    let members = tree.root.members().unwrap_or_default();
    let servers = members.iter().find(|member| member.name == key)?;
    let lines = lines_of(before, ours(servers)?);
    let (head, tail) = (before.get(..lines.start)?, before.get(lines.end..)?);
    Some(format!("{head}{tail}"))
}

/// The lines that a file needs which has no servers yet.
pub(super) fn shown(key: &str, entry: &Node) -> String {
    format!("{key}:\n{}", block(2, OURS, entry))
}

fn ours(servers: &Member) -> Option<&Member> {
    let mut members = servers.node.members().unwrap_or_default().iter();
    members.find(|member| member.name == OURS)
}

/// Where the line ends in which this byte stands, its newline included.
fn lines_at(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |end| at + end + 1)
}

/// The whole lines of a member: to the end of the last value in it, for what follows may be a comment on
/// the next.
fn lines_of(text: &str, member: &Member) -> std::ops::Range<usize> {
    let before = text.get(..member.at.start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    start..lines_at(text, last(member).saturating_sub(1))
}

fn last(member: &Member) -> usize {
    let inner = match &member.node.value {
        Value::Table(members) if !members.is_empty() => members.iter().map(last).max(),
        Value::List(items) => items.iter().map(|item| item.span.end).max(),
        Value::Table(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => None,
    };
    inner.unwrap_or(member.node.span.end).max(member.at.end)
}

/// How far a key is indented; nothing if something else stands before it.
fn column(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let indent = before.get(start..)?;
    indent
        .bytes()
        .all(|byte| byte == b' ')
        .then_some(indent.len())
}

fn block(indent: usize, name: &str, node: &Node) -> String {
    let space = " ".repeat(indent);
    match &node.value {
        Value::Table(members) => {
            let inner = members.iter();
            let inner = inner.map(|member| block(indent + 2, &member.name, &member.node));
            format!("{space}{name}:\n{}", inner.collect::<String>())
        }
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            format!("{space}{name}: [{}]\n", items.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            format!("{space}{name}: {}\n", scalar(node))
        }
    }
}

/// A text in the quotes of JSON, which are YAML's too; a plain word without.
fn scalar(node: &Node) -> String {
    let text = node.plain().unwrap_or_default();
    let is_word = |c: char| c.is_ascii_lowercase() || c == '-';
    match text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_word) {
        true => text,
        false => serde_json::Value::String(text).to_string(),
    }
}
