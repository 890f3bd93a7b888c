//! What a verified token says, and whether it says it to us, now.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{ClaimNames, Rejected, TokenConfig};

/// The longest id, email or role, in characters.
const LONGEST: usize = 256;

/// What an issuer says of the holder of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The name of the issuer's `[tokens.<name>]` table.
    pub issuer: Arc<str>,
    /// Who it is. Unique only together with `issuer`.
    pub id: Arc<str>,
    /// An address, unless the issuer says that it has not verified it.
    pub email: Option<Arc<str>>,
    /// Roles of ours, in the order of the token, each once.
    pub roles: Vec<Arc<str>>,
    /// `exp` and `leeway`: when the token is no longer believed, in Unix seconds. A long answer may
    /// outlive it.
    pub until: u64,
}

/// What the config says about claims.
pub(super) struct Rules {
    /// The name of the table.
    pub(super) issuer: Arc<str>,
    audience: Vec<String>,
    leeway: u64,
    names: ClaimNames,
    roles: Option<IndexMap<String, Arc<str>>>,
}

impl Rules {
    pub(super) fn new(issuer: Arc<str>, config: &TokenConfig) -> Self {
        let roles = config.roles.as_ref().map(|roles| {
            let shared = |(claim, role): (&String, &String)| (claim.clone(), role.as_str().into());
            roles.iter().map(shared).collect()
        });
        Self {
            issuer,
            audience: config.audience.clone(),
            leeway: config.leeway.as_secs(),
            names: config.claims.clone(),
            roles,
        }
    }

    /// Reads the payload of a token whose signature and issuer are right. `now` is Unix seconds.
    ///
    /// # Errors
    /// When it is not for us, not for now, or says something that must not go further.
    pub(super) fn read(&self, payload: &Map<String, Value>, now: u64) -> Result<Claims, Rejected> {
        if !self.is_for_us(payload.get("aud")) {
            return Err(Rejected::Audience);
        }
        let expires = date(payload, "exp")?.ok_or_else(|| bad("exp", "is missing"))?;
        let until = expires.saturating_add(self.leeway);
        if now >= until {
            return Err(Rejected::Expired);
        }
        if let Some(start) = date(payload, "nbf")?
            && start > now.saturating_add(self.leeway)
        {
            return Err(Rejected::NotYetValid);
        }
        let id = text(payload, &self.names.id)?;
        Ok(Claims {
            issuer: Arc::clone(&self.issuer),
            id: id.ok_or_else(|| bad(&self.names.id, "is missing"))?.into(),
            email: self.email(payload)?.map(Arc::from),
            roles: self.roles(payload)?,
            until,
        })
    }

    fn is_for_us(&self, audience: Option<&Value>) -> bool {
        let is_ours = |value: &Value| {
            let name = value.as_str();
            self.audience.iter().any(|ours| Some(ours.as_str()) == name)
        };
        match audience {
            Some(Value::Array(several)) => several.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        }
    }

    /// Servers may know people by their address: one that anybody can claim is nobody's.
    fn email<'a>(&self, payload: &'a Map<String, Value>) -> Result<Option<&'a str>, Rejected> {
        let email = text(payload, &self.names.email)?;
        let verified = match payload.get("email_verified") {
            // Some issuers write it as a string.
            Some(Value::String(word)) => word == "true",
            Some(Value::Bool(verified)) => *verified,
            Some(_) => false,
            None => true,
        };
        Ok(email.filter(|_| verified || self.names.email != "email"))
    }

    fn roles(&self, payload: &Map<String, Value>) -> Result<Vec<Arc<str>>, Rejected> {
        let name = &self.names.role;
        let written = match find(payload, name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(several)) => several.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let mut roles: Vec<Arc<str>> = Vec::new();
        for value in written {
            let value = clean(name, value)?;
            let role = match &self.roles {
                Some(mapped) => mapped.get(value).cloned(),
                None => Some(value.into()),
            };
            roles.extend(role.filter(|role| !roles.contains(role)));
        }
        Ok(roles)
    }
}

/// The claim of this name, or else at the end of this path: names may have dots of their own
/// (`https://example.com/roles`).
fn find<'a>(payload: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = payload.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(payload.get(first)?.as_object()?, rest)
}

fn text<'a>(payload: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Rejected> {
    match find(payload, name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => clean(name, value).map(Some),
    }
}

fn clean<'a>(name: &str, value: &'a Value) -> Result<&'a str, Rejected> {
    let value = value.as_str().ok_or_else(|| bad(name, "is not a string"))?;
    check_text(value).map_err(|problem| bad(name, problem))?;
    Ok(value)
}

/// Whether a text may go into headers, logs and records.
pub(super) fn check_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("has control characters");
    }
    if text.chars().nth(LONGEST).is_some() {
        return Err("is longer than 256 characters");
    }
    Ok(())
}

/// A NumericDate: seconds since 1970, which may have a fraction.
fn date(payload: &Map<String, Value>, name: &str) -> Result<Option<u64>, Rejected> {
    let Some(value) = payload.get(name) else {
        return Ok(None);
    };
    let whole = value.as_u64();
    // Such a cast saturates: what was before 1970 becomes 1970.
    let seconds = whole.or_else(|| value.as_f64().map(|seconds| seconds as u64));
    seconds
        .map(Some)
        .ok_or_else(|| bad(name, "is not a number"))
}

fn bad(claim: &str, problem: &'static str) -> Rejected {
    Rejected::Claims {
        claim: claim.to_owned(),
        problem,
    }
}
