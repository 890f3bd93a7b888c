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
}

impl Fault {
    /// The value at `path`, relative to the table that is checked, is wrong.
    pub(crate) fn at<const N: usize>(path: [&str; N], message: impl Into<String>) -> Self {
        Self {
            path: path.map(str::to_owned).to_vec(),
            message: message.into(),
            in_the_key: false,
        }
    }

    /// The key at `path` is wrong, rather than its value.
    pub(crate) fn at_key<const N: usize>(path: [&str; N], message: impl Into<String>) -> Self {
        Self {
            in_the_key: true,
            ..Self::at(path, message)
        }
    }

    /// The same, at a path that was found in a file.
    pub(super) fn found(path: Vec<String>, message: String) -> Self {
        Self {
            path,
            message,
            in_the_key: false,
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

    pub(super) fn in_the_key(&self) -> bool {
        self.in_the_key
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, key) = split(&self.path);
        match (table, key) {
            ([], []) => write!(f, "{}", self.message),
            ([], key) => write!(f, "`{}`: {}", Key(key), self.message),
            (table, []) => write!(f, "[{}]: {}", table.join("."), self.message),
            (table, key) => {
                write!(
                    f,
                    "`{}` in [{}]: {}",
                    Key(key),
                    table.join("."),
                    self.message
                )
            }
        }
    }
}

/// Splits a path where a person would write the `[table]`: `[gateway]`, else `[servers.files]`.
pub(super) fn split(path: &[String]) -> (&[String], &[String]) {
    let depth = match path.first().map(String::as_str) {
        Some("gateway") => 1,
        Some(_) | None => 2,
    };
    // Above the tables that have settings there are only the tables' own names.
    path.split_at_checked(depth).unwrap_or((&[], path))
}

/// `headers.Accept`, `args[1]`.
struct Key<'a>(&'a [String]);

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
