//! Why a text is no pattern.

use super::glob;

/// Why a text is no pattern. The text is not repeated: files hold secrets, and people mix them up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is no `/`.
    #[error("expected `server/tool`, as in `files/read_*`, or `*` for everything")]
    NoSlash,
    /// What stands before a `:` is not known.
    #[error("expected `tool:`, `prompt:`, `resource:` or `method:` before the server")]
    UnknownKind,
    /// No server can have this name.
    #[error("expected letters, digits, `_`, `-`, `*` and `?` before the `/`: the name of a server")]
    NoServer,
    /// Nothing stands after the `/`.
    #[error("expected a name or `*` after the `/`")]
    NothingToMatch,
    /// `[` or `{`.
    #[error(
        "`[` and `{{` have no meaning here: write a pattern for each case, or `\\[` for the character"
    )]
    Bracket,
    /// `\` before a letter, a digit or the end.
    #[error("expected `*`, `?`, `[`, `{{` or another sign after `\\`")]
    Escape,
    /// Space around it or control characters in it.
    #[error("expected no space around it, and no line ends or other control characters")]
    Blank,
    /// Longer than any name.
    #[error("expected at most {} bytes", glob::LONGEST)]
    TooLong,
}
