//! What the keys of a server hold.

use std::path::Path;

use super::{entry::Making, variables::unknown_template};
use crate::clients::file::{Member, Node, Value};

/// Headers that the gateway sets by itself on each request.
const SET: [&str; 7] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
];

/// The program: a path starts at the folder of the project.
pub(super) fn command(making: &mut Making<'_>, member: &Member) {
    path(making, member, "command", |text| text.contains('/'));
}

/// The folder it runs in.
pub(super) fn folder(making: &mut Making<'_>, member: &Member) {
    path(making, member, "cwd", |_| true);
}

fn path(making: &mut Making<'_>, member: &Member, key: &str, is_path: impl Fn(&str) -> bool) {
    let Some(text) = member.node.text() else {
        return making.put(key, member, member.node.value.clone());
    };
    let text = match making.ours(text) {
        Ok(text) => text,
        Err(words) => return making.refuse(member.node.span.start, key, &words),
    };
    let text = match text.strip_prefix("~/") {
        Some(rest) => format!("${{HOME}}/{rest}"),
        None => text,
    };
    let is_relative = is_path(&text) && !text.starts_with(['/', '$']);
    let base = making.around.project.unwrap_or(making.around.folder);
    let text = match is_relative {
        true => joined(base, &text),
        false => text,
    };
    making.put(key, member, Value::Text(text));
}

fn joined(base: &Path, text: &str) -> String {
    let text = text.strip_prefix("./").unwrap_or(text);
    match text {
        "" | "." => base.display().to_string(),
        text => base.join(text).display().to_string(),
    }
}

/// The arguments.
pub(super) fn list(making: &mut Making<'_>, member: &Member) {
    let Value::List(items) = &member.node.value else {
        return making.put(&member.name, member, member.node.value.clone());
    };
    let mut ours = Vec::new();
    for item in items {
        let value = match item.plain().map(|text| making.ours(&text)) {
            Some(Ok(text)) => Value::Text(text),
            Some(Err(words)) => {
                let what = format!("{}[{}]", member.name, ours.len());
                return making.refuse(item.span.start, &what, &words);
            }
            None => item.value.clone(),
        };
        ours.push(Node {
            span: item.span.clone(),
            value,
        });
    }
    if !ours.is_empty() {
        making.put(&member.name, member, Value::List(ours));
    }
}

/// Variables or headers.
pub(super) fn table(making: &mut Making<'_>, member: &Member) {
    let Some(members) = member.node.members() else {
        return making.put(&member.name, member, member.node.value.clone());
    };
    let mut ours = Vec::new();
    for inner in members {
        let at = inner.at.start;
        let what = format!("{}.{}", member.name, inner.name);
        let value = match inner.node.plain().map(|text| making.ours(&text)) {
            Some(Ok(text)) => text,
            Some(Err(words)) => {
                making.leave_out(at, &what, &words);
                continue;
            }
            None if inner.node.value == Value::Null => {
                making.leave_out(at, &what, "it has no value");
                continue;
            }
            None => {
                ours.push(inner.clone()); // the loader says what is wrong with it
                continue;
            }
        };
        if member.name == "headers"
            && let Some(words) = refused_header(&inner.name, &value)
        {
            making.leave_out(at, &what, &words);
            continue;
        }
        ours.push(Member {
            name: inner.name.clone(),
            at: inner.at.clone(),
            node: Node {
                span: inner.node.span.clone(),
                value: Value::Text(value),
            },
        });
    }
    // An empty one would be refused where it does not belong, as `env` beside `url`.
    if !ours.is_empty() {
        making.put(&member.name, member, Value::Table(ours));
    }
}

fn refused_header(name: &str, value: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if SET.contains(&lower.as_str()) || lower.starts_with("mcp-") {
        return Some("the gateway sets it by itself".to_owned());
    }
    let unknown = unknown_template(value)?;
    Some(format!(
        "nobody here knows what `{{{{{unknown}}}}}` stands for"
    ))
}

/// The address.
pub(super) fn url(making: &mut Making<'_>, member: &Member) {
    let Some(text) = member.node.text() else {
        return making.put("url", member, member.node.value.clone());
    };
    let at = member.node.span.start;
    match making.ours(text) {
        Err(words) => making.refuse(at, &member.name, &words),
        Ok(text) if text.starts_with("ws:") || text.starts_with("wss:") => {
            making.refuse(at, &member.name, "WebSocket is not spoken to servers");
        }
        Ok(text) if unknown_template(&text).is_some() || text.contains("{{") => {
            making.refuse(at, &member.name, "an address is the same for every caller");
        }
        Ok(text) => making.put("url", member, Value::Text(text)),
    }
}

/// How it speaks. `http` is what clients call both kinds, and is found out.
pub(super) fn transport(making: &mut Making<'_>, member: &Member) {
    let Some(kind) = member.node.text() else {
        return making.put("transport", member, member.node.value.clone());
    };
    let plain: String = kind.to_ascii_lowercase().replace(['-', '_'], "");
    match plain.as_str() {
        "stdio" | "local" | "http" | "remote" => {}
        "streamablehttp" | "streamable" => {
            making.put("transport", member, Value::Text("http".to_owned()));
        }
        "sse" => making.put("transport", member, Value::Text("sse".to_owned())),
        "websocket" | "ws" => {
            let at = member.node.span.start;
            making.refuse(at, &member.name, "WebSocket is not spoken to servers");
        }
        _ => making.put("transport", member, Value::Text(kind.to_owned())),
    }
}
