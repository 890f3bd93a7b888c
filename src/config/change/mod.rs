//! `servers.toml`, changed by a command: what a person wrote stays as it is.
//!
//! A new server goes to the end of the file, as text; nothing else is touched. The result is read
//! by the loader before it takes the place of the file.

mod replace;
mod written;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Item};

pub use replace::replace;
pub use written::{NewServer, value};

use super::{ConfigError, Paths, wording};

/// What a file begins with that a command has made.
const HEAD: &str = "# What is behind mcpgate: one [servers.<name>] table for each server. The servers.toml that\n\
                    # comes with mcpgate shows every key with its default.\n";

/// A change to a config file.
pub struct Change {
    path: PathBuf,
    /// What is in the file; nothing if there is none.
    before: Option<String>,
    text: String,
}

impl Change {
    /// A change to the file, which need not be there.
    ///
    /// # Errors
    /// When it cannot be read, or is no TOML.
    pub fn of(path: &Path) -> Result<Self, ConfigError> {
        let before = match fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(ConfigError::Unreadable(path.to_path_buf(), error)),
        };
        let text = before.clone().unwrap_or_else(|| HEAD.to_owned());
        super::document::check_syntax(path, &text)?;
        Ok(Self {
            path: path.to_path_buf(),
            before,
            text,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.before.as_ref() == Some(&self.text) || (self.before.is_none() && self.text == HEAD)
    }

    /// What the file will say.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is added to the file.
    pub fn added(&self) -> &str {
        let before = self.before.as_deref().map(str::trim_end);
        let added = before.and_then(|before| self.text.strip_prefix(before));
        added.unwrap_or(&self.text).trim()
    }

    /// The servers that it will have, with what they say.
    pub fn servers(&self) -> toml::Table {
        let parsed = toml::from_str::<toml::Table>(&self.text).unwrap_or_default();
        let servers = parsed.get("servers").and_then(toml::Value::as_table);
        servers.cloned().unwrap_or_default()
    }

    /// Adds a server at the end.
    pub fn add(&mut self, server: &NewServer) {
        let kept = self.text.trim_end().len();
        self.text.truncate(kept);
        let has_crlf = self.text.contains("\r\n");
        let gap = if kept == 0 { "" } else { "\n\n" };
        let written = format!("{gap}{}", server.written());
        self.text += &match has_crlf {
            true => written.replace('\n', "\r\n"),
            false => written,
        };
    }

    /// Takes a server away, with what is said right above it.
    ///
    /// # Errors
    /// When there is none of that name; the words have the nearest.
    pub fn remove(&mut self, name: &str) -> Result<(), String> {
        let known = self.servers();
        if !known.contains_key(name) {
            return Err(wording::no_table(
                "servers",
                name,
                known.keys().map(String::as_str),
            ));
        }
        let parsed = self.text.parse::<DocumentMut>();
        let mut document = parsed.map_err(|error| error.message().to_owned())?;
        let servers = document
            .get_mut("servers")
            .and_then(Item::as_table_like_mut);
        let removed = servers.and_then(|servers| servers.remove(name));
        let above = removed.as_ref().map(said_before).unwrap_or_default();
        let mut text = document.to_string();
        if !above.is_empty() {
            // It was said about more than this one server: it stays where it stood.
            let at = self.text.find(&above).unwrap_or(text.len()).min(text.len());
            let at = if text.is_char_boundary(at) {
                at
            } else {
                text.len()
            };
            text.insert_str(at, &above);
        }
        self.text = text;
        Ok(())
    }

    /// Has the loader read what the file will say, as if every variable were set: whoever adds a
    /// server may set them later.
    ///
    /// # Errors
    /// As [`super::load`].
    pub fn check(&self, policies: Option<PathBuf>) -> Result<(), ConfigError> {
        let paths = Paths::named(self.path.clone(), policies);
        super::as_if_set(|environment| super::load_text(&paths, environment, &self.text)).map(drop)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written; then it is as it was.
    pub fn write(&self) -> io::Result<()> {
        replace(&self.path, &self.text)
    }
}

/// Of what stands above a table, what ends with an empty line: it is not about that table alone.
fn said_before(item: &Item) -> String {
    let decor = item.as_table().map(toml_edit::Table::decor);
    let prefix = decor.and_then(|decor| decor.prefix()?.as_str());
    let prefix = prefix.unwrap_or_default();
    match prefix.rsplit_once("\n\n") {
        Some((before, _)) if before.contains('#') => format!("{before}\n"),
        Some(_) | None => String::new(),
    }
}
