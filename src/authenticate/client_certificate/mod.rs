//! Certificates that clients show for their connections (mTLS).
//!
//! ```toml
//! [certificates.build]
//! san = "uri:spiffe://example.org/build/*"     # or subject = "CN=build,O=Example"
//! role = "analyst"
//! ```
//!
//! TLS has verified them before a request is read. As connections last, who vouches for them may
//! have changed since then: a request is judged by those who do now.

mod pattern;

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use indexmap::IndexMap;
use jiff::Timestamp;
use rustls::{pki_types::UnixTime, server::danger::ClientCertVerifier};
use serde::Deserialize;

pub use pattern::NamePattern;

use crate::call::{
    Certificate, CertificateName, ClientCertificate, Identity, Networks, RoleName, Standing,
    Subject, Who,
};

/// One `[certificates.<name>]` table of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    /// What its subject has to say.
    pub subject: Option<Subject>,
    /// The name that it has to have beside that: `dns:…`, `email:…` or `uri:…`.
    pub san: Option<NamePattern>,
    /// What its holder may do; everything where no role is defined at all.
    pub role: Option<RoleName>,
    /// The networks it may be used from; absent: all.
    #[serde(default)]
    pub from: Networks,
    /// It opens nothing for the time being.
    #[serde(default)]
    pub disabled: bool,
}

impl CertificateConfig {
    /// Whether this names every certificate that the other one does.
    pub fn covers(&self, other: &Self) -> bool {
        let theirs = (other.subject.as_ref(), other.san.as_ref());
        let subject = self.subject.as_ref();
        let san = self.san.as_ref();
        subject.is_none_or(|ours| theirs.0.is_some_and(|theirs| ours.is_in(theirs)))
            && san.is_none_or(|ours| theirs.1.is_some_and(|theirs| ours.covers(theirs)))
    }

    fn names(&self, certificate: &Certificate) -> bool {
        let subject = self.subject.as_ref();
        let san = self.san.as_ref();
        subject.is_none_or(|subject| subject.is_in(&certificate.subject))
            && san.is_none_or(|san| certificate.names.iter().any(|name| san.fits(name)))
    }
}

/// Those who vouch for clients.
#[derive(Clone)]
pub struct Authorities {
    verifier: Arc<dyn ClientCertVerifier>,
    number: u64,
}

impl Authorities {
    /// These, who are others than those before.
    pub fn new(verifier: Arc<dyn ClientCertVerifier>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            verifier,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// What TLS asks.
    pub fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        self.verifier.clone()
    }

    /// No two have the same.
    pub fn number(&self) -> u64 {
        self.number
    }

    fn vouch(&self, certificate: &ClientCertificate) -> bool {
        certificate.is_vouched_by(self.number, || {
            let Some((own, others)) = certificate.chain.split_first() else {
                return false;
            };
            let verified = self
                .verifier
                .verify_client_cert(own, others, UnixTime::now());
            verified.is_ok()
        })
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.number)
    }
}

/// Why a certificate does not open the door: for the log, never for whoever showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// No table names it.
    Unknown,
    /// Its time is over.
    Expired,
    /// Nobody vouches for it any more.
    Untrusted,
    /// Its table is switched off.
    Disabled,
    /// It may not be used from there.
    Address,
}

impl CertificateFault {
    /// Metric label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Untrusted => "untrusted",
            Self::Disabled => "disabled",
            Self::Address => "address",
        }
    }
}

/// Every certificate that opens the door.
#[derive(Debug, Clone, Default)]
pub struct ClientCertificates {
    tables: Vec<Table>,
    /// Those who vouch for them; nobody, where none is asked for.
    authorities: Option<Authorities>,
}

#[derive(Debug, Clone)]
struct Table {
    config: CertificateConfig,
    name: CertificateName,
    who: Arc<Who>,
}

impl ClientCertificates {
    /// Those of a configuration.
    pub fn new(
        tables: &IndexMap<CertificateName, CertificateConfig>,
        authorities: Option<Authorities>,
    ) -> Self {
        let table = |(name, config): (&CertificateName, &CertificateConfig)| {
            let standing = match &config.role {
                Some(role) => Standing::Role(role.clone()),
                None => Standing::Everything,
            };
            let who = Who {
                id: Some(name.shared()),
                ..Who::of(Identity::Certificate(name.clone()), standing)
            };
            Table {
                config: config.clone(),
                name: name.clone(),
                who: Arc::new(who),
            }
        };
        Self {
            tables: tables.iter().map(table).collect(),
            authorities,
        }
    }

    /// Whether none names a caller: then they only open connections.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Those who vouch for them.
    pub fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_ref()
    }

    /// Whose certificate it is, on a request from that address: the first table that names it.
    /// Nobody's, where no table names anybody.
    ///
    /// # Errors
    /// When it opens nothing.
    pub fn find(
        &self,
        certificate: &ClientCertificate,
        from: Option<IpAddr>,
    ) -> Result<Option<&Arc<Who>>, CertificateFault> {
        let authorities = self.authorities.as_ref();
        if !authorities.is_some_and(|authorities| authorities.vouch(certificate)) {
            return Err(CertificateFault::Untrusted);
        }
        let says = certificate.says.as_ref();
        if says.is_some_and(|says| says.expires < Timestamp::now()) {
            return Err(CertificateFault::Expired);
        }
        if self.is_empty() {
            return Ok(None);
        }
        let says = says.ok_or(CertificateFault::Unknown)?;
        let mut tables = self.tables.iter();
        let Some(table) = tables.find(|table| table.config.names(says)) else {
            let shown = says.shown();
            tracing::debug!("no [certificates.<name>] names this certificate: {shown:?}");
            return Err(CertificateFault::Unknown);
        };
        table.open(from).map(Some)
    }

    /// The same for whoever would show one that this table names.
    ///
    /// # Errors
    /// When it would open nothing.
    pub fn named(
        &self,
        name: &CertificateName,
        from: Option<IpAddr>,
    ) -> Result<&Arc<Who>, CertificateFault> {
        let table = self.tables.iter().find(|table| table.name == *name);
        table.ok_or(CertificateFault::Unknown)?.open(from)
    }
}

impl Table {
    fn open(&self, from: Option<IpAddr>) -> Result<&Arc<Who>, CertificateFault> {
        match (self.config.disabled, self.config.from.admit(from)) {
            (true, _) => Err(CertificateFault::Disabled),
            (false, false) => Err(CertificateFault::Address),
            (false, true) => Ok(&self.who),
        }
    }
}
