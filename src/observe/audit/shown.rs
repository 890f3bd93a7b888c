//! `show_arguments`: which arguments of which tools are shown.

use indexmap::IndexMap;

/// Which arguments of which tools are shown.
pub(super) struct Shown(Vec<(String, Vec<String>)>);

/// Which arguments of one call are shown.
pub(super) struct Names<'a>(Vec<&'a [String]>);

impl Shown {
    pub(super) fn new(config: &IndexMap<String, Vec<String>>) -> Self {
        Self(config.clone().into_iter().collect())
    }

    /// What is shown of a call of this tool (or prompt).
    pub(super) fn of(&self, server: &str, name: &str) -> Names<'_> {
        let found = self.0.iter();
        let found = found.filter(|(pattern, _)| fits(pattern, server, name));
        Names(found.map(|(_, names)| names.as_slice()).collect())
    }
}

impl<'a> Names<'a> {
    #[cfg(test)]
    pub(super) fn only(names: &'a [String]) -> Self {
        Self(vec![names])
    }

    pub(super) fn include(&self, argument: &str) -> bool {
        let mut all = self.0.iter().copied().flatten();
        all.any(|name| name == argument || name == "*")
    }
}

/// Whether `server/name` is one that the pattern means.
fn fits(pattern: &str, server: &str, name: &str) -> bool {
    pattern
        .split_once('/')
        .is_some_and(|(servers, names)| stands_for(servers, server) && stands_for(names, name))
}

/// Whether a text fits a pattern in which `*` stands for any characters.
fn stands_for(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    // Each piece at its first chance: that leaves most for the next.
    for piece in middle.split('*') {
        match text.find(piece) {
            Some(at) => text = text.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_a_tool_of_a_server() {
        for (pattern, server, name, expected) in [
            ("files/read_*", "files", "read_file", true),
            ("files/read_*", "files", "read_", true),
            ("files/read_*", "files", "write", false),
            ("files/read_*", "file", "read_a", false),
            ("*/read", "any", "read", true),
            ("*/*", "", "", true),
            ("a*/x*y*z", "ab", "x--y--z", true),
            ("a*/x*y*z", "ab", "xz", false),
            ("a/xx*xx", "a", "xxx", false),
            ("a/*b*b", "a", "b", false),
            ("a/b", "a", "b/c", false),
            ("a/b*", "a", "b/c", true),
        ] {
            assert_eq!(
                fits(pattern, server, name),
                expected,
                "{pattern} {server}/{name}"
            );
        }
    }
}
