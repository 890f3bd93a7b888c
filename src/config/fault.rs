//! What is wrong with a setting, before it is known on which line it stands.

use std::fmt;

/// What is wrong with a setting, and which one.
///
/// Config types are checked beside the code they configure, where no file is in sight; the loader
/// finds the line. The message never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    path: Vec<String>,
    message: String,
    in_the_key: bool,
    unnamed: bool,
}

impl Fault {
    /// The value at `path`, relative to the table that is checked, is wrong.
    pub(crate) fn at<const N: usize>(path: [&str; N], message: impl Into<String>) -> Self {
        Self {
            path: path.map(str::to_owned).to_vec(),
            message: message.into(),
            in_the_key: false,
            unnamed: false,
        }
    }

    /// The key at `path` is wrong, rather than its value.
    pub(crate) fn at_key<const N: usize>(path: [&str; N], message: impl Into<String>) -> Self {
        Self {
            in_the_key: true,
            ..Self::at(path, message)
        }
    }

    /// The table at `path` is wrong.
    pub(super) fn about(path: Vec<String>, message: String) -> Self {
        Self {
            in_the_key: true,
            ..Self::found(path, message)
        }
    }

    /// The same, at a path that was found in a file.
    pub(super) fn found(path: Vec<String>, message: String) -> Self {
        Self {
            path,
            message,
            in_the_key: false,
            unnamed: false,
        }
    }

    /// The key at `path` stands where only tables with names do.
    pub(super) fn unnamed(path: Vec<String>, message: String) -> Self {
        Self {
            unnamed: true,
            ..Self::about(path, message)
        }
    }

    /// The same, seen from the file: `table` is where the checked table stands.
    pub(crate) fn under<const N: usize>(mut self, table: [&str; N]) -> Self {
        self.path.splice(0..0, table.into_iter().map(str::to_owned));
        self
    }

    pub(super) fn path(&self) -> &[String] {
        &self.path
    }

    /// What is wrong, without the place.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn in_the_key(&self) -> bool {
        self.in_the_key
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, key) = match self.unnamed {
            true => self.path.split_at(self.path.len().min(1)),
            false => split(&self.path),
        };
        match (table, key) {
            ([], []) => write!(f, "{}", self.message),
            ([], key) => write!(f, "`{}`: {}", Key(key), self.message),
            (table, []) => write!(f, "{}: {}", Table(table), self.message),
            (table, key) => {
                write!(f, "`{}` in {}: {}", Key(key), Table(table), self.message)
            }
        }
    }
}

/// Splits a path where a person would write the `[table]`: `[gateway]`, else `[servers.files]`.
pub(super) fn split(path: &[String]) -> (&[String], &[String]) {
    let nested = path.get(1).is_some_and(|table| table == "tls");
    let depth = match path.first().map(String::as_str) {
        Some("gateway") if nested => 2,
        Some("gateway" | "audit" | "metrics" | "traces" | "trusted_headers" | "anonymous") => 1,
        Some(_) | None => 2,
    };
    // Above the tables that have settings there are only the tables' own names.
    path.split_at_checked(depth).unwrap_or((&[], path))
}

/// `[servers.files]`, `[keys."alice smith"]`, `[[tests]]`.
pub(super) struct Table<'a>(pub(super) &'a [String]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [list, _] = self.0
            && list == "tests"
        {
            return write!(f, "[[{list}]]");
        }
        let bare = |c: char| c.is_ascii_alphanumeric() || "_-<>".contains(c);
        let quoted = |step: &String| match !step.is_empty() && step.chars().all(bare) {
            true => step.clone(),
            false => format!("\"{step}\""),
        };
        let steps: Vec<String> = self.0.iter().map(quoted).collect();
        write!(f, "[{}]", steps.join("."))
    }
}

/// `headers.Accept`, `args[1]`.
pub(super) struct Key<'a>(pub(super) &'a [String]);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            let is_index = step.bytes().all(|byte| byte.is_ascii_digit());
            match (depth, is_index) {
                (0, _) => write!(f, "{step}")?,
                (_, true) => write!(f, "[{step}]")?,
                (_, false) => write!(f, ".{step}")?,
            }
        }
        Ok(())
    }
}
