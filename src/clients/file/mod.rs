//! A client's file as a tree, whatever it is written in: what stands where.

mod json;
mod yaml;

use std::{ops::Range, path::Path};

use super::Syntax;
pub(super) use json::{MARK, mistake, options};

/// A file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// All of it.
    pub root: Node,
    /// Its comments, in their order, without the signs they begin and end with.
    pub comments: Vec<Comment>,
}

/// One value, and the bytes of the file that it stands at.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// Several values.
    List(Vec<Node>),
    /// Several values with names.
    Table(Vec<Member>),
}

/// A value with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub at: Range<usize>,
    /// The value.
    pub node: Node,
}

/// A comment.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it says.
    pub text: String,
}

/// Why a file, or a part of it, cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The byte at which it stands.
    pub at: usize,
    /// What is wrong. No value is repeated: it may be a secret.
    pub message: String,
}

impl Syntax {
    /// What a file is written in, by its name; nothing for TOML.
    pub fn of(file: &Path) -> Option<Self> {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "json" | "jsonc" | "json5" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

impl Tree {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is not well-formed, or says one name twice.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, Mistake> {
        match syntax {
            Syntax::Json => json::parse(text),
            Syntax::Yaml => yaml::parse(text),
        }
    }

    /// What is said about a member: in lines of their own right above it, and behind it on its line.
    pub fn comments_of(&self, text: &str, member: &Member) -> Vec<&Comment> {
        let between =
            |from: usize, to: usize| text.get(from..to).is_some_and(|gap| gap.trim().is_empty());
        let own_line = |at: usize| {
            let before = text.get(..at).unwrap_or_default();
            between(before.rfind('\n').map_or(0, |end| end + 1), at)
        };
        let mut start = member.at.start;
        let mut said = Vec::new();
        for comment in self.comments.iter().rev() {
            if comment.span.end > start {
                continue;
            }
            if !between(comment.span.end, start) || !own_line(comment.span.start) {
                break;
            }
            start = comment.span.start;
            said.push(comment);
        }
        said.reverse();
        let end = member.node.span.end;
        let line = text.get(end..).and_then(|rest| rest.lines().next());
        let line = end..end + line.map_or(0, str::len);
        said.extend(self.comments.iter().find(|comment| {
            let gap = text.get(end..comment.span.start).unwrap_or("-");
            line.contains(&comment.span.start) && gap.trim_matches([',', ' ', '\t']).is_empty()
        }));
        said
    }
}

impl Comment {
    /// Its lines, without the `*` that block comments have before each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let lines = self.text.lines();
        let lines = lines.map(|line| {
            line.trim()
                .trim_start_matches("* ")
                .trim_matches('*')
                .trim()
        });
        lines.filter(|line| !line.is_empty()).map(str::to_owned)
    }
}

impl Node {
    /// Its members, if it is a table.
    pub fn members(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Table(members) => Some(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                None
            }
        }
    }

    /// Its member of that name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let members = self.members().unwrap_or_default();
        members
            .iter()
            .find(|member| member.name == name)
            .map(|member| &member.node)
    }

    /// Its items, if it is a list.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Table(_) => {
                &[]
            }
        }
    }

    /// Whether it says the same as another, wherever both stand, and in whatever order.
    pub fn says_like(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Table(one), Value::Table(_)) => {
                let count = other.members().unwrap_or_default().len();
                let same = |member: &Member| {
                    let found = other.get(&member.name);
                    found.is_some_and(|found| found.says_like(&member.node))
                };
                one.len() == count && one.iter().all(same)
            }
            (Value::List(one), Value::List(other)) => {
                let mut pairs = one.iter().zip(other);
                one.len() == other.len() && pairs.all(|(one, other)| one.says_like(other))
            }
            (one, other) => one == other,
        }
    }

    /// Its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Table(_) => {
                None
            }
        }
    }

    /// What it would be as text, for what is not a list or a table: people leave quotes out.
    pub fn plain(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Table(_) => None,
        }
    }
}

/// Adds a member, whose name must be new.
fn join(members: &mut Vec<Member>, member: Member) -> Result<(), Mistake> {
    if members.iter().any(|known| known.name == member.name) {
        return Err(Mistake {
            at: member.at.start,
            message: format!("`{}` is already defined", member.name),
        });
    }
    members.push(member);
    Ok(())
}
