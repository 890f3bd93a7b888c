//! The `[traces]` table of `servers.toml`, as a person writes it.
//!
//! ```toml
//! [traces]
//! endpoint = "http://127.0.0.1:4318"
//! sample = 0.1
//! ```
//!
//! What it does not say is taken from the variables that OpenTelemetry names for it.

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http::Uri;
use indexmap::IndexMap;
use serde::Deserialize;

use super::environment::{self, listed};
use crate::{
    config::Fault,
    forward::{self, Secret, check_headers},
};

/// Where a collector is that says nothing else, and the path there (OTLP/HTTP).
const COLLECTOR: &str = "http://127.0.0.1:4318";
const PATH: &str = "/v1/traces";
/// The most spans that may wait.
const MOST_WAITING: usize = 1 << 20;

/// The `[traces]` table of `servers.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// The collector, for OTLP over HTTP: `/v1/traces` is added.
    pub endpoint: Option<String>,
    /// The authorities that vouch for it, in PEM; default: those that this machine trusts.
    pub ca: Option<PathBuf>,
    /// Sent with each request to it.
    pub headers: Option<IndexMap<String, Secret>>,
    /// The part of the traces that begin here which is recorded: 0 to 1.
    pub sample: f64,
    /// Whose word counts that a trace is recorded.
    pub trust_parent: Trust,
    /// What the gateway is called in traces.
    pub service_name: Option<String>,
    /// What else is said of it.
    pub resource: Option<IndexMap<String, String>>,
    /// How long one request to the collector may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Spans that may wait to be sent.
    pub queue: usize,
    /// The whole URL that spans are sent to.
    #[serde(skip)]
    pub(super) target: String,
    /// Whom TLS to it trusts, read from `ca`.
    #[serde(skip)]
    pub(crate) authorities: Option<forward::Trust>,
}

/// `trust_parent = "known" | "all" | "none"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Of those who have shown who they are.
    Known,
    /// Of everybody.
    All,
    /// Of nobody.
    None,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            ca: None,
            headers: None,
            sample: 1.0,
            trust_parent: Trust::Known,
            service_name: None,
            resource: None,
            timeout: Duration::from_secs(10),
            queue: 8192,
            target: String::new(),
            authorities: None,
        }
    }
}

impl TracesConfig {
    /// Finds what the types cannot say.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if let Some(endpoint) = &self.endpoint {
            check_url(endpoint).map_err(|words| Fault::at(["endpoint"], words))?;
            if self.ca.is_some() && !endpoint.starts_with("https://") {
                let message = "belongs to an `endpoint` with https://";
                return Err(Fault::at_key(["ca"], message));
            }
        }
        if let Some(headers) = &self.headers {
            check_headers(headers)?;
            for (name, value) in headers {
                if value.reveal().contains("{{") {
                    let message = "the collector is told the same of all callers";
                    return Err(Fault::at(["headers", name], message));
                }
            }
        }
        if !(0.0..=1.0).contains(&self.sample) {
            let message = "expected 0 (none) to 1 (all), such as 0.1 for one in ten";
            return Err(Fault::at(["sample"], message));
        }
        if self.timeout.is_zero() {
            return Err(Fault::at(["timeout"], "with 0 nothing would be sent"));
        }
        if !(1..=MOST_WAITING).contains(&self.queue) {
            let message = format!("expected 1 to {MOST_WAITING}");
            return Err(Fault::at(["queue"], message));
        }
        Ok(())
    }

    /// Takes what it does not say from the environment; the paths that it says start at `folder`.
    ///
    /// # Errors
    /// When a variable that it needs says what cannot be.
    pub(crate) fn resolve(
        &mut self,
        folder: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Fault> {
        let known = |name: &str| variable(name).filter(|value| !value.is_empty());
        let wrong =
            |name: &str, words: &str| Fault::at([], format!("the variable `{name}`: {words}"));
        self.target = match (&self.endpoint, known(environment::TARGET)) {
            (Some(endpoint), _) => with_path(endpoint),
            (None, Some(target)) => {
                check_url(&target).map_err(|words| wrong(environment::TARGET, words))?;
                target
            }
            (None, None) => match known(environment::ENDPOINT) {
                Some(endpoint) => {
                    check_url(&endpoint).map_err(|words| wrong(environment::ENDPOINT, words))?;
                    with_path(&endpoint)
                }
                None => with_path(COLLECTOR),
            },
        };
        let named = || environment::AUTHORITIES.into_iter().find_map(known);
        let path = match &self.ca {
            Some(ca) => Some(folder.join(ca)),
            None if self.target.starts_with("https://") => named().map(PathBuf::from),
            None => None,
        };
        self.ca = path.map(|path| std::path::absolute(&path).unwrap_or(path));
        if self.headers.is_none()
            && let Some(text) = known(environment::HEADERS)
        {
            let pairs = listed(&text).map_err(|words| wrong(environment::HEADERS, words))?;
            let headers = pairs
                .into_iter()
                .map(|(name, value)| (name, value.as_str().into()));
            let headers: IndexMap<String, Secret> = headers.collect();
            let checked = check_headers(&headers);
            checked
                .map_err(|_fault| wrong(environment::HEADERS, "not the headers of a request"))?;
            self.headers = Some(headers);
        }
        if self.resource.is_none()
            && let Some(text) = known(environment::RESOURCE)
        {
            let pairs = listed(&text).map_err(|words| wrong(environment::RESOURCE, words))?;
            self.resource = Some(pairs.into_iter().collect());
        }
        self.service_name = self
            .service_name
            .take()
            .or_else(|| known(environment::SERVICE));
        Ok(())
    }

    /// What the gateway is called, and what else is said of it.
    pub(super) fn facts(&self) -> Vec<(&str, &str)> {
        let said = self.resource.iter().flatten();
        let said = said.map(|(key, value)| (key.as_str(), value.as_str()));
        let mut facts: Vec<(&str, &str)> = said.collect();
        if let Some(name) = &self.service_name {
            facts.retain(|(key, _)| *key != "service.name");
            facts.push(("service.name", name));
        }
        for (key, value) in [
            ("service.name", "mcpgate"),
            ("service.version", env!("CARGO_PKG_VERSION")),
        ] {
            if facts.iter().all(|(known, _)| *known != key) {
                facts.push((key, value));
            }
        }
        facts
    }

    /// Whether the same is sent to the same collector: what else differs holds from the next call on.
    pub(super) fn sends_as(&self, other: &Self) -> bool {
        let alike = Self {
            sample: self.sample,
            trust_parent: self.trust_parent,
            ..other.clone()
        };
        alike == *self
    }
}

/// The URL that spans are sent to at an endpoint.
fn with_path(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    match base.ends_with(PATH) {
        true => base.to_owned(),
        false => format!("{base}{PATH}"),
    }
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let example =
        "expected where a collector takes OTLP over HTTP, such as \"http://127.0.0.1:4318\"";
    let uri: Uri = url.parse().map_err(|_invalid| example)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.query().is_some() {
        return Err(example);
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err("a password does not belong here: put it into `headers`")
        }
        Some(authority) if !authority.host().is_empty() => Ok(()),
        Some(_) | None => Err(example),
    }
}
