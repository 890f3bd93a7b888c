//! What `allow` and `deny` of a role are made of.
//!
//! ```toml
//! allow = [
//!     "oilfield/query_*",          # server / tool, by the name that its server gave it
//!     "prompt:files/*",            # server / prompt
//!     "resource:files/*",          # server / URI
//!     "resource:file:///srv/*",    # a URI, of whichever server
//!     "method:oilfield/jobs/*",    # server / a method that only the server understands
//!     "prompt:*",                  # every prompt; so for the other kinds
//!     "*",                         # everything
//! ]
//! ```
//!
//! `*` stands for any characters, `/` among them, and `?` for one. `\` takes the meaning of what
//! follows it. `[` and `{` must be escaped: in other tools they mean something, and a denial of
//! `files/{read,write}_*` that denied nothing would be found out too late. Letter case counts.
//!
//! A pattern is asked [`allows`](Pattern::allows) or [`denies`](Pattern::denies) rather than
//! [`matches`](Pattern::matches): what stands for several URIs, or is spelt so as to slip through,
//! is not enough for the one and enough for the other.

use std::{fmt, str::FromStr, sync::Arc};

use serde::Deserialize;

pub use error::PatternError;
use glob::Glob;

mod error;
mod glob;
mod subject;
mod uri;

pub use subject::Subject;

/// One entry of `allow` or `deny`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    written: Arc<str>,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Everything,
    Of(Kind, Glob, Glob),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tool,
    Prompt,
    Resource,
    Method,
}

impl Pattern {
    /// `*`
    pub fn everything() -> Self {
        Self {
            written: "*".into(),
            what: What::Everything,
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(written: &str) -> Result<Self, PatternError> {
        Ok(Self {
            written: written.into(),
            what: What::new(written)?,
        })
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(written: String) -> Result<Self, PatternError> {
        written.parse()
    }
}

impl What {
    fn new(written: &str) -> Result<Self, PatternError> {
        if written == "*" {
            return Ok(Self::Everything);
        }
        let (kind, rest) = kind(written)?;
        // `prompt:*`, but not a bare `*`, which is everything and not all tools.
        if rest == "*" {
            return Ok(Self::Of(kind, Glob::everything(), Glob::everything()));
        }
        let (server, name) = match rest.split_once('/') {
            Some((server, name)) if !server.contains(':') => (server, name),
            _ if kind == Kind::Resource && rest.contains(':') => ("*", rest),
            Some(_) => return Err(PatternError::NoServer),
            None => return Err(PatternError::NoSlash),
        };
        let of_a_name = |c: char| c.is_ascii_alphanumeric() || "_-*?".contains(c);
        if server.is_empty() || !server.chars().all(of_a_name) {
            return Err(PatternError::NoServer);
        }
        Ok(Self::Of(kind, Glob::new(server)?, Glob::new(name)?))
    }
}

/// The kind, and what follows it. Without one it is about tools.
fn kind(written: &str) -> Result<(Kind, &str), PatternError> {
    let start = written.split('/').next().unwrap_or(written);
    let Some((kind, _)) = start.split_once(':') else {
        return Ok((Kind::Tool, written));
    };
    let rest = written.get(kind.len() + 1..).unwrap_or_default();
    match kind {
        "tool" => Ok((Kind::Tool, rest)),
        "prompt" => Ok((Kind::Prompt, rest)),
        "resource" => Ok((Kind::Resource, rest)),
        "method" => Ok((Kind::Method, rest)),
        _ => Err(PatternError::UnknownKind),
    }
}

impl Pattern {
    /// Whether an `allow` of this lets `subject` through.
    ///
    /// A template is shown where one of its URIs may be read; each URI is judged when it is. A URI
    /// with a way up (`..`) is let through only where every URI of its server is: what it leads to
    /// is for the server to say.
    pub fn allows(&self, subject: Subject<'_>) -> bool {
        let climbs = matches!(subject, Subject::Resource { uri, .. } if uri::climbs(uri));
        self.matches(subject) && (!climbs || self.has_every_name())
    }

    /// Whether a `deny` of this stops `subject`.
    ///
    /// A template is stopped where all its URIs are. A URI is stopped in every spelling that leads
    /// to the same place, and one with a way up (`..`) by any denial of resources of its server.
    pub fn denies(&self, subject: Subject<'_>) -> bool {
        match subject {
            Subject::Resource { server, uri } => {
                let plain = &uri::plain(uri);
                self.matches(subject)
                    || self.matches(Subject::Resource { server, uri: plain })
                    || (uri::climbs(uri) && self.concerns_resources(server))
            }
            Subject::Template {
                server,
                uri_template,
            } => self.covers_template(server, uri_template),
            Subject::Tool { .. } | Subject::Prompt { .. } | Subject::Method { .. } => {
                self.matches(subject)
            }
        }
    }

    /// Whether `subject` fits, letter by letter; a template, if some URI of it may.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        match subject {
            Subject::Tool { server, name } => self.has(Kind::Tool, server, |g| g.matches(name)),
            Subject::Prompt { server, name } => self.has(Kind::Prompt, server, |g| g.matches(name)),
            Subject::Method { server, name } => self.has(Kind::Method, server, |g| g.matches(name)),
            Subject::Resource { server, uri } => {
                self.has(Kind::Resource, server, |g| g.matches(uri))
            }
            Subject::Template {
                server,
                uri_template,
            } => self.may_match_template(server, uri_template),
        }
    }

    /// Whether some URI made from the template could fit, as far as its beginning tells.
    pub fn may_match_template(&self, server: &str, uri_template: &str) -> bool {
        self.has(Kind::Resource, server, |g| {
            match uri_template.split_once('{') {
                Some((head, _)) => g.may_start(head),
                None => g.matches(uri_template),
            }
        })
    }

    /// Whether every URI made from the template fits, as far as its beginning tells.
    pub fn covers_template(&self, server: &str, uri_template: &str) -> bool {
        self.has(Kind::Resource, server, |g| {
            match uri_template.split_once('{') {
                Some((head, _)) => g.covers(head),
                None => g.matches(uri_template),
            }
        })
    }

    /// Whether it is about some resource of a server.
    fn concerns_resources(&self, server: &str) -> bool {
        self.has(Kind::Resource, server, |_| true)
    }

    /// Whether it is about some of what a subject stands for: of its server and of its kind,
    /// whatever the name.
    pub fn concerns(&self, subject: Subject<'_>) -> bool {
        self.has(subject.kind(), subject.server(), |_| true)
    }

    /// Whether it is about all of that.
    pub fn spans(&self, subject: Subject<'_>) -> bool {
        self.has(subject.kind(), subject.server(), Glob::is_everything)
    }

    fn has(&self, kind: Kind, server: &str, name: impl Fn(&Glob) -> bool) -> bool {
        match &self.what {
            What::Everything => true,
            What::Of(own, servers, names) => *own == kind && servers.matches(server) && name(names),
        }
    }

    fn has_every_name(&self) -> bool {
        match &self.what {
            What::Everything => true,
            What::Of(_, _, names) => names.is_everything(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.written, f)
    }
}

#[cfg(test)]
mod tests;
