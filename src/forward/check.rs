//! What the types of a `[servers.<name>]` table cannot say.

use std::{collections::HashMap, path::Path};

use http::{HeaderName, HeaderValue, Uri};

use super::config::{Secret, ServerConfig, Text};
use crate::config::Fault;

/// Set by the gateway on each request, or about one connection only. `mcp-*` is reserved too.
const RESERVED_HEADERS: [&str; 15] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "last-event-id",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl ServerConfig {
    /// Finds what contradicts itself or cannot work.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match (&self.command, &self.url) {
            (Some(command), None) => self.check_launch(command)?,
            (None, Some(url)) => self.check_connection(url)?,
            (Some(_), Some(_)) => {
                let message = "either `command` or `url`: a server is launched or connected to";
                return Err(Fault::at([], message));
            }
            (None, None) => {
                let message = "`command` (to launch it) or `url` (to connect to it) is missing";
                return Err(Fault::at([], message));
            }
        }
        for (key, duration) in [
            ("timeout", self.timeout),
            ("timeout_total", self.timeout_total),
            ("connect_timeout", self.connect_timeout),
            ("check_interval", self.check_interval()),
        ] {
            if duration.is_zero() {
                return Err(Fault::at([key], "nothing answers in no time"));
            }
        }
        Ok(())
    }

    fn check_launch(&self, Text(command): &Text) -> Result<(), Fault> {
        if self.transport.is_some() {
            return Err(Fault::at_key(
                ["transport"],
                "belongs to `url`, not to `command`",
            ));
        }
        if self.check_interval.is_some() {
            return Err(Fault::at_key(
                ["check_interval"],
                "belongs to `url`, not to `command`",
            ));
        }
        if !self.headers.is_empty() {
            return Err(Fault::at_key(
                ["headers"],
                "belongs to `url`, not to `command`",
            ));
        }
        let program = command.split_whitespace().next().unwrap_or_default();
        if program.is_empty() {
            return Err(Fault::at(["command"], "is empty"));
        }
        if program != command && !program.contains('/') {
            return Err(Fault::at(
                ["command"],
                "one program, without its arguments: those go into `args`, one string each",
            ));
        }
        no_tilde("command", Path::new(command))?;
        if let Some(cwd) = &self.cwd {
            no_tilde("cwd", cwd)?;
        }
        for name in self.env.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                let message = "not the name of a variable: it is empty, or has `=` in it";
                return Err(Fault::at_key(["env", name], message));
            }
        }
        Ok(())
    }

    fn check_connection(&self, Text(url): &Text) -> Result<(), Fault> {
        let launch_only = [
            ("args", !self.args.is_empty()),
            ("env", !self.env.is_empty()),
            ("cwd", self.cwd.is_some()),
        ];
        for (key, is_set) in launch_only {
            if is_set {
                return Err(Fault::at_key([key], "belongs to `command`, not to `url`"));
            }
        }
        check_url(url).map_err(|message| Fault::at(["url"], message))?;

        let mut seen = HashMap::new();
        for (name, Secret(value)) in &self.headers {
            let header =
                check_header(name).map_err(|message| Fault::at_key(["headers", name], message))?;
            if let Some(earlier) = seen.insert(header, name) {
                let message = format!("is the same header as `{earlier}`");
                return Err(Fault::at_key(["headers", name], message));
            }
            HeaderValue::from_str(value).map_err(|_error| {
                let message = "a header's value is one line of visible ASCII characters";
                Fault::at(["headers", name], message)
            })?;
        }
        Ok(())
    }
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Err("not a URL; write it like \"http://127.0.0.1:8080/mcp\"");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("must start with `http://` or `https://`");
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err("names no host");
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err("a user and password go into `headers`, as `Authorization`");
    }
    Ok(())
}

fn check_header(name: &str) -> Result<HeaderName, &'static str> {
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err("not a header's name: letters, digits and `-`");
    };
    if RESERVED_HEADERS.contains(&header.as_str()) || header.as_str().starts_with("mcp-") {
        return Err("the gateway sets this header itself");
    }
    Ok(header)
}

/// A `~` would be looked for as a folder of that name.
fn no_tilde(key: &str, path: &Path) -> Result<(), Fault> {
    if path.starts_with("~") {
        return Err(Fault::at(
            [key],
            "`~` is a word of the shell; write `${HOME}`",
        ));
    }
    Ok(())
}
