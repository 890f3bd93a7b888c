//! A server, as a person says it in a line.

use std::path::{Path, PathBuf};

use crate::call::ServerName;

/// A server, as a person says it in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    name: Option<ServerName>,
    pub(super) kind: Kind,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder whose files are read and written.
    Folder(PathBuf),
    /// A program with its arguments.
    Command(String, Vec<String>),
    /// An address.
    Url(String),
    /// The built-in one.
    Example,
}

/// A server with the name of its table.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Server {
    /// What is meant by such a line.
    ///
    /// # Errors
    /// When nothing is, in words for who wrote it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (name, what) = match text.split_once(" = ") {
            Some((name, what)) => (Some(name.trim()), what.trim()),
            None => (None, text.trim()),
        };
        let name = name
            .map(|name| ServerName::try_from(name.to_owned()))
            .transpose();
        let kind = match what {
            "" => return Err("a folder, a command line or a URL is missing".to_owned()),
            "example" => Kind::Example,
            what if what.contains("://") => url(what)?,
            what => folder(what)?.map_or_else(|| command(what), Ok)?,
        };
        Ok(Self { name: name?, kind })
    }

    /// The built-in one.
    pub(super) fn example() -> Self {
        Self {
            name: None,
            kind: Kind::Example,
        }
    }

    /// A name that says what it is.
    fn proposed(&self) -> String {
        let word = match (&self.name, &self.kind) {
            (Some(name), _) => return name.to_string(),
            (None, Kind::Folder(_)) => "files".to_owned(),
            (None, Kind::Example) => "example".to_owned(),
            (None, Kind::Url(url)) => of_url(url),
            (None, Kind::Command(program, args)) => of_command(program, args),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let word: String = word.chars().filter(|c| fits(*c)).take(30).collect();
        match word.is_empty() {
            true => "server".to_owned(),
            false => word,
        }
    }
}

/// A name for each, no two the same.
pub(super) fn named(servers: Vec<Server>) -> Vec<Named> {
    let mut named: Vec<Named> = Vec::new();
    for server in servers {
        let proposed = server.proposed();
        let mut more = 1;
        let mut name = proposed.clone();
        while named.iter().any(|other| other.name == name) {
            more += 1;
            name = format!("{proposed}{more}");
        }
        named.push(Named {
            name,
            kind: server.kind,
        });
    }
    named
}

fn url(what: &str) -> Result<Kind, String> {
    let parsed = what.parse::<http::Uri>().ok();
    let web = parsed.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    match web.and_then(|uri| uri.authority().cloned()) {
        Some(_) => Ok(Kind::Url(what.to_owned())),
        None => Err("expected a URL such as https://mcp.example.com/mcp".to_owned()),
    }
}

/// A folder, if it looks like a path and no program.
fn folder(what: &str) -> Result<Option<Kind>, String> {
    if !what.starts_with(['/', '.', '~']) {
        return Ok(None);
    }
    let path = match (what.strip_prefix('~'), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest.trim_start_matches('/')),
        _ => PathBuf::from(what),
    };
    if path.is_dir() {
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        return Ok(Some(Kind::Folder(path)));
    }
    let program = what.split_whitespace().next().unwrap_or_default();
    match Path::new(program).is_file() {
        true => Ok(None),
        false => Err("there is no such folder or program".to_owned()),
    }
}

fn command(what: &str) -> Result<Kind, String> {
    let words = shlex::split(what).ok_or("a quotation mark is not closed")?;
    let mut words = words.into_iter();
    let program = words.next().ok_or("a command is missing")?;
    Ok(Kind::Command(program, words.collect()))
}

/// `github` of `https://mcp.github.com/mcp`.
fn of_url(url: &str) -> String {
    let uri = url.parse::<http::Uri>().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    if host.parse::<std::net::IpAddr>().is_ok() {
        return "remote".to_owned();
    }
    let labels: Vec<&str> = host.split('.').collect();
    let found = match labels.as_slice() {
        [.., name, _top] => name,
        [name] => name,
        [] => "remote",
    };
    found.to_owned()
}

/// `github` of `npx -y @modelcontextprotocol/server-github@1`, `fetch` of `uvx mcp-server-fetch`.
fn of_command(program: &str, args: &[String]) -> String {
    let base = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let runs_another = matches!(
        base(program).as_str(),
        "npx" | "uvx" | "bunx" | "uv" | "python" | "python3" | "node" | "deno" | "bun"
    );
    let words = ["run", "-m", "dlx", "x", "tool"];
    let mut packages = args
        .iter()
        .filter(|arg| !arg.starts_with('-') && !words.contains(&arg.as_str()));
    let package = packages.next().filter(|_| runs_another);
    let name = package.map_or_else(|| base(program), |package| base(package));
    let name = name.split(['@', '=']).next().unwrap_or_default();
    let mut name = name.split('.').next().unwrap_or_default();
    for around in ["mcp-server-", "server-", "mcp-", "mcp_server_"] {
        name = name.strip_prefix(around).unwrap_or(name);
    }
    for around in ["-mcp-server", "-mcp", "-server"] {
        name = name.strip_suffix(around).unwrap_or(name);
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_called_by_what_it_is() {
        for (text, name) in [
            ("npx -y @modelcontextprotocol/server-github", "github"),
            (
                "npx -y @modelcontextprotocol/server-everything@1.2.3",
                "everything",
            ),
            ("uvx mcp-server-fetch", "fetch"),
            ("python3 -m mcp_server_time --zone 'Europe/Paris'", "time"),
            ("/usr/bin/env X=1", "env"),
            ("node ./weather.js", "weather"),
            ("https://mcp.github.com/mcp", "github"),
            ("http://localhost:9100/mcp", "localhost"),
            ("http://10.0.0.7:9100/mcp", "remote"),
            ("/tmp", "files"),
            ("notes = /tmp", "notes"),
            ("example", "example"),
        ] {
            let server = Server::read(text).unwrap();
            assert_eq!(server.proposed(), name, "{text}");
        }
    }

    #[test]
    fn two_of_a_name_are_told_apart() {
        let servers =
            ["/tmp", "/", "notes = /tmp", "notes = /"].map(|text| Server::read(text).unwrap());
        let names: Vec<String> = named(servers.into())
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["files", "files2", "notes", "notes2"]);
    }

    #[test]
    fn what_nobody_can_mean_is_said_to_be_so() {
        for (text, words) in [
            ("/no/such/folder", "no such folder"),
            ("ftp://example.com", "expected a URL"),
            ("https://", "expected a URL"),
            ("npx 'unclosed", "quotation mark"),
            ("bad name! = /tmp", "the name of a server is"),
            ("x = ", "missing"),
        ] {
            let why = Server::read(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn quotation_marks_keep_words_together() {
        let server = Server::read("run --name 'two words'").unwrap();
        let args = ["--name", "two words"].map(str::to_owned).to_vec();
        assert_eq!(server.kind, Kind::Command("run".to_owned(), args));
    }
}
