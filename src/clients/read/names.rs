//! Names that `[servers.*]` may have.

use super::{Entry, Fate};

/// The longest name of a server.
const LONGEST: usize = 32;

/// A name that is as close as can be to the one that somebody has given.
pub(super) fn fitting(written: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut name = String::new();
    for c in written.chars() {
        match allowed(c) {
            true => name.push(c),
            false if name.ends_with('-') => {}
            false => name.push('-'),
        }
    }
    name.truncate(LONGEST);
    let name = name.trim_matches('-');
    match name.is_empty() {
        true => "server".to_owned(),
        false => name.to_owned(),
    }
}

/// Sees to it that no two entries have one name, in whatever case: the later gets a number.
pub(super) fn settle(entries: &mut [Entry]) {
    let mut taken: Vec<String> = Vec::new();
    for entry in entries.iter_mut() {
        if matches!(entry.fate, Fate::Twin | Fate::Ours) {
            continue;
        }
        let wanted = fitting(&entry.written);
        let mut name = wanted.clone();
        let mut number = 2;
        while taken.contains(&name.to_ascii_lowercase()) {
            let end = format!("-{number}");
            let kept: String = wanted.chars().take(LONGEST - end.len()).collect();
            name = kept + &end;
            number += 1;
        }
        taken.push(name.to_ascii_lowercase());
        entry.name = name;
    }
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn a_name_becomes_the_nearest_that_fits() {
        for (written, expected) in [
            ("files", "files"),
            ("My Server", "My-Server"),
            (
                "@modelcontextprotocol/server-git",
                "modelcontextprotocol-server-git",
            ),
            (
                "github.com/org/a-very-long-name-of-a-server",
                "github-com-org-a-very-long-name",
            ),
            ("日本", "server"),
            ("", "server"),
        ] {
            assert_eq!(fitting(written), expected, "{written}");
        }
    }
}
