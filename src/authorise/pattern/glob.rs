//! `*`, `?` and `\`: the wildcards of [`Pattern`](super::Pattern).
//!
//! Not the crate `globset`: there `[` and `{` always mean something, and a set of them becomes an
//! automaton of megabytes. Matching here needs no memory and never backtracks: the text between
//! two `*` is looked for from the left, and its first place is as good as any later one.

use memchr::memmem;

use super::PatternError;

/// How long a glob may be, in bytes. It also bounds how slow one with many `?` can get.
pub(super) const LONGEST: usize = 1024;

/// A glob, cut at its `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    head: Piece,
    /// What follows each `*`. Without one, the head is the whole text.
    tail: Vec<Piece>,
}

/// What stands between two `*`: literal texts, with one `?` between each two.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece(Vec<String>);

impl Glob {
    /// Reads a glob.
    pub(super) fn new(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::NothingToMatch);
        }
        if text.len() > LONGEST {
            return Err(PatternError::TooLong);
        }
        // A space or a line end is a slip of the hand, and a denial with one denies nothing.
        if text.trim() != text || text.contains(char::is_control) {
            return Err(PatternError::Blank);
        }
        let mut pieces = Vec::new();
        let mut piece = Piece::empty();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '*' => pieces.push(std::mem::replace(&mut piece, Piece::empty())),
                '?' => piece.0.push(String::new()),
                '[' | '{' => return Err(PatternError::Bracket),
                '\\' => piece.push(escaped(rest.next())?),
                other => piece.push(other),
            }
        }
        pieces.push(piece);
        let head = pieces.remove(0);
        Ok(Self { head, tail: pieces })
    }

    /// A glob that matches everything.
    pub(super) fn everything() -> Self {
        Self {
            head: Piece::empty(),
            tail: vec![Piece::empty()],
        }
    }

    /// Whether it is nothing but `*`.
    pub(super) fn is_everything(&self) -> bool {
        let mut pieces = self.tail.iter().chain([&self.head]);
        !self.tail.is_empty() && pieces.all(|piece| *piece == Piece::empty())
    }

    /// Whether all of `text` fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(mut rest) = self.head.strip(text) else {
            return false;
        };
        let Some((end, middle)) = self.tail.split_last() else {
            return rest.is_empty();
        };
        for piece in middle {
            match piece.find(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        end.ends(rest)
    }

    /// Whether every text that starts with `head` fits, whatever follows it.
    pub(super) fn covers(&self, head: &str) -> bool {
        let open = self.tail.last().is_some_and(|end| *end == Piece::empty());
        // The last `*` takes what follows as well as nothing.
        open && self.matches(head)
    }

    /// Whether some text that starts with `head` could fit. May say yes too often, never no.
    pub(super) fn may_start(&self, head: &str) -> bool {
        let Some(literal) = self.head.0.first() else {
            return true;
        };
        let fixed = self.tail.is_empty() && self.head.0.len() == 1;
        if fixed {
            return literal.starts_with(head);
        }
        // One of them may go on: what both have must be the same.
        literal.bytes().zip(head.bytes()).all(|(a, b)| a == b)
    }
}

impl Piece {
    fn empty() -> Self {
        Self(vec![String::new()])
    }

    fn push(&mut self, c: char) {
        if let Some(text) = self.0.last_mut() {
            text.push(c);
        }
    }

    /// What follows it, where `text` starts with it.
    fn strip<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut texts = self.0.iter();
        let mut rest = text.strip_prefix(texts.next()?.as_str())?;
        for literal in texts {
            let mut chars = rest.chars();
            chars.next()?;
            rest = chars.as_str().strip_prefix(literal.as_str())?;
        }
        Some(rest)
    }

    /// What follows its first place in `text`.
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        if let [literal] = self.0.as_slice() {
            let at = memmem::find(text.as_bytes(), literal.as_bytes())?;
            return text.get(at + literal.len()..);
        }
        text.char_indices()
            .find_map(|(at, _)| self.strip(text.get(at..)?))
    }

    /// Whether `text` ends with it.
    fn ends(&self, text: &str) -> bool {
        let literals: usize = self.0.iter().map(|literal| literal.chars().count()).sum();
        let length = literals + self.0.len() - 1;
        let start = match length.checked_sub(1) {
            None => return true,
            Some(before) => text.char_indices().nth_back(before),
        };
        let end = start.and_then(|(at, _)| text.get(at..));
        end.and_then(|end| self.strip(end)) == Some("")
    }
}

/// The character that `\` makes literal. A letter after it would be an escape of another language.
fn escaped(c: Option<char>) -> Result<char, PatternError> {
    c.filter(|c| !c.is_alphanumeric())
        .ok_or(PatternError::Escape)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by trying everything; too slow for hostile texts, and plainly right.
    fn naive(glob: &[char], text: &[char]) -> bool {
        match (glob, text) {
            ([], []) => true,
            (['*', glob @ ..], _) => (0..=text.len()).any(|at| naive(glob, &text[at..])),
            (['?', glob @ ..], [_, text @ ..]) => naive(glob, text),
            ([g, glob @ ..], [t, text @ ..]) if g == t => naive(glob, text),
            (_, _) => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_trying_everything_matches(glob in "[abü*?]{1,8}", text in "[abü]{0,12}") {
            let (g, t) = (glob.chars().collect::<Vec<_>>(), text.chars().collect::<Vec<_>>());
            prop_assert_eq!(Glob::new(&glob).unwrap().matches(&text), naive(&g, &t));
        }

        #[test]
        fn what_it_says_of_beginnings_holds_for_every_end(
            glob in "[ab*?]{1,6}", head in "[ab]{0,4}", end in "[ab]{0,4}",
        ) {
            let glob = Glob::new(&glob).unwrap();
            let fits = glob.matches(&format!("{head}{end}"));
            prop_assert!(fits || !glob.covers(&head));
            prop_assert!(!fits || glob.may_start(&head));
        }
    }

    #[test]
    fn hostile_texts_end() {
        let text = "a".repeat(1_000_000);
        for glob in ["*a*a*a*a*b", "*a?a*a?a*a?b", "a*a*a*a*ab?", "?*?*?*?*b"] {
            assert!(!Glob::new(glob).unwrap().matches(&text), "{glob}");
        }
    }

    #[test]
    fn an_escape_is_the_character_itself() {
        for (glob, text, expected) in [
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"a\?", "a?", true),
            (r"a\?", "ab", false),
            (r"\[a\]\{b}", "[a]{b}", true),
            (r"a\\*", r"a\b", true),
        ] {
            assert_eq!(Glob::new(glob).unwrap().matches(text), expected, "{glob}");
        }
    }
}
