//! A client's file in place of `servers.toml`: `mcpgate serve --config claude_desktop_config.json`.
//!
//! Its servers become the tree that our own file would be, with the places where they stand, so
//! that all that comes after is the same: types, checks, messages.

use std::{ops::Range, path::Path, path::PathBuf};

use toml::{
    Spanned,
    de::{DeArray, DeString, DeTable, DeValue},
};

use super::{ConfigError, Document, Environment, ServersFile, document, files::Reader};
use crate::clients::{
    Machine, System,
    file::{Member, Mistake, Node, Value},
    read::{self, Entry, Fate, Taken},
};

/// What is known of such a file beside its tree.
pub(super) struct Foreign {
    /// What its servers stand under: `mcpServers`.
    pub(super) section: Option<&'static str>,
    /// What it says and is not served.
    pub(super) remarks: Vec<Mistake>,
}

/// Reads such a file.
pub(super) fn parse<'a>(
    file: &Path,
    text: &'a str,
    environment: &Environment<'_>,
) -> Result<(Spanned<DeTable<'a>>, Foreign), Mistake> {
    let variable = |name: &str| (environment.variable)(name).map(PathBuf::from);
    let machine = Machine {
        system: System::here(),
        variable: &variable,
    };
    let taken = read::read(text, file, &machine)?;
    let foreign = Foreign {
        section: taken.section,
        remarks: taken.entries.iter().filter_map(remark).collect(),
    };
    Ok((tree(&taken, text), foreign))
}

/// Reads a client's file, of which servers are to be taken over.
///
/// # Errors
/// When it cannot be read, or is not understood.
pub fn read_client(file: &Path) -> Result<(String, Taken), ConfigError> {
    let text = Reader::default().document(file)?;
    let taken = read::read(&text, file, &Machine::this());
    let taken = taken.map_err(|wrong| misplaced(file, &text, wrong))?;
    Ok((text, taken))
}

/// What is wrong with a client's file, with line and column.
pub fn misplaced(file: &Path, text: &str, wrong: Mistake) -> ConfigError {
    document::place(file, text, wrong.at, wrong.message)
}

/// Whether the loader would take one server of a client's file, without what nobody knows of it.
///
/// # Errors
/// When it would not, with the place in that file.
pub fn check_entry(file: &Path, text: &str, entry: &Entry) -> Result<(), ConfigError> {
    let entry = Entry {
        unknown: Vec::new(),
        ..entry.clone()
    };
    let taken = Taken {
        entries: vec![entry],
        others: Vec::new(),
        section: None,
        inputs: Vec::new(),
        span: 0..text.len(),
    };
    super::as_if_set(|environment| {
        let reader = Reader::default();
        let tree = (tree(&taken, text), None);
        let document = Document::of_tree((file, text), tree, (environment, &reader))?;
        let decoded: ServersFile = document.decode()?;
        decoded.check().map_err(|fault| document.locate(&fault))
    })
}

/// Why a server is not served. What is the client's own affair needs no words.
fn remark(entry: &Entry) -> Option<Mistake> {
    let (at, words) = match &entry.fate {
        Fate::Taken | Fate::Twin => return None,
        Fate::Ours => (entry.at.start, "it is this gateway itself"),
        Fate::Refused(remark) => (remark.at, remark.words.as_str()),
    };
    let message = format!("server `{}` is left out: {words}", entry.written);
    Some(Mistake { at, message })
}

fn tree<'a>(taken: &Taken, text: &'a str) -> Spanned<DeTable<'a>> {
    let mut servers = DeTable::new();
    for entry in &taken.entries {
        if entry.fate != Fate::Taken {
            continue;
        }
        // What nobody knows is refused with the nearest key, like a typing error in our own file.
        let members = entry.members.iter().chain(&entry.unknown);
        let table = DeValue::Table(members.filter_map(|inner| member(inner, text)).collect());
        let table = Spanned::new(entry.span.clone(), table);
        servers.insert(key(&entry.name, &entry.at), table);
    }
    let others = taken.others.iter().filter_map(|other| member(other, text));
    let mut root: DeTable<'a> = others.collect();
    let servers = Spanned::new(taken.span.clone(), DeValue::Table(servers));
    root.insert(key("servers", &taken.span), servers);
    Spanned::new(taken.span.clone(), root)
}

fn key<'a>(name: &str, at: &Range<usize>) -> Spanned<DeString<'a>> {
    Spanned::new(at.clone(), DeString::Owned(name.to_owned()))
}

type Entries<'a> = (Spanned<DeString<'a>>, Spanned<DeValue<'a>>);

/// Nothing for `null`, which says nothing.
fn member<'a>(member: &Member, text: &'a str) -> Option<Entries<'a>> {
    if member.node.value == Value::Null {
        return None;
    }
    Some((key(&member.name, &member.at), value(&member.node, text)))
}

fn value<'a>(node: &Node, text: &'a str) -> Spanned<DeValue<'a>> {
    let value = match &node.value {
        Value::Bool(value) => DeValue::Boolean(*value),
        Value::Number(written) => {
            let number = text.get(node.span.clone()).map(DeValue::parse);
            match number {
                Some(Ok(number)) => number.into_inner(),
                Some(Err(_)) | None => DeValue::String(DeString::Owned(written.clone())),
            }
        }
        Value::Text(written) => DeValue::String(DeString::Owned(written.clone())),
        Value::List(items) => {
            let mut array = DeArray::new();
            for item in items {
                array.push(self::value(item, text));
            }
            DeValue::Array(array)
        }
        Value::Table(members) => DeValue::Table(
            members
                .iter()
                .filter_map(|inner| member(inner, text))
                .collect(),
        ),
        // In a list: nothing that we take for a value.
        Value::Null => DeValue::Table(DeTable::new()),
    };
    Spanned::new(node.span.clone(), value)
}
