//! The same in JSON with comments, by its concrete tree: all that is not ours stays byte for byte.

use jsonc_parser::cst::{CstInputValue, CstRootNode};

use super::super::{
    OURS,
    file::{MARK, Mistake, Node, Value, mistake, options},
};

/// The text with our entry; nothing where servers cannot stand there.
pub(super) fn put(before: &str, key: &str, entry: &Node) -> Result<Option<String>, Mistake> {
    let (mark, root) = parsed(before)?;
    let value = input(entry);
    let servers = root.object_value_or_create();
    let servers = servers.and_then(|object| object.object_value_or_create(key));
    let Some(servers) = servers else {
        return Ok(None);
    };
    match servers.get(OURS) {
        Some(ours) => ours.set_value(value),
        None => drop(servers.append(OURS, value)),
    }
    Ok(Some(finished(mark, &root)))
}

/// The text without it.
pub(super) fn take_out(before: &str, key: &str) -> Result<Option<String>, Mistake> {
    let (mark, root) = parsed(before)?;
    let servers = root
        .object_value()
        .and_then(|object| object.object_value(key));
    let Some(ours) = servers.and_then(|servers| servers.get(OURS)) else {
        return Ok(None);
    };
    ours.remove();
    Ok(Some(finished(mark, &root)))
}

/// A file that has nothing but our entry.
pub(super) fn shown(key: &str, entry: &Node) -> String {
    let made = put("", key, entry).ok().flatten();
    made.unwrap_or_default()
}

fn parsed(before: &str) -> Result<(&str, CstRootNode), Mistake> {
    let body = before.strip_prefix(MARK).unwrap_or(before);
    let (mark, body) = before.split_at(before.len() - body.len());
    let root = CstRootNode::parse(body, &options());
    Ok((mark, root.map_err(|error| mistake(&error, mark.len()))?))
}

fn finished(mark: &str, root: &CstRootNode) -> String {
    let text = root.to_string();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{mark}{text}{end}")
}

fn input(node: &Node) -> CstInputValue {
    match &node.value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.clone()),
        Value::Text(text) => CstInputValue::String(text.clone()),
        Value::List(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Table(members) => {
            let pairs = members.iter();
            let pairs = pairs.map(|member| (member.name.clone(), input(&member.node)));
            CstInputValue::Object(pairs.collect())
        }
    }
}
