//! The `[audit]` table of `servers.toml`, as a person writes it.
//!
//! ```toml
//! [audit]
//! file = "/var/log/mcpgate/audit.jsonl"
//! required = true
//! show_arguments = { "files/read_*" = ["path", "encoding"] }
//! ```

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;

use crate::config::Fault;

/// The least `max_size`: some lines have to fit, arguments and all.
const LEAST_SIZE: u64 = 64 * 1024;
/// The most files that one rotation may have to rename.
const MOST_KEPT: u32 = 1000;
/// The most records that may wait.
const MOST_WAITING: usize = 1 << 20;

/// The `[audit]` table of `servers.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// The file that gets one JSON line for each call, readable by its owner alone. Its folder
    /// must be there. A relative path starts at the folder of `servers.toml`.
    pub file: Option<PathBuf>,
    /// Write the lines to stdout.
    pub stdout: bool,
    /// The file is rotated before it grows beyond this many bytes; 0: never, that is left to
    /// others.
    pub max_size: u64,
    /// Rotated files kept: `audit.jsonl.1` is the youngest.
    pub keep: u32,
    /// Refuse calls that cannot be recorded. Without it they are served, and counted.
    pub required: bool,
    /// Records that may wait to be written. With `required`, a call under way takes the place of
    /// its record, so that this bounds the calls at once.
    pub queue: usize,
    /// Whose arguments are shown, and which: `server/name`, where `*` stands for any characters,
    /// then the names of the arguments (`["*"]`: all). Of the others, name and size are shown.
    pub show_arguments: IndexMap<String, Vec<String>>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            file: None,
            stdout: false,
            max_size: 100 * 1024 * 1024,
            keep: 10,
            required: false,
            queue: 8192,
            show_arguments: IndexMap::new(),
        }
    }
}

impl AuditConfig {
    /// Whether anything is to be written.
    pub fn is_on(&self) -> bool {
        self.file.is_some() || self.stdout
    }

    /// Finds what the types cannot say.
    ///
    /// # Errors
    /// When a value cannot be.
    pub fn check(&self) -> Result<(), Fault> {
        if self
            .file
            .as_deref()
            .is_some_and(|file| file.file_name().is_none())
        {
            return Err(Fault::at(["file"], "expected the path of a file"));
        }
        if self.required && !self.is_on() {
            let message = "there is nowhere to record calls: set `file` or `stdout`";
            return Err(Fault::at(["required"], message));
        }
        if self.max_size != 0 && self.max_size < LEAST_SIZE {
            let message = format!("expected {LEAST_SIZE} or more, or 0 for no rotation");
            return Err(Fault::at(["max_size"], message));
        }
        if !(1..=MOST_KEPT).contains(&self.keep) {
            let message = format!("expected 1 to {MOST_KEPT}");
            return Err(Fault::at(["keep"], message));
        }
        if !(256..=MOST_WAITING).contains(&self.queue) {
            // Less would overflow while the writer gathers what it writes at once.
            let message = format!("expected 256 to {MOST_WAITING}");
            return Err(Fault::at(["queue"], message));
        }
        self.check_arguments()
            .map_err(|fault| fault.under(["show_arguments"]))
    }

    /// The keys that differ from what runs: all of them need a restart.
    pub fn restarts(&self, running: &Self) -> Vec<&'static str> {
        // By name, so that a new key has to be thought about.
        let Self {
            file,
            stdout,
            max_size,
            keep,
            required,
            queue,
            show_arguments,
        } = self;
        let keys = [
            ("file", *file != running.file),
            ("stdout", *stdout != running.stdout),
            ("max_size", *max_size != running.max_size),
            ("keep", *keep != running.keep),
            ("required", *required != running.required),
            ("queue", *queue != running.queue),
            ("show_arguments", *show_arguments != running.show_arguments),
        ];
        let differ = keys.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(key, _)| key).collect()
    }

    fn check_arguments(&self) -> Result<(), Fault> {
        for (pattern, names) in &self.show_arguments {
            let halves = pattern.split_once('/');
            if !halves.is_some_and(|(server, name)| !server.is_empty() && !name.is_empty()) {
                let message = "expected a server and a tool, such as \"files/read_*\"";
                return Err(Fault::at_key([pattern], message));
            }
            // They mean something in other patterns; here they would be taken by the letter.
            if pattern.contains(['?', '[', ']', '{', '}', '\\']) {
                let message = "only `*` stands for other characters here";
                return Err(Fault::at_key([pattern], message));
            }
            if names.is_empty() || names.iter().any(String::is_empty) {
                let message = "expected names of arguments, such as [\"path\"]";
                return Err(Fault::at([pattern], message));
            }
        }
        Ok(())
    }

    /// Makes a relative path start at the folder of the config file.
    pub fn resolve(&mut self, folder: &Path) {
        if let Some(file) = &mut self.file {
            *file = folder.join(&*file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<AuditConfig, String> {
        let config: AuditConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check().map_err(|fault| fault.to_string())?;
        Ok(config)
    }

    #[test]
    fn nothing_said_is_no_audit_log() {
        let config = checked("").unwrap();
        assert!(!config.is_on());
        assert_eq!(config, AuditConfig::default());
    }

    #[test]
    fn every_key_is_read() {
        let mut config = checked(
            r#"
            file = "audit.jsonl"
            stdout = true
            max_size = 65536
            keep = 3
            required = true
            queue = 256
            show_arguments = { "files/read_*" = ["path", "encoding"], "*/list" = ["*"] }
            "#,
        )
        .unwrap();
        config.resolve(Path::new("/etc/mcpgate"));
        assert_eq!(
            config.file.as_deref(),
            Some(Path::new("/etc/mcpgate/audit.jsonl"))
        );
        config.file = Some("/var/log/a.jsonl".into());
        config.resolve(Path::new("/etc/mcpgate"));
        assert_eq!(config.file, Some("/var/log/a.jsonl".into()));
        assert_eq!(config.show_arguments["files/read_*"], ["path", "encoding"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, words) in [
            ("required = true", "nowhere to record"),
            ("file = ''", "path of a file"),
            ("file = '/'", "path of a file"),
            ("max_size = 10", "65536 or more"),
            ("keep = 0", "1 to 1000"),
            ("keep = 1001", "1 to 1000"),
            ("queue = 0", "256 to 1048576"),
            (
                "show_arguments = { read = ['path'] }",
                "a server and a tool",
            ),
            (
                "show_arguments = { '/read' = ['path'] }",
                "a server and a tool",
            ),
            ("show_arguments = { 'a/b?' = ['path'] }", "only `*`"),
            ("show_arguments = { 'a/b' = [] }", "names of arguments"),
            ("argument = 1", "unknown field"),
        ] {
            let message = checked(text).unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
