//! Headers by which a trusted peer says for whom it asks.
//!
//! ```toml
//! [trusted_headers]
//! keys = ["librechat"]                  # believed with this key,
//! from = ["192.168.1.10"]               # from there, or, where both are given, only with both
//! roles = { ADMIN = "admin", USER = "analyst" }
//! ```
//!
//! They are read on every request: what a session was opened with does not count.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::call::{Identity, KeyName, Networks, RoleName, Standing, Who};

/// The `[trusted_headers]` table of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedHeadersConfig {
    /// The networks from which they are believed.
    #[serde(default)]
    pub from: Networks,
    /// The keys with which they are believed.
    #[serde(default)]
    pub keys: Vec<KeyName>,
    /// The header that names the caller's role.
    #[serde(default = "TrustedHeadersConfig::default_role")]
    pub role: String,
    /// The header that names the caller's address of e-mail.
    #[serde(default = "TrustedHeadersConfig::default_email")]
    pub email: String,
    /// The header that names the caller.
    #[serde(default = "TrustedHeadersConfig::default_id")]
    pub id: String,
    /// Our role for each of theirs; without it, theirs are ours.
    #[serde(default)]
    pub roles: IndexMap<String, RoleName>,
}

impl TrustedHeadersConfig {
    fn default_role() -> String {
        "X-User-Role".to_owned()
    }

    fn default_email() -> String {
        "X-User-Email".to_owned()
    }

    fn default_id() -> String {
        "X-User-ID".to_owned()
    }
}

/// Who is believed, and what is read.
#[derive(Debug, Clone)]
pub struct TrustedHeaders {
    from: Networks,
    keys: Vec<KeyName>,
    role: HeaderName,
    email: HeaderName,
    id: HeaderName,
    /// Nothing where theirs are ours.
    mapped: Option<HashMap<String, RoleName>>,
}

impl TrustedHeaders {
    /// Whether whatever an address says of its callers is believed: many stand behind it.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.from.contains(address)
    }

    /// What a configuration says; nothing if one of its headers is none, which the loader has
    /// refused.
    pub fn new(config: &TrustedHeadersConfig) -> Option<Self> {
        let name = |name: &str| HeaderName::try_from(name).ok();
        let roles = config.roles.clone().into_iter().collect();
        Some(Self {
            from: config.from.clone(),
            keys: config.keys.clone(),
            role: name(&config.role)?,
            email: name(&config.email)?,
            id: name(&config.id)?,
            mapped: (!config.roles.is_empty()).then_some(roles),
        })
    }

    /// The headers that are read, which nobody else's copies of may pass.
    pub fn names(&self) -> [&HeaderName; 3] {
        [&self.role, &self.email, &self.id]
    }

    /// For whom a peer asks, if it is believed and says so. `peer` is whom its key shows it to be.
    pub fn read(
        &self,
        peer: Option<&Arc<Who>>,
        address: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Option<Arc<Who>> {
        let said = self.names().iter().any(|name| headers.contains_key(*name));
        if !said || !self.believes(peer, address) {
            return None;
        }
        let key = peer.and_then(|peer| peer.key.clone());
        let values = [&self.id, &self.email].map(|name| value(headers, name));
        let role = value(headers, &self.role);
        let claimed = role.as_ref().ok().cloned().flatten();
        let named = headers.contains_key(&self.role);
        let (standing, id, email) = match (values, role) {
            ([Ok(id), Ok(email)], Ok(role)) => (self.standing(role, named, peer), id, email),
            // It is still who it was: what its sessions could see ends, and not the sessions.
            ([Ok(id), Ok(email)], Err(why)) => (nothing(why), id, email),
            ([Err(why), _] | [_, Err(why)], _) => (nothing(why), None, None),
        };
        let user = id.clone().or_else(|| email.clone()).unwrap_or_default();
        let identity = Identity::User(key.clone(), user);
        Some(Arc::new(Who {
            key,
            id,
            email,
            claimed,
            until: peer.and_then(|peer| peer.until),
            ..Who::of(identity, standing)
        }))
    }

    fn believes(&self, peer: Option<&Arc<Who>>, address: Option<IpAddr>) -> bool {
        let key = peer.and_then(|peer| peer.key.as_ref());
        let by_key = key.is_some_and(|key| self.keys.contains(key));
        let by_address = !self.from.is_empty() && self.from.admit(address);
        match (self.keys.is_empty(), self.from.is_empty()) {
            (true, _) => by_address,
            (false, true) => by_key,
            (false, false) => by_key && by_address,
        }
    }

    fn standing(&self, role: Option<Arc<str>>, named: bool, peer: Option<&Arc<Who>>) -> Standing {
        let Some(role) = role else {
            // A peer that says who asks, and not in which role, lends its own; one that says an
            // empty role knows of none, and must not raise its user to what it is itself.
            let own = peer.filter(|_| !named);
            let own = own.and_then(|peer| peer.standing.role().cloned());
            let words = || format!("the header {} is missing or empty", self.role);
            return own.map_or_else(|| nothing(words()), Standing::Role);
        };
        let ours = match &self.mapped {
            Some(mapped) => mapped.get(&*role).cloned(),
            None => RoleName::try_from(role.to_string()).ok(),
        };
        let words = || {
            format!(
                "the role that {} names is not mapped to one here",
                self.role
            )
        };
        ours.map_or_else(|| nothing(words()), Standing::Role)
    }
}

fn nothing(why: String) -> Standing {
    Standing::Nothing(why.into())
}

/// The one value of a header; nothing where it is absent or empty.
fn value(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Arc<str>>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(format!("the header {name} stands twice"));
    }
    let text = std::str::from_utf8(value.as_bytes()).map(str::trim);
    let text = text.map_err(|_not_text| format!("the header {name} is not text"))?;
    if text.contains("{{") {
        return Err(format!(
            "the header {name} carries a placeholder that was not replaced"
        ));
    }
    if text.chars().count() > 256 || text.chars().any(char::is_control) {
        return Err(format!("the header {name} is too long or not plain text"));
    }
    Ok((!text.is_empty()).then(|| text.into()))
}
