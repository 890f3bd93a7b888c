//! Who is calling.

mod api_key;
mod client_certificate;
mod expiry;
pub mod jwt;
mod key_fault;
mod plain_key;
mod trusted_header;

pub use api_key::{ApiKeys, KeyConfig, KeyHash, generate, hash_of};
pub use client_certificate::{
    Authorities, CertificateConfig, CertificateFault, ClientCertificates, NamePattern,
};
pub use expiry::Expiry;
pub use key_fault::KeyFault;
pub use plain_key::{PlainKey, SHORTEST_KEY};
pub use trusted_header::{TrustedHeaders, TrustedHeadersConfig};

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, header};

use crate::call::{Caller, ClientCertificate, Identity, RoleName, Standing, Who};
use jwt::{Claims, Tokens};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Every way to say who one is.
#[derive(Default)]
pub struct Credentials {
    /// API keys.
    pub keys: ApiKeys,
    /// Certificates of clients.
    pub certificates: ClientCertificates,
    /// Tokens of issuers.
    pub tokens: Tokens,
    /// Headers of trusted peers.
    pub trusted: Option<TrustedHeaders>,
    /// The roles there are: of those that a token names, the first of these counts.
    pub roles: HashSet<RoleName>,
    /// What somebody may do who shows nothing; nothing: they may not come in.
    pub anonymous: Option<Arc<Who>>,
}

/// Why somebody may not come in: for the log and the metric, never for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown {
    /// What was shown: a metric label.
    pub scheme: &'static str,
    /// What is wrong with it: a metric label.
    pub reason: &'static str,
}

impl Unknown {
    /// Whether something was shown that is not good: that is a failed attempt, and not a question.
    /// A token that was good until it expired is no guess, nor is one that we cannot judge for lack
    /// of its issuer's keys, nor a certificate, which nobody can guess; others may come from the same
    /// address.
    pub fn has_tried(self) -> bool {
        !matches!(
            (self.scheme, self.reason),
            ("none" | "certificate", _) | ("token", "expired" | "unavailable")
        )
    }
}

/// What a request shows.
enum Shown<'a> {
    Nothing,
    Bearer(&'a str),
    Key(&'a str),
    /// Two of a kind, or of a scheme that is not spoken here: whoever stands before us may have
    /// looked at the other one.
    Nonsense,
}

impl Credentials {
    /// Whether nobody can be asked who they are.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.certificates.is_empty()
            && self.tokens.is_empty()
            && self.trusted.is_none()
    }

    /// Finds out who sent these headers, from that address, on a connection for which that
    /// certificate was shown. What is wrong never counts as nothing: a bad key does not make its
    /// holder anonymous. What a request shows itself goes over the certificate, which then has only
    /// to be good.
    ///
    /// # Errors
    /// When they may not come in.
    pub async fn identify(
        &self,
        address: Option<IpAddr>,
        headers: &HeaderMap,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Caller, Unknown> {
        let unknown = |scheme, reason| Err(Unknown { scheme, reason });
        let holder = certificate.map(|shown| self.certificates.find(shown, address));
        let holder = match holder.transpose() {
            Ok(holder) => holder.flatten(),
            Err(fault) => return unknown("certificate", fault.name()),
        };
        if self.is_empty() {
            return self.nobody(address);
        }
        let peer = match shown(headers) {
            Shown::Nothing => holder,
            Shown::Nonsense => return unknown("unreadable", "malformed"),
            // A key has no dots.
            Shown::Bearer(token) if !self.tokens.is_empty() && token.contains('.') => {
                match Box::pin(self.tokens.verify(token)).await {
                    Ok(claims) => {
                        let caller = Caller::new(self.bearer(claims), address);
                        return Ok(caller.until(certificate.and_then(ClientCertificate::ends)));
                    }
                    Err(rejected) => {
                        tracing::debug!("a token is rejected: {rejected}");
                        return unknown("token", rejected.reason());
                    }
                }
            }
            Shown::Bearer(key) | Shown::Key(key) => match self.keys.find(key, address) {
                Ok(who) => Some(who),
                Err(fault) => return unknown("key", fault.name()),
            },
        };
        let trusted = self.trusted.as_ref();
        let user = trusted.and_then(|trusted| trusted.read(peer, address, headers));
        let caller = match user.or_else(|| peer.cloned()) {
            Some(who) => Caller::new(who, address),
            None => self.nobody(address)?,
        };
        Ok(caller.until(certificate.and_then(ClientCertificate::ends)))
    }

    /// Whom a token is about. Of several roles the first that is one here counts: issuers name
    /// others, too.
    fn bearer(&self, claims: Claims) -> Arc<Who> {
        let role = claims.roles.iter().find_map(|role| self.roles.get(&**role));
        let standing = match role {
            Some(role) => Standing::Role(role.clone()),
            None => Standing::Nothing("the token names no role that is mapped to one here".into()),
        };
        let identity = Identity::Token(claims.issuer, claims.id.clone());
        Arc::new(Who {
            id: Some(claims.id),
            email: claims.email,
            until: Some(claims.until),
            ..Who::of(identity, standing)
        })
    }

    fn nobody(&self, address: Option<IpAddr>) -> Result<Caller, Unknown> {
        let anonymous = self.anonymous.clone().ok_or(Unknown {
            scheme: "none",
            reason: "missing",
        });
        anonymous.map(|who| Caller::new(who, address))
    }
}

/// Somebody who shows nothing, and may do this.
pub fn anonymous(standing: Standing) -> Arc<Who> {
    Arc::new(Who::of(Identity::Anonymous, standing))
}

fn shown(headers: &HeaderMap) -> Shown<'_> {
    if let Some(value) = only(headers, header::AUTHORIZATION) {
        let words = value.and_then(|value| value.split_once(' '));
        return match words {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
                Shown::Bearer(key.trim())
            }
            _ => Shown::Nonsense,
        };
    }
    match only(headers, X_API_KEY) {
        None => Shown::Nothing,
        Some(Some(key)) => Shown::Key(key),
        Some(None) => Shown::Nonsense,
    }
}

/// The value of a header, if there is one; no text, where it is none, or there are two.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<Option<&str>> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok();
    Some(value.filter(|_| values.next().is_none()))
}
