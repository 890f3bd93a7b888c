//! What the types of a `[servers.<name>]` table cannot say.

use std::{collections::HashMap, path::Path};

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use indexmap::IndexMap;

use super::{
    config::{Scope, Secret, ServerConfig, Text},
    urls::Urls,
};
use crate::{call::Template, config::Fault};

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
            (None, Some(urls)) => self.check_connection(urls)?,
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
            ("dial_timeout", self.dial_timeout()),
            ("check_interval", self.check_interval()),
        ] {
            if duration.is_zero() {
                return Err(Fault::at([key], "nothing answers in no time"));
            }
        }
        if self.max_in_flight() == 0 {
            return Err(Fault::at(
                ["max_in_flight"],
                "with 0 nobody would be served",
            ));
        }
        if self.queue_wait().is_zero() {
            let message = "nobody would wait; `queue = 0` says that";
            return Err(Fault::at(["queue_wait"], message));
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
        let connection_only = [
            ("ca", self.ca.is_some()),
            ("dial_timeout", self.dial_timeout.is_some()),
            ("breaker", self.breaker.is_some()),
            ("check_interval", self.check_interval.is_some()),
            ("headers", !self.headers.is_empty()),
            ("forward_headers", !self.forward_headers.is_empty()),
            ("forward_authorization", self.forward_authorization),
        ];
        for (key, is_set) in connection_only {
            if is_set {
                return Err(Fault::at_key([key], "belongs to `url`, not to `command`"));
            }
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
        self.check_process()?;
        no_tilde(Path::new(command)).map_err(|message| Fault::at(["command"], message))?;
        if let Some(cwd) = &self.cwd {
            no_tilde(cwd).map_err(|message| Fault::at(["cwd"], message))?;
        }
        for (name, Secret(value)) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                let message = "not the name of a variable: it is empty, or has `=` in it";
                return Err(Fault::at_key(["env", name], message));
            }
            self.check_variable(value)
                .map_err(|message| Fault::at(["env", name], message))?;
        }
        Ok(())
    }

    /// Whether a variable can be what it says, with this scope.
    fn check_variable(&self, value: &str) -> Result<(), &'static str> {
        match (Template::parse(value), self.scope) {
            (Ok(template), scope) if !template.is_fixed() && scope != Some(Scope::User) => {
                Err("`{{…}}` needs `scope = \"user\"`: others serve more than one caller")
            }
            (Err(message), Some(Scope::User)) => Err(message),
            // Elsewhere two braces are what they are.
            (Ok(_) | Err(_), _) => Ok(()),
        }
    }

    fn check_connection(&self, urls: &Urls) -> Result<(), Fault> {
        let launch_only = [
            ("args", !self.args.is_empty()),
            ("env", !self.env.is_empty()),
            ("cwd", self.cwd.is_some()),
        ];
        for (key, is_set) in launch_only.into_iter().chain(self.about_a_process()) {
            if is_set {
                return Err(Fault::at_key([key], "belongs to `command`, not to `url`"));
            }
        }
        urls.check()?;
        if let Some(ca) = &self.ca {
            if !urls.any_secure() {
                let message = "is about https://, and `url` begins with http://";
                return Err(Fault::at_key(["ca"], message));
            }
            no_tilde(ca).map_err(|message| Fault::at(["ca"], message))?;
        }
        self.check_breaker()?;
        self.check_forwarding(&check_headers(&self.headers)?)
    }

    fn check_breaker(&self) -> Result<(), Fault> {
        let Some(breaker) = &self.breaker else {
            return Ok(());
        };
        if breaker.pause.is_zero() {
            let message = "calls would never be refused; `failures = 0` says that";
            return Err(Fault::at(["breaker", "pause"], message));
        }
        if breaker.longest_pause < breaker.pause {
            let message = "is shorter than `pause`";
            return Err(Fault::at(["breaker", "longest_pause"], message));
        }
        Ok(())
    }

    /// What of clients' headers may be passed on, beside those that are set.
    fn check_forwarding(&self, set: &HashMap<HeaderName, &String>) -> Result<(), Fault> {
        let mut seen = HashMap::new();
        for (index, name) in self.forward_headers.iter().enumerate() {
            let wrong = |message: &str| Fault::at(["forward_headers", &index.to_string()], message);
            let header = check_forwarded(name).map_err(wrong)?;
            if set.contains_key(&header) {
                return Err(wrong("`headers` sets it for this server"));
            }
            if let Some(earlier) = seen.insert(header, name) {
                return Err(wrong(&format!("is the same header as `{earlier}`")));
            }
        }
        if !self.forward_authorization {
            return Ok(());
        }
        if set.contains_key(&AUTHORIZATION) {
            let message = "`headers` sets `Authorization` for this server";
            return Err(Fault::at(["forward_authorization"], message));
        }
        if self.scope == Some(Scope::User) {
            let message = "\"user\" does not go with `forward_authorization`: \
                           each session shows its own";
            return Err(Fault::at(["scope"], message));
        }
        Ok(())
    }
}

/// The headers of a table `headers`, each with its name as written.
///
/// # Errors
/// When one of them may not be set, or stands twice; the fault's path starts at `headers`.
pub(crate) fn check_headers(
    headers: &IndexMap<String, Secret>,
) -> Result<HashMap<HeaderName, &String>, Fault> {
    let mut seen = HashMap::new();
    for (name, Secret(value)) in headers {
        if let Some(earlier) = seen.insert(check_header(name, value)?, name) {
            let message = format!("is the same header as `{earlier}`");
            return Err(Fault::at_key(["headers", name], message));
        }
    }
    Ok(seen)
}

fn check_header(name: &str, value: &str) -> Result<HeaderName, Fault> {
    let header = check_name(name).map_err(|message| Fault::at_key(["headers", name], message))?;
    let wrong = |message: &str| Fault::at(["headers", name], message);
    Template::parse(value).map_err(wrong)?;
    HeaderValue::from_str(value)
        .map_err(|_error| wrong("a header's value is one line of visible ASCII characters"))?;
    Ok(header)
}

fn check_name(name: &str) -> Result<HeaderName, &'static str> {
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err("not a header's name: letters, digits and `-`");
    };
    if RESERVED_HEADERS.contains(&header.as_str()) || header.as_str().starts_with("mcp-") {
        return Err("the gateway sets this header itself");
    }
    Ok(header)
}

/// Whether clients' headers of this name may be passed on.
fn check_forwarded(name: &str) -> Result<HeaderName, &'static str> {
    let header = check_name(name)?;
    match header.as_str() {
        "authorization" => Err("is passed on by `forward_authorization = true`"),
        "x-api-key" => Err("holds a caller's key to the gateway, which goes no further"),
        "cookie" => Err("holds what a browser keeps for the gateway, which goes no further"),
        "expect" => Err("is about the connection to the gateway, and goes no further"),
        other if other.starts_with("content-") => {
            Err("is about the body that a client sent, and goes no further")
        }
        _ => Ok(header),
    }
}

/// A `~` would be looked for as a folder of that name.
pub(super) fn no_tilde(path: &Path) -> Result<(), &'static str> {
    match path.starts_with("~") {
        true => Err("`~` is a word of the shell; write `${HOME}`"),
        false => Ok(()),
    }
}
