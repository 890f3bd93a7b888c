//! What a pattern is asked about.

use super::Kind;

/// What is asked about: a name or URI as its server gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A tool.
    Tool {
        /// Whose.
        server: &'a str,
        /// Its name there.
        name: &'a str,
    },
    /// A prompt.
    Prompt {
        /// Whose.
        server: &'a str,
        /// Its name there.
        name: &'a str,
    },
    /// A resource.
    Resource {
        /// Whose.
        server: &'a str,
        /// Where it is.
        uri: &'a str,
    },
    /// A resource template: all the URIs that can be made from it.
    Template {
        /// Whose.
        server: &'a str,
        /// With `{expressions}` (RFC 6570).
        uri_template: &'a str,
    },
    /// A method that only its server understands.
    Method {
        /// Whose.
        server: &'a str,
        /// As the client sent it.
        name: &'a str,
    },
}

impl<'a> Subject<'a> {
    /// One of each kind, of that server.
    pub fn any_of(server: &'a str) -> [Self; 4] {
        let (name, uri) = ("", "");
        [
            Self::Tool { server, name },
            Self::Prompt { server, name },
            Self::Resource { server, uri },
            Self::Method { server, name },
        ]
    }

    /// Whose it is.
    pub fn server(self) -> &'a str {
        match self {
            Self::Tool { server, .. }
            | Self::Prompt { server, .. }
            | Self::Resource { server, .. }
            | Self::Template { server, .. }
            | Self::Method { server, .. } => server,
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Tool { .. } => Kind::Tool,
            Self::Prompt { .. } => Kind::Prompt,
            Self::Resource { .. } | Self::Template { .. } => Kind::Resource,
            Self::Method { .. } => Kind::Method,
        }
    }

    /// Its name there, if it is a tool or a prompt.
    pub fn name(self) -> Option<&'a str> {
        match self {
            Self::Tool { name, .. } | Self::Prompt { name, .. } => Some(name),
            Self::Resource { .. } | Self::Template { .. } | Self::Method { .. } => None,
        }
    }
}
