//! One thing of one server, spelt as patterns are.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use crate::{call::ServerName, mcp::List};

/// `server/tool`, `prompt:server/name` or `resource:server/uri`: one thing, by its server's own
/// name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of which kind.
    pub list: List,
    /// Whose.
    pub server: ServerName,
    /// Its name or URI there.
    pub name: String,
}

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let kinds = [
            ("tool:", List::Tools),
            ("prompt:", List::Prompts),
            ("resource:", List::Resources),
        ];
        let mut kinds = kinds.into_iter();
        let kind = kinds.find_map(|(kind, list)| Some((list, written.strip_prefix(kind)?)));
        let (list, rest) = kind.unwrap_or((List::Tools, written));
        let words = "expected `server/tool`, `prompt:server/name` or `resource:server/uri`";
        let (server, name) = rest.split_once('/').ok_or(words)?;
        let server = ServerName::try_from(server.to_owned()).map_err(|_no_name| words)?;
        if name.contains('*') {
            return Err("expected one thing and no pattern: without `*`");
        }
        match name.is_empty() {
            true => Err(words),
            false => Ok(Self {
                list,
                server,
                name: name.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.list {
            List::Tools => "",
            List::Prompts => "prompt:",
            List::Resources | List::Templates => "resource:",
        };
        write!(f, "{kind}{}/{}", self.server, self.name)
    }
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        written.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_spelt_as_patterns_are() {
        for written in [
            "files/read",
            "files/a/b",
            "prompt:files/greet",
            "resource:files/file:///srv/a?b",
        ] {
            let wanted: Wanted = written.parse().unwrap();
            assert_eq!(wanted.to_string(), written);
        }
        assert_eq!(
            "tool:files/read".parse(),
            "files/read".parse::<Wanted>(),
            "tools need no word"
        );
        for wrong in [
            "",
            "read",
            "files/",
            "/read",
            "files/*",
            "my files/read",
            "method:files/x",
            "resource:file:///srv",
        ] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
    }
}
