//! A `[servers.<name>]` table, as a person would write it.

use std::collections::BTreeMap;

use crate::clients::file::{Member, Node, Value};

/// A line that is longer is divided.
const WIDEST: usize = 100;
/// What comes first in a table.
const FIRST: [&str; 8] = [
    "disabled",
    "command",
    "args",
    "url",
    "transport",
    "headers",
    "env",
    "cwd",
];

/// A server that is to be added.
pub struct NewServer {
    /// Its name, which must fit.
    pub name: String,
    /// What is said above it.
    pub comments: Vec<String>,
    /// What it says.
    pub members: Vec<Member>,
    /// What is said about a key, by where that stands in the file that it comes from.
    pub said: BTreeMap<usize, Vec<String>>,
}

impl NewServer {
    /// The table as text, with its newline.
    pub(super) fn written(&self) -> String {
        let mut text = commented(&self.comments);
        text += &format!("[servers.{}]\n", self.name);
        let rank = |member: &&Member| {
            let place = FIRST.iter().position(|key| *key == member.name);
            place.unwrap_or(FIRST.len())
        };
        let mut members: Vec<&Member> = self.members.iter().collect();
        members.sort_by_key(rank);
        let mut tables = String::new();
        for member in members {
            let said = self.said(member);
            match member.node.members() {
                Some(inner) if !self.is_short(member, inner) => {
                    tables += &format!("\n{said}[servers.{}.{}]\n", self.name, member.name);
                    for inner in inner {
                        tables += &self.said(inner);
                        tables += &line(&inner.name, &inner.node);
                    }
                }
                Some(_) | None => {
                    text += &said;
                    text += &line(&member.name, &member.node);
                }
            }
        }
        text + &tables
    }

    fn said(&self, member: &Member) -> String {
        let said = self.said.get(&member.at.start);
        said.map(|lines| commented(lines)).unwrap_or_default()
    }

    fn is_short(&self, member: &Member, inner: &[Member]) -> bool {
        let silent = inner.iter().all(|inner| self.said(inner).is_empty());
        silent && line(&member.name, &member.node).len() <= WIDEST
    }

    /// What it says, to compare it with what a file says.
    pub fn values(&self) -> toml::Table {
        let values = self.members.iter();
        values
            .map(|member| (member.name.clone(), value(&member.node)))
            .collect()
    }
}

fn commented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("# {line}\n")).collect()
}

fn line(key: &str, node: &Node) -> String {
    let line = format!("{} = {}\n", written_key(key), written(node));
    if line.len() <= WIDEST || node.items().is_empty() {
        return line;
    }
    let items = node.items().iter();
    let items: String = items
        .map(|item| format!("    {},\n", written(item)))
        .collect();
    format!("{} = [\n{items}]\n", written_key(key))
}

fn written_key(key: &str) -> String {
    toml_edit::Key::new(key).display_repr().into_owned()
}

fn written(node: &Node) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::List(items) => format!("[{}]", joined(items.iter().map(written).collect())),
        Value::Table(members) => {
            let pair = |member: &Member| {
                format!("{} = {}", written_key(&member.name), written(&member.node))
            };
            format!("{{ {} }}", joined(members.iter().map(pair).collect()))
        }
        Value::Text(text) => toml_edit::Value::from(text.as_str()).to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.clone(),
        Value::Null => "\"\"".to_owned(),
    }
}

/// The same as TOML has it.
pub fn value(node: &Node) -> toml::Value {
    match &node.value {
        Value::Bool(value) => toml::Value::Boolean(*value),
        Value::Text(text) => toml::Value::String(text.clone()),
        Value::Null => toml::Value::String(String::new()),
        Value::List(items) => toml::Value::Array(items.iter().map(value).collect()),
        Value::Table(members) => {
            let pairs = members.iter();
            let pairs = pairs.map(|member| (member.name.clone(), value(&member.node)));
            toml::Value::Table(pairs.collect())
        }
        Value::Number(number) => match (number.parse(), number.parse()) {
            (Ok(whole), _) => toml::Value::Integer(whole),
            (Err(_), Ok(number)) => toml::Value::Float(number),
            (Err(_), Err(_)) => toml::Value::String(number.clone()),
        },
    }
}
