//! One `[tokens.<name>]` table, as a person writes it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use indexmap::IndexMap;
use serde::Deserialize;

use super::Algorithm;
use crate::forward::{Secret, Trust};

pub(super) const REFRESH: Duration = Duration::from_secs(600);
const LEEWAY: Duration = Duration::from_secs(30);

/// One `[tokens.<name>]` table. Exactly one of `secret`, `key_file` and `jwks_url` is set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// What `iss` must be, to the letter.
    pub issuer: String,
    /// `aud` must be, or have, one of these: else a token for another service works here too.
    pub audience: Vec<String>,
    /// How tokens may be signed; default: every way that the keys can be used.
    pub algorithms: Option<Vec<Algorithm>>,
    /// Signs HS256, HS384 and HS512. At least 32 bytes, and as random as a key.
    pub secret: Option<Secret>,
    /// One or more public keys in PEM (`-----BEGIN PUBLIC KEY-----`). A relative path starts at
    /// the folder of the file that names it.
    pub key_file: Option<PathBuf>,
    /// Where the issuer publishes its public keys.
    pub jwks_url: Option<String>,
    /// The authorities that vouch for `jwks_url`, in PEM; default: those that this machine trusts.
    pub ca: Option<PathBuf>,
    /// How long fetched keys are good; default: 10 minutes.
    #[serde(default, with = "humantime_serde")]
    pub jwks_refresh: Option<Duration>,
    /// How far the clocks of issuer and gateway may be apart, for `exp` and `nbf`.
    #[serde(default = "default_leeway", with = "humantime_serde")]
    pub leeway: Duration,
    /// Under which names the token says who its holder is.
    #[serde(default)]
    pub claims: ClaimNames,
    /// From what the role claim says to a role of ours. With it, what is not in it gives no role;
    /// without it, the claim is the role's name.
    pub roles: Option<IndexMap<String, String>>,
    /// Whom TLS to `jwks_url` trusts, read from `ca`.
    #[serde(skip)]
    pub trust: Option<Trust>,
}

/// `claims = { … }`: a claim's name, or a path to it with dots (`realm_access.roles`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimNames {
    /// Who it is: a string, and required of each token.
    pub id: String,
    /// A string.
    pub email: String,
    /// A string, or a list of strings.
    pub role: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            id: "sub".to_owned(),
            email: "email".to_owned(),
            role: "roles".to_owned(),
        }
    }
}

const fn default_leeway() -> Duration {
    LEEWAY
}

impl TokenConfig {
    /// Makes what is relative to the file that this stands in absolute.
    pub fn resolve(&mut self, folder: &Path) {
        for path in [&mut self.key_file, &mut self.ca].into_iter().flatten() {
            let joined = folder.join(&*path);
            *path = std::path::absolute(&joined).unwrap_or(joined);
        }
    }

    /// Those that are written, else those that the kind of key has.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        match (&self.algorithms, &self.secret) {
            (Some(algorithms), _) => algorithms.clone(),
            (None, Some(_)) => Algorithm::SHARED.to_vec(),
            (None, None) => Algorithm::PUBLIC.to_vec(),
        }
    }
}
