//! One file: text, tree and types, each with the way back to line and column.

use std::{ops::Range, path::Path};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

use super::{
    ConfigError, Environment, Fault,
    expand::{self, Outside},
    files::Reader,
    foreign::{self, Foreign},
    wording,
};
use crate::clients::Syntax;

/// One file, parsed and with its strings expanded.
pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    tree: Spanned<DeTable<'a>>,
    /// If it is a client's, what it says that is not served.
    foreign: Option<Foreign>,
}

/// The sections whose tables have names: `[servers.files]`.
const NAMED: [&str; 7] = [
    "servers",
    "keys",
    "certificates",
    "roles",
    "views",
    "limits",
    "tokens",
];

impl<'a> Document<'a> {
    /// Parses `text`, which was read from `file`, and expands every string in it.
    pub(super) fn parse(
        file: &'a Path,
        text: &'a str,
        outside: (&Environment<'_>, &Reader),
    ) -> Result<Self, ConfigError> {
        Self::parse_if(file, text, |_| true, outside)
    }

    /// The same with one section of the file, as if the others were not there.
    pub(super) fn parse_section(
        file: &'a Path,
        text: &'a str,
        section: &str,
        outside: (&Environment<'_>, &Reader),
    ) -> Result<Self, ConfigError> {
        Self::parse_if(file, text, |name| name == section, outside)
    }

    fn parse_if(
        file: &'a Path,
        text: &'a str,
        section: impl Fn(&str) -> bool,
        (environment, reader): (&Environment<'_>, &Reader),
    ) -> Result<Self, ConfigError> {
        let (mut tree, foreign) = match Syntax::of(file) {
            None => (parse_toml(file, text)?, None),
            Some(_) => {
                let read = foreign::parse(file, text, environment);
                let read = read.map_err(|wrong| place(file, text, wrong.at, wrong.message))?;
                (read.0, Some(read.1))
            }
        };
        let all = std::mem::take(tree.get_mut()).into_iter();
        *tree.get_mut() = all.filter(|(name, _)| section(name.get_ref())).collect();
        Self::of_tree((file, text), (tree, foreign), (environment, reader))
    }

    /// A file that has become a tree already.
    pub(super) fn of_tree(
        (file, text): (&'a Path, &'a str),
        (tree, foreign): (Spanned<DeTable<'a>>, Option<Foreign>),
        (environment, reader): (&Environment<'_>, &Reader),
    ) -> Result<Self, ConfigError> {
        let mut document = Self {
            file,
            text,
            tree,
            foreign,
        };
        let outside = Outside {
            folder: file.parent().unwrap_or(Path::new(".")),
            environment,
            reader,
        };
        expand::expand_table(document.tree.get_mut(), outside)
            .map_err(|(span, message)| document.say(span, |path| Fault::found(path, message)))?;
        Ok(document)
    }

    /// Reads the tree as a type.
    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.check_sections()?;
        T::deserialize(Deserializer::from(self.tree.clone())).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let start = self.text.get(span.start..).unwrap_or_default();
            let is_date = start.starts_with(|c: char| c.is_ascii_digit());
            let message = match error.message().strip_prefix("invalid type: map") {
                Some(rest) if is_date => format!("invalid type: {}{rest}", wording::DATE),
                Some(_) | None => error.message().to_owned(),
            };
            self.say(span, |path| wording::of_value(&message, path))
        })
    }

    /// Refuses what stands right below a section whose tables have names: `[roles]` and then a
    /// setting. The types would take the setting for a role.
    fn check_sections(&self) -> Result<(), ConfigError> {
        for (section, value) in self.tree.get_ref() {
            let name = section.get_ref().as_ref();
            if !NAMED.contains(&name) {
                continue;
            }
            let Some(table) = value.get_ref().as_table() else {
                return Err(self.locate(&wording::unnamed(name, None)));
            };
            let mut entries = table.iter();
            if let Some((key, _)) = entries.find(|(_, value)| !value.get_ref().is_table()) {
                return Err(self.locate(&wording::unnamed(name, Some(key.get_ref()))));
            }
        }
        Ok(())
    }

    /// Where a setting stands, if it does: `policies/keys.toml:3:1`.
    pub(super) fn find(&self, table: &str, key: &str) -> Option<String> {
        let inside = self.tree.get_ref().get(table)?.get_ref().as_table()?;
        inside.get(key)?;
        Some(self.place(&[table.to_owned(), key.to_owned()]))
    }

    /// Finds the line of a fault.
    pub(super) fn locate(&self, fault: &Fault) -> ConfigError {
        let start = self.start_of(fault.path(), fault.in_the_key());
        self.wrong(start, fault)
    }

    /// What a client's file says and is not served, each with its place.
    pub(super) fn left_out(&self) -> Vec<String> {
        let remarks = self.foreign.iter().flat_map(|foreign| &foreign.remarks);
        let placed = remarks.map(|remark| {
            place(self.file, self.text, remark.at, remark.message.clone()).to_string()
        });
        placed.collect()
    }

    /// Under the names that the file has for things.
    fn wrong(&self, start: usize, fault: &Fault) -> ConfigError {
        let message = fault.to_string();
        let section = self.foreign.as_ref().and_then(|foreign| foreign.section);
        let message = match section {
            Some(section) => message.replace("[servers.", &format!("[{section}.")),
            None => message,
        };
        place(self.file, self.text, start, message)
    }

    /// `policies/keys.toml:3:1`, for a message about another place.
    pub(super) fn place(&self, path: &[String]) -> String {
        let (line, column) = position(self.text, self.start_of(path, true));
        format!("{}:{line}:{column}", self.file.display())
    }

    /// `policies/team.toml:3`, for the audit.
    pub(super) fn line(&self, path: &[String]) -> String {
        let (line, _) = position(self.text, self.start_of(path, false));
        format!("{}:{line}", self.file.display())
    }

    fn say(&self, span: Range<usize>, words: impl FnOnce(Vec<String>) -> Fault) -> ConfigError {
        let path = path_in_table(self.tree.get_ref(), &span).unwrap_or_default();
        self.wrong(span.start, &words(path))
    }

    fn start_of(&self, path: &[String], of_key: bool) -> usize {
        let mut start = 0;
        let mut steps = path.iter().peekable();
        let mut table = Some(self.tree.get_ref());
        let mut items: &[Spanned<DeValue<'_>>] = &[];
        while let Some(step) = steps.next() {
            let entry = table.and_then(|table| table.get_key_value(step.as_str()));
            let item = step.parse().ok().and_then(|index: usize| items.get(index));
            let Some(value) = entry.map(|(_, value)| value).or(item) else {
                break;
            };
            let is_last = steps.peek().is_none();
            start = match entry {
                Some((key, _)) if is_last && of_key => key.span().start,
                Some(_) | None => value.span().start,
            };
            table = value.get_ref().as_table();
            items = value.get_ref().as_array().map_or(&[], |items| items);
        }
        start
    }
}

/// The path of the key or value that stands exactly at `span`: the deepest, because
/// `[servers.files]` also brings `servers` into being.
fn path_in_table(table: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    table.iter().find_map(|(key, value)| {
        let deeper = path_in_value(value, span);
        let here = || (key.span() == *span || value.span() == *span).then(Vec::new);
        deeper.or_else(here).map(|rest| joined(key.get_ref(), rest))
    })
}

fn path_in_value(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<Vec<String>> {
    match value.get_ref() {
        DeValue::Table(table) => path_in_table(table, span),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let here = || (item.span() == *span).then(Vec::new);
            let rest = path_in_value(item, span).or_else(here)?;
            Some(joined(&index.to_string(), rest))
        }),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    }
}

fn joined(step: &str, mut rest: Vec<String>) -> Vec<String> {
    rest.insert(0, step.to_owned());
    rest
}

/// Whether a text is TOML.
pub(super) fn check_syntax(file: &Path, text: &str) -> Result<(), ConfigError> {
    parse_toml(file, text).map(drop)
}

fn parse_toml<'a>(file: &Path, text: &'a str) -> Result<Spanned<DeTable<'a>>, ConfigError> {
    DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let message = wording::of_syntax(error.message(), text.get(span.clone()));
        place(file, text, span.start, message)
    })
}

/// What is wrong, with line and column.
pub(super) fn place(file: &Path, text: &str, offset: usize, message: String) -> ConfigError {
    let (line, column) = position(text, offset);
    ConfigError::Wrong {
        file: file.to_path_buf(),
        line,
        column,
        message,
    }
}

/// Line and column, from 1, in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}
