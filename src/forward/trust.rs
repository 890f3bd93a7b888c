//! Whom TLS to a server trusts, and what to do where it does not.

use std::{error::Error, io, sync::Arc};

use hyper_rustls::ConfigBuilderExt;
use rustls::{CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use sha2::{Digest, Sha256};

use super::wire::chain;

/// Whom TLS trusts, and what it shows. Two that were read from the same bytes are equal.
#[derive(Debug, Clone)]
pub struct Trust {
    tls: Arc<ClientConfig>,
    said: Said,
}

/// Where it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// In a file that a table names: a hash of it.
    File([u8; 32]),
    /// On the command line.
    Options,
    /// By whoever embeds the gateway.
    Elsewhere,
}

impl Trust {
    /// These authorities and no others, as read from this text.
    ///
    /// # Errors
    /// When TLS cannot be spoken at all.
    pub(crate) fn only(authorities: RootCertStore, text: &[u8]) -> io::Result<Self> {
        let tls = builder()?.with_root_certificates(authorities);
        Ok(Self {
            tls: Arc::new(tls.with_no_client_auth()),
            said: Said::File(Sha256::digest(text).into()),
        })
    }

    /// What the options of a command say.
    pub(crate) fn of_options(tls: ClientConfig) -> Self {
        Self {
            said: Said::Options,
            ..tls.into()
        }
    }

    /// For a connection.
    pub(super) fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.tls)
    }
}

impl From<ClientConfig> for Trust {
    fn from(config: ClientConfig) -> Self {
        Self {
            tls: Arc::new(config),
            said: Said::Elsewhere,
        }
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        match (self.said, other.said) {
            (Said::File(ours), Said::File(theirs)) => ours == theirs,
            (_, _) => Arc::ptr_eq(&self.tls, &other.tls),
        }
    }
}

/// The certificates of this machine, looked for only where TLS is spoken.
pub(crate) fn tls(needed: bool) -> io::Result<ClientConfig> {
    let builder = builder()?;
    Ok(match needed {
        true => builder.with_native_roots()?.with_no_client_auth(),
        false => builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    })
}

fn builder() -> io::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let provider = rustls::crypto::ring::default_provider();
    ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)
}

/// An error in one line, and what to do about it where TLS did not let a connection come about;
/// `table` is where the address and `ca` are.
pub(crate) fn advised(error: &(dyn Error + 'static), trust: Option<&Trust>, table: &str) -> String {
    match remedy(error, trust, table) {
        Some(remedy) => format!("{}: {remedy}", chain(error)),
        None => chain(error),
    }
}

fn remedy(error: &(dyn Error + 'static), trust: Option<&Trust>, table: &str) -> Option<String> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "theirs; the others say it all"
    )]
    match cause(error)? {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            match trust.map(|trust| trust.said) {
                None => Some(format!(
                    "nobody whom this machine trusts has signed it; `ca` in {table} names the file \
                     of the authority that has"
                )),
                Some(Said::File(_)) => Some(format!(
                    "none of the authorities in the file that `ca` in {table} names has signed it"
                )),
                Some(Said::Options) => {
                    Some("--ca FILE names the file of the authority that has signed it".to_owned())
                }
                Some(Said::Elsewhere) => None,
            }
        }
        // Its own type is not told.
        rustls::Error::InvalidCertificate(error)
            if error.to_string().contains("CaUsedAsEndEntity") =>
        {
            Some(
                "it is an authority's own (`CA:TRUE`), which is for signing others: have it sign \
                 one for the server, or make that anew with \
                 `openssl req -x509 -addext basicConstraints=critical,CA:FALSE`"
                    .to_owned(),
            )
        }
        rustls::Error::InvalidMessage(_) => Some(format!(
            "if it speaks plain HTTP, its address in {table} begins with http://"
        )),
        _ => None,
    }
}

/// What TLS itself has to say, at the end of a chain of errors.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // Its `source` is that of what it wraps.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}
