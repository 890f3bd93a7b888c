//! Whose pages may talk to us: `Origin` and `Host` (2025-11-25, Transports, Security Warning).
//!
//! A web page anywhere can point its own name at 127.0.0.1 and have the browser send requests
//! here. Such a request carries that name in `Host`, and the page's in `Origin`.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, Uri, header, uri::Authority};

use crate::refusal::Refusal;

/// Which hosts and origins are served.
#[derive(Debug, Clone)]
pub struct Origins {
    hosts: Vec<String>,
    origins: Vec<String>,
    listen: IpAddr,
    /// What nearly all clients on this machine write: these need no reading.
    usual: [String; 2],
}

impl Origins {
    /// Serves loopback, the listen address, and what is listed.
    pub fn new(listen: SocketAddr, hosts: &[String], origins: &[String]) -> Self {
        let lower = |list: &[String]| list.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self {
            hosts: lower(hosts),
            origins: lower(origins),
            listen: listen.ip(),
            usual: ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", listen.port())),
        }
    }

    /// And pages of these origins; `*` for all there are.
    #[must_use]
    pub fn and(mut self, origins: &[String]) -> Self {
        let more = origins.iter().map(|origin| origin.to_ascii_lowercase());
        self.origins.extend(more);
        self
    }

    /// Looks at one request.
    ///
    /// # Errors
    /// When its `Host` or `Origin` is not served here; the refusal names the setting.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_host(uri, headers)?;
        match text(headers, header::ORIGIN) {
            Some(origin) if !self.serves_origin(origin) => {
                Err(refused("Origin", origin, "allowed_origins"))
            }
            _ => Ok(()),
        }
    }

    /// Looks at the host only, where any page may ask.
    ///
    /// # Errors
    /// When it is not served here; the refusal names the setting.
    pub fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        match host(uri, headers) {
            Some(host) if !self.serves_host(host) => Err(refused("Host", host, "allowed_hosts")),
            _ => Ok(()),
        }
    }

    fn serves_host(&self, host: &str) -> bool {
        if self.usual.iter().any(|usual| usual == host) {
            return true;
        }
        let host = host.to_ascii_lowercase();
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        let name = authority.host();
        if self
            .hosts
            .iter()
            .any(|served| *served == host || served == name)
            || is_loopback(name)
        {
            return true;
        }
        // On another address the name is the network's business, unless names are listed.
        let anywhere = !self.listen.is_loopback() && self.hosts.is_empty();
        anywhere || ip(name) == Some(self.listen)
    }

    fn serves_origin(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        let serves = |served: &String| served == "*" || *served == origin;
        if self.origins.iter().any(serves) {
            return true;
        }
        let authority = origin.split_once("://").map(|(_, rest)| rest);
        let authority = authority.and_then(|rest| rest.parse::<Authority>().ok());
        authority.is_some_and(|authority| is_loopback(authority.host()))
    }
}

/// The host that a request names.
pub(super) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let named = uri.authority().map(Authority::as_str);
    named.or_else(|| text(headers, header::HOST))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let value = headers.get(name);
    value.map(|value| value.to_str().unwrap_or("?"))
}

fn refused(header: &'static str, value: &str, setting: &'static str) -> Refusal {
    Refusal::Foreign {
        header,
        value: value.chars().take(100).collect(),
        setting,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || ip(host).is_some_and(|ip| ip.is_loopback())
}

fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, host: &str, origin: Option<&str>) -> bool {
        let names = ["gate.lan".to_owned()];
        let listed = if listen.starts_with("127") {
            &names[..]
        } else {
            &[]
        };
        let origins = Origins::new(
            listen.parse().unwrap(),
            listed,
            &["https://chat.lan".to_owned()],
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        origins.check(&Uri::from_static("/mcp"), &headers).is_ok()
    }

    #[test]
    fn a_page_that_points_its_name_here_is_refused() {
        for (listen, host, origin, expected) in [
            ("127.0.0.1:1", "localhost:1", None, true),
            (
                "127.0.0.1:1",
                "LOCALHOST",
                Some("http://localhost:3000"),
                true,
            ),
            ("127.0.0.1:1", "[::1]:9", Some("http://[::1]:3000"), true),
            (
                "127.0.0.1:1",
                "gate.lan:8765",
                Some("https://chat.lan"),
                true,
            ),
            ("127.0.0.1:1", "evil.example.com", None, false),
            ("127.0.0.1:1", "localhost.evil.example.com", None, false),
            (
                "127.0.0.1:1",
                "localhost",
                Some("https://evil.example.com"),
                false,
            ),
            ("127.0.0.1:1", "localhost", Some("null"), false),
            ("127.0.0.1:1", "user@localhost@evil", None, false),
            ("192.168.1.5:1", "gate.lan", None, true),
            (
                "192.168.1.5:1",
                "gate.lan",
                Some("https://evil.example.com"),
                false,
            ),
        ] {
            assert_eq!(
                check(listen, host, origin),
                expected,
                "{listen} {host} {origin:?}"
            );
        }
    }
}
