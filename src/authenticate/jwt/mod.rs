//! JSON Web Tokens of issuers that the gateway trusts.
//!
//! ```toml
//! [tokens.corp]
//! issuer = "https://idp.example.com/"
//! audience = ["https://gate.example.com/mcp"]
//! jwks_url = "https://idp.example.com/jwks"
//! claims = { role = "realm_access.roles" }
//! roles = { "mcp-admins" = "admin" }
//! ```
//!
//! The JWS part stands on ring, which rustls brings anyway: `jsonwebtoken` 11 has no ring
//! backend, and either of its own would bring a second crypto library.
//!
//! Nothing that a token says is believed before its signature has been checked, but for two
//! hints: `iss` chooses among the configured issuers, and `kid` among the keys of that one. Where
//! keys are fetched from, and which algorithms they may be used with, only the config says.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use indexmap::IndexMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

mod algorithm;
mod cache;
mod check;
mod claims;
mod config;
mod fetch;
mod jwk;
mod jwks;
mod keys;
mod rejected;
mod spki;
mod strict;
mod token;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod contents;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod testing;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use config::{ClaimNames, TokenConfig};
pub use rejected::Rejected;

use crate::config::Fault;
use cache::Verified;
use claims::Rules;
use jwks::Jwks;
use keys::{PublicKey, SharedKey};
use token::Token;

/// Every issuer whose tokens open the door.
#[derive(Default)]
pub struct Tokens {
    issuers: Vec<Issuer>,
    verified: Verified,
}

/// One `[tokens.<name>]` table.
struct Issuer {
    /// What `iss` must be.
    url: String,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    rules: Rules,
}

/// Where the keys of an issuer come from.
enum Keys {
    Shared(SharedKey),
    File(Vec<PublicKey>),
    Url(Arc<Jwks>),
}

impl Tokens {
    /// The issuers of a configuration. Key files are read here; key sets are fetched at first use.
    ///
    /// # Errors
    ///
    /// When a table contradicts itself, two tables are of one issuer, or a key file is unusable.
    pub fn new(configs: &IndexMap<String, TokenConfig>) -> Result<Self, Fault> {
        let mut issuers: Vec<Issuer> = Vec::with_capacity(configs.len());
        for (name, config) in configs {
            let issuer =
                Issuer::new(name, config).map_err(|fault| fault.under(["tokens", name]))?;
            if let Some(earlier) = issuers.iter().find(|known| known.url == issuer.url) {
                let message = format!("the same issuer as [tokens.{}]", earlier.rules.issuer);
                return Err(Fault::at(["tokens", name, "issuer"], message));
            }
            issuers.push(issuer);
        }
        Ok(Self {
            issuers,
            verified: Verified::default(),
        })
    }

    /// Takes over the key sets that `previous` has fetched for tables which still name the same
    /// URL, so that a reload does not cost the issuers a request.
    #[must_use]
    pub fn inheriting(mut self, previous: &Self) -> Self {
        for issuer in &mut self.issuers {
            let Keys::Url(jwks) = &mut issuer.keys else {
                continue;
            };
            let earlier = previous
                .issuers
                .iter()
                .find_map(|issuer| match &issuer.keys {
                    Keys::Url(earlier) if earlier.is_like(jwks) => Some(earlier),
                    Keys::Url(_) | Keys::Shared(_) | Keys::File(_) => None,
                });
            if let Some(earlier) = earlier {
                *jwks = Arc::clone(earlier);
            }
        }
        self
    }

    /// Whether there is none, so that nobody can be asked for a token.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Whether there is a table of that name.
    pub fn has(&self, name: &str) -> bool {
        self.issuers
            .iter()
            .any(|known| &*known.rules.issuer == name)
    }

    /// The issuers, as they call themselves.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().map(|issuer| issuer.url.as_str())
    }

    /// Fetches in the background what was never fetched, so that the first caller need not wait.
    /// Needs a runtime.
    pub fn prefetch(&self) {
        for issuer in &self.issuers {
            if let Keys::Url(jwks) = &issuer.keys {
                jwks.prefetch();
            }
        }
    }

    /// Who a token is of, if an issuer vouches for it, to us, now.
    ///
    /// It waits only for the keys of a `jwks_url`, and for those 5 s at most.
    ///
    /// # Errors
    ///
    /// When anything about the token is not as it must be.
    pub async fn verify(&self, token: &str) -> Result<Claims, Rejected> {
        // A clock before 1970 is broken: every token has expired then, rather than none.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.verify_at(token, now.unwrap_or(Duration::MAX).as_secs())
            .await
    }

    async fn verify_at(&self, text: &str, now: u64) -> Result<Claims, Rejected> {
        if text.len() > token::LONGEST {
            return Err(Rejected::Malformed("it is longer than 16 KiB"));
        }
        let digest = Sha256::digest(text.as_bytes()).into();
        if let Some(claims) = self.verified.get(&digest, now) {
            return Ok(claims);
        }
        let token = Token::parse(text)?;
        let claimed = token.payload.get("iss").and_then(Value::as_str);
        let issuer = self
            .issuers
            .iter()
            .find(|known| Some(known.url.as_str()) == claimed);
        let issuer = issuer.ok_or(Rejected::Issuer)?;
        issuer.check_signature(&token).await?;
        let claims = issuer.rules.read(&token.payload, now)?;
        self.verified.insert(digest, &claims, now, claims.until);
        Ok(claims)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.issuers.iter().map(|issuer| &issuer.rules.issuer);
        f.debug_list().entries(names).finish()
    }
}

impl Issuer {
    fn new(name: &str, config: &TokenConfig) -> Result<Self, Fault> {
        config.check()?;
        let name: Arc<str> = name.into();
        let keys = match (&config.secret, &config.key_file, config.jwks()?) {
            (Some(secret), None, None) => Keys::Shared(SharedKey::new(secret)),
            (None, Some(path), None) => {
                let keys = keys::read_file(path);
                Keys::File(keys.map_err(|words| Fault::at(["key_file"], words))?)
            }
            (None, None, Some(place)) => {
                let jwks = Jwks::new(Arc::clone(&name), place, config.trust.clone());
                Keys::Url(Arc::new(jwks))
            }
            (_, _, _) => return Err(check::one_source()),
        };
        let algorithms = config.algorithms();
        if let Keys::File(keys) = &keys
            && !keys
                .iter()
                .any(|key| algorithms.iter().any(|one| key.does(*one)))
        {
            let message = "none of these goes with a key in `key_file`";
            return Err(Fault::at(["algorithms"], message));
        }
        Ok(Self {
            url: config.issuer.clone(),
            algorithms,
            keys,
            rules: Rules::new(name, config),
        })
    }

    async fn check_signature(&self, token: &Token<'_>) -> Result<(), Rejected> {
        let algorithm = Algorithm::named(&token.algorithm)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(Rejected::Algorithm)?;
        match &self.keys {
            Keys::Shared(key) => key.verify(algorithm, token.signed, &token.signature),
            Keys::File(keys) => {
                // Keys in a file have no ids, and there are only a few.
                let mut result = Err(Rejected::Algorithm);
                for key in keys.iter().filter(|key| key.does(algorithm)) {
                    result = key.verify(algorithm, token.signed, &token.signature);
                    if result.is_ok() {
                        break;
                    }
                }
                result
            }
            Keys::Url(jwks) => {
                let key = jwks.key(token.kid.as_deref(), algorithm).await?;
                key.verify(algorithm, token.signed, &token.signature)
            }
        }
    }
}
