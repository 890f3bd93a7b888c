//! What servers can do that the gateway has no part in: it passes through, so it is declared.

use super::Member;
use crate::mcp::{fields, object};

/// The members to be declared: `tasks` of a server that has them, and every server's extensions.
pub(super) fn merge(members: &[Member<'_>]) -> String {
    let said = |key: &'static str| {
        let values = members
            .iter()
            .map(move |member| fields::field(&member.catalog.capabilities, key));
        values.flatten().filter(|value| value.starts_with('{'))
    };
    let mut declared = Vec::new();
    if let Some(tasks) = said("tasks").next() {
        // A list would be one server's only, and tell of other callers' tasks.
        let tasks = object::without(tasks, &["list"]);
        declared.push(format!(r#""tasks":{tasks}"#));
    }
    for key in ["extensions", "experimental"] {
        let mut names: Vec<String> = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        for value in said(key) {
            for (name, span) in object::members(value).unwrap_or_default() {
                if !names.contains(&name) {
                    names.push(name);
                    texts.push(value.get(span).unwrap_or_default().to_owned());
                }
            }
        }
        if !texts.is_empty() {
            declared.push(format!(r#""{key}":{{{}}}"#, texts.join(",")));
        }
    }
    declared.join(",")
}
