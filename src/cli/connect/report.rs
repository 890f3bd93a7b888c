//! What a person is told of an import.

use std::{collections::BTreeMap, path::Path};

use crate::clients::{Client, secrets::Moved};

/// What is said, in its order.
#[derive(Default)]
pub(super) struct Report {
    lines: Vec<String>,
    /// The variables that are to be set, and what they are for.
    wanted: BTreeMap<String, String>,
    /// What to do after all.
    next: Option<String>,
}

impl Report {
    /// What follows is about this file.
    pub(super) fn file(&mut self, path: &Path, client: Option<Client>) {
        let path = path.display();
        self.lines.push(match client {
            Some(client) => format!("{client}, {path}"),
            None => path.to_string(),
        });
    }

    /// What becomes of a server.
    pub(super) fn server(&mut self, name: &str, words: &str) {
        self.lines.push(format!("  {name}: {words}"));
    }

    /// Something about the server before.
    pub(super) fn detail(&mut self, words: &str) {
        self.lines.push(format!("    {words}"));
    }

    /// A secret has become a variable.
    pub(super) fn moved(&mut self, server: &str, moved: &Moved, place: &str) {
        let Moved { variable, what, .. } = moved;
        self.detail(&format!(
            "{what} is ${{{variable}}} now: it looks like a secret"
        ));
        let words = format!("what stands at {place} ({what} of {server})");
        self.wanted.entry(variable.clone()).or_insert(words);
    }

    /// A variable that is to be set, unless it is.
    pub(super) fn wants(&mut self, variable: &str, words: &str) {
        if std::env::var_os(variable).is_none() {
            let entry = self.wanted.entry(variable.to_owned());
            entry.or_insert_with(|| words.to_owned());
        }
    }

    /// Something about all.
    pub(super) fn note(&mut self, words: &str) {
        self.lines.push(words.to_owned());
    }

    /// What to do after all.
    pub(super) fn next(&mut self, words: String) {
        self.next = Some(words);
    }

    /// All of it.
    pub(super) fn text(mut self) -> String {
        if !self.wanted.is_empty() {
            let words = "\nSet these variables where the gateway runs, before it starts:";
            self.lines.push(words.to_owned());
        }
        let width = self
            .wanted
            .keys()
            .map(String::len)
            .max()
            .unwrap_or_default();
        for (variable, words) in &self.wanted {
            self.lines.push(format!("  {variable:<width$}  {words}"));
        }
        self.lines.extend(self.next);
        self.lines.join("\n")
    }
}
