//! What clients put for something else in a text: `${env:X}`, `${input:x}`, `${workspaceFolder}`,
//! `{{LIBRECHAT_USER_ID}}`.

use std::path::Path;

/// What texts may refer to.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The folder of the project that the file is about, if it is about one.
    pub(super) project: Option<&'a Path>,
    /// The folder of the file.
    pub(super) folder: &'a Path,
    /// Looks up a variable, for those that have a default.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// A text in our words: what was `${env:X}` is `${X}`, what is no variable is `$${…`.
///
/// # Errors
/// When it refers to what only the client knows; says to what.
pub(super) fn ours(text: &str, around: Around<'_>) -> Result<String, String> {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        written.push_str(before);
        let Some((inner, after)) = after.split_once('}') else {
            written.push_str("$${");
            rest = after;
            continue;
        };
        written.push_str(&reference(inner, around)?);
        rest = after;
    }
    written.push_str(rest);
    Ok(written)
}

fn reference(inner: &str, around: Around<'_>) -> Result<String, String> {
    let folder = |what: &str| {
        let folder = around.project.map(|folder| folder.display().to_string());
        folder.ok_or_else(|| format!("`${{{what}}}` is known in a project's file alone"))
    };
    let (kind, name) = inner.split_once(':').unwrap_or(("", inner));
    match (kind, name) {
        ("env", name) => Ok(variable(name, around)),
        ("input", id) => Ok(format!("${{{}}}", variable_of(id))),
        ("file", path) if path.starts_with('/') => Ok(format!("${{{inner}}}")),
        ("file", path) => Ok(format!("${{file:{}}}", around.folder.join(path).display())),
        ("command" | "config", _) => Err(format!(
            "`${{{kind}:…}}` is something that only the editor knows"
        )),
        ("", "workspaceFolder" | "workspaceRoot" | "cwd") => folder(inner),
        ("", "workspaceFolderBasename") => {
            let folder = folder(inner)?;
            let name = Path::new(&folder)
                .file_name()
                .map(|name| name.to_string_lossy());
            Ok(name.unwrap_or_default().into_owned())
        }
        ("", "userHome") => Ok("${HOME}".to_owned()),
        ("", "pathSeparator" | "/") => Ok("/".to_owned()),
        _ => Ok(variable(inner, around)),
    }
}

/// `NAME`, or `NAME:-default`, which is the default where the variable is not set.
fn variable(inner: &str, around: Around<'_>) -> String {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if !is_name(name) {
        return format!("$${{{inner}}}");
    }
    match default {
        Some(default) if (around.variable)(name).is_none() => default.to_owned(),
        Some(_) | None => format!("${{{name}}}"),
    }
}

/// Whether a variable may have this name in a config file of ours.
fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(inner)
}

/// The variable that takes the place of something: `api-key` becomes `API_KEY`.
pub(crate) fn variable_of(name: &str) -> String {
    let upper = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    let name: String = name.chars().map(upper).collect();
    let name = name.trim_matches('_');
    match name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        true => format!("_{name}"),
        false => name.to_owned(),
    }
}

/// LibreChat's words for who calls, in ours. What else is in double braces stays.
pub(super) fn caller(text: &str) -> String {
    [
        ("{{LIBRECHAT_USER_ID}}", "{{caller.id}}"),
        ("{{LIBRECHAT_USER_EMAIL}}", "{{caller.email}}"),
        ("{{LIBRECHAT_USER_ROLE}}", "{{caller.role}}"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (theirs, ours)| {
        text.replace(theirs, ours)
    })
}

/// What stands in double braces and is nothing of ours.
pub(super) fn unknown_template(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}")?;
        if !matches!(
            name,
            "caller.id" | "caller.email" | "caller.role" | "caller.key"
        ) {
            return Some(name);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let around = Around {
            project: Some(Path::new("/work/shop")),
            folder: Path::new("/work/shop/.vscode"),
            variable: &|name| (name == "SET").then(|| "x".to_owned()),
        };
        ours(text, around)
    }

    #[test]
    fn each_reference_becomes_ours() {
        for (theirs, expected) in [
            ("plain", "plain"),
            ("${TOKEN}", "${TOKEN}"),
            ("Bearer ${env:TOKEN}", "Bearer ${TOKEN}"),
            ("${input:api-key}", "${API_KEY}"),
            ("${SET:-other}", "${SET}"),
            ("${UNSET:-https://x.example}/mcp", "https://x.example/mcp"),
            ("${workspaceFolder}/data", "/work/shop/data"),
            ("${workspaceFolderBasename}", "shop"),
            ("${userHome}${/}x", "${HOME}/x"),
            ("${file:/run/key}", "${file:/run/key}"),
            ("${file:key}", "${file:/work/shop/.vscode/key}"),
            ("${1:x} ${a b} ${", "$${1:x} $${a b} $${"),
        ] {
            assert_eq!(read(theirs).unwrap(), expected, "{theirs}");
        }
    }

    #[test]
    fn what_only_the_editor_knows_is_said() {
        assert!(
            read("${command:pick}")
                .unwrap_err()
                .contains("${command:…}")
        );
        let nowhere = Around {
            project: None,
            folder: Path::new("/"),
            variable: &|_| None,
        };
        assert!(ours("${workspaceFolder}", nowhere).is_err());
    }

    #[test]
    fn a_variable_has_a_name_that_is_one() {
        for (name, expected) in [
            ("api-key", "API_KEY"),
            ("x.Y z", "X_Y_Z"),
            ("1st", "_1ST"),
            ("-", "_"),
        ] {
            assert_eq!(variable_of(name), expected);
            assert!(is_name(expected));
        }
    }
}
