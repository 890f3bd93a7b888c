//! `${VAR}` and `${file:/run/secrets/x}`: what a file takes from outside.
//!
//! ```toml
//! headers = { Authorization = "Bearer ${OIL_TOKEN}", X-Key = "${file:/run/secrets/key}" }
//! ```
//!
//! They work in every string of every file, once: what comes in is not expanded again. A file
//! loses one newline at its end, a relative path starts at the folder of the file that names it,
//! and `$${` is a literal `${`. `${credential:oil}` is the file of that name in the folder
//! `$CREDENTIALS_DIRECTORY`, which systemd fills (`LoadCredential=`).

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::files::Reader;

/// What a config file may refer to.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// Looks up `${NAME}`.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// What the word `mcpgate` means as a `command`: this very program.
    pub program: &'a Path,
}

impl Environment<'static> {
    /// That of this process.
    pub fn of_process() -> Self {
        // Asked once: after an upgrade in place the system would answer `mcpgate (deleted)`.
        static PROGRAM: LazyLock<PathBuf> =
            LazyLock::new(|| std::env::current_exe().unwrap_or_else(|_| "mcpgate".into()));
        Self {
            variable: &|name| std::env::var(name).ok(),
            program: &PROGRAM,
        }
    }
}

/// What comes in, and from where.
#[derive(Clone, Copy)]
pub(super) struct Outside<'a> {
    /// Where relative paths start.
    pub(super) folder: &'a Path,
    pub(super) environment: &'a Environment<'a>,
    pub(super) reader: &'a Reader,
}

/// What went wrong, and with which string.
pub(super) type Failure = (std::ops::Range<usize>, String);

/// Expands every string of a table, in place.
pub(super) fn expand_table(table: &mut DeTable<'_>, outside: Outside<'_>) -> Result<(), Failure> {
    for (_, value) in table.iter_mut() {
        expand_value(value, outside)?;
    }
    Ok(())
}

fn expand_value(value: &mut Spanned<DeValue<'_>>, outside: Outside<'_>) -> Result<(), Failure> {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(text) => {
            let expanded = expand(text, outside);
            *text = DeString::Owned(expanded.map_err(|message| (span, message))?);
        }
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                expand_value(item, outside)?;
            }
        }
        DeValue::Table(table) => expand_table(table, outside)?,
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
    Ok(())
}

fn expand(text: &str, outside: Outside<'_>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        let (name, after) = after
            .split_once('}')
            .ok_or("`${` has no `}`; a literal `${` is written `$${`")?;
        expanded.push_str(before);
        expanded.push_str(&look_up(name, outside)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn look_up(name: &str, outside: Outside<'_>) -> Result<String, String> {
    if let Some(path) = name.strip_prefix("file:") {
        let read = outside.reader.value(&outside.folder.join(path));
        return read.map_err(|error| format!("`${{file:{path}}}` cannot be read: {error}"));
    }
    if let Some(name) = name.strip_prefix("credential:") {
        return credential(name, outside).map_err(|why| format!("`${{credential:{name}}}`: {why}"));
    }
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(
            "`${…}` holds neither the name of a variable, nor `file:` and a path, nor \
                    `credential:` and a name; a literal `${` is written `$${`"
                .to_owned(),
        );
    }
    (outside.environment.variable)(name).ok_or_else(|| format!("the variable `{name}` is not set"))
}

/// What systemd has handed over under that name.
fn credential(name: &str, outside: Outside<'_>) -> Result<String, String> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err("a credential has the name of a file, without a folder".to_owned());
    }
    let unit =
        format!("`LoadCredential={name}:/path/to/it` in the unit makes systemd hand it over");
    let Some(folder) = (outside.environment.variable)("CREDENTIALS_DIRECTORY") else {
        return Err(format!("$CREDENTIALS_DIRECTORY is not set; {unit}"));
    };
    let read = outside.reader.value(&Path::new(&folder).join(name));
    read.map_err(|error| match error.kind() == ErrorKind::NotFound {
        true => format!("there is none of that name in {folder}; {unit}"),
        false => format!("it cannot be read from {folder}: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        with_credentials(None, text)
    }

    fn with_credentials(folder: Option<&Path>, text: &str) -> Result<String, String> {
        let environment = Environment {
            variable: &|name| match name {
                "WHO" => Some("${sam}".to_owned()),
                "CREDENTIALS_DIRECTORY" => folder.map(|folder| folder.display().to_string()),
                _ => None,
            },
            program: Path::new("mcpgate"),
        };
        let outside = Outside {
            folder: Path::new("."),
            environment: &environment,
            reader: &Reader::default(),
        };
        expand(text, outside)
    }

    #[test]
    fn what_comes_in_is_not_expanded_again() {
        assert_eq!(expanded("<${WHO}${WHO}>").unwrap(), "<${sam}${sam}>");
    }

    #[test]
    fn a_dollar_is_only_special_before_a_brace() {
        for text in ["$", "$$", "$WHO", "pa$$word", "100$ {WHO}", "}"] {
            assert_eq!(expanded(text).unwrap(), text);
        }
    }

    #[test]
    fn a_doubled_dollar_makes_the_brace_literal() {
        assert_eq!(expanded("$${WHO} ${WHO}").unwrap(), "${WHO} ${sam}");
        assert_eq!(expanded("$${").unwrap(), "${");
    }

    #[test]
    fn a_credential_is_the_file_that_systemd_has_handed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("oil"), "k1\n").unwrap();
        let expanded = |text| with_credentials(Some(folder.path()), text);

        assert_eq!(expanded("Bearer ${credential:oil}").unwrap(), "Bearer k1");
        let refused = expanded("${credential:gas}").unwrap_err();
        assert!(
            refused.contains("`LoadCredential=gas:/path/to/it`"),
            "{refused}"
        );
        let folder = folder.path().display().to_string();
        assert!(refused.contains(&folder), "{refused}");
    }

    #[test]
    fn a_credential_that_nobody_handed_over_is_refused_with_the_line_that_does() {
        let refused = expanded("${credential:oil}").unwrap_err();
        assert_eq!(
            refused,
            "`${credential:oil}`: $CREDENTIALS_DIRECTORY is not set; \
             `LoadCredential=oil:/path/to/it` in the unit makes systemd hand it over"
        );
    }

    #[test]
    fn a_credential_cannot_lead_elsewhere() {
        for name in ["", ".", "..", "../session.key", "/etc/passwd", "a/b"] {
            let text = format!("${{credential:{name}}}");
            let refused = with_credentials(Some(Path::new("/tmp")), &text).unwrap_err();
            assert!(refused.contains("the name of a file"), "{refused}");
        }
    }
}
