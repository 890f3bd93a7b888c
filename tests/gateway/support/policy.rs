//! Policies as a person writes them, and what callers show.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mcpgate::authenticate::hash_of;
use ring::hmac;

use super::{Client, Modern};

/// The table of a key that its holder shows as `mcpg_<name>`.
pub(crate) fn key(name: &str, more: &str) -> String {
    let hash = hash_of(&format!("mcpg_{name}"));
    format!("[keys.{name}]\nhash = \"{hash}\"\n{more}\n")
}

/// A token that is signed with this secret; `header` and `claims` are JSON.
pub(crate) fn token(secret: &str, header: &str, claims: &str) -> String {
    let part = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(header.as_bytes()), part(claims.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", part(signature.as_ref()))
}

/// Whoever connects from this machine says who asks; two roles that may do everything.
pub(crate) const BELIEVED: &str = r#"
[trusted_headers]
from = ["127.0.0.1"]
[roles.admin]
allow = ["*"]
[roles.guest]
allow = ["*"]
"#;

impl Client {
    /// With that key.
    pub(crate) fn holding(self, name: &str) -> Self {
        self.with("authorization", &format!("Bearer mcpg_{name}"))
    }

    /// As a trusted peer asks for somebody.
    pub(crate) fn asking_for(self, id: &str, role: &str) -> Self {
        self.with("x-user-id", id).with("x-user-role", role)
    }

    /// The same client, in another role from now on.
    pub(crate) fn now_in(&self, role: &str) -> Self {
        let client = self.clone().without("x-user-role");
        client.with("x-user-role", role)
    }
}

impl Modern {
    /// With that key.
    pub(crate) fn holding(self, name: &str) -> Self {
        self.with("authorization", &format!("Bearer mcpg_{name}"))
    }
}
