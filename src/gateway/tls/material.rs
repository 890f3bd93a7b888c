//! What a listener speaks TLS with, read from files as a whole.

use std::{fmt, io, path::Path, sync::Arc, time::Duration};

use rustls::{
    Error, InconsistentKeys, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};

use super::{ClientAuth, TlsConfig, pem};
use crate::{authenticate::Authorities, call::Certificate, config::Fault};

/// What a listener speaks TLS with. Two that were read from the same bytes are equal.
#[derive(Clone)]
pub struct Material {
    /// For the handshake.
    pub(super) server: Arc<ServerConfig>,
    /// What the certificate says.
    pub certificate: Arc<Certificate>,
    /// Where it stands.
    pub(in crate::gateway) file: Arc<Path>,
    /// Those who vouch for clients, if any are asked for a certificate.
    pub authorities: Option<Authorities>,
    pub(super) handshake_timeout: Duration,
    digest: [u8; 32],
}

impl Material {
    /// Reads the files of a table.
    ///
    /// # Errors
    /// When one of them cannot be read or used, or they do not belong together.
    pub(crate) fn read(
        config: &TlsConfig,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Fault> {
        let mut digest = Sha256::new();
        let (cert, key) = (
            Named::of("cert", &config.cert),
            Named::of("key", &config.key),
        );
        let (cert, key) = (cert.read(&read)?, key.read(&read)?);
        let others = [
            ("client_ca", &config.client_ca),
            ("client_crl", &config.client_crl),
        ];
        let [ca, crl] = others.map(|(key, path)| Some(Named::of(key, path.as_deref()?)));
        let ca = ca.map(|ca| ca.read(&read)).transpose()?;
        let crl = crl.map(|crl| crl.read(&read)).transpose()?;
        for file in [Some(&cert), Some(&key), ca.as_ref(), crl.as_ref()] {
            let bytes = file.map_or(&[][..], |file| &file.bytes);
            digest.update(u64::to_le_bytes(bytes.len() as u64));
            digest.update(bytes);
        }
        let (timeout, auth) = (config.handshake_timeout, config.client_auth);
        digest.update(format!("{timeout:?} {auth:?}"));

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (own, certificate) = own(&provider, &cert, &key)?;
        let optional = config.client_auth == Some(ClientAuth::Optional);
        let clients = ca.map(|ca| clients(&provider, &ca, crl.as_ref(), optional));
        let authorities = clients.transpose()?.map(Authorities::new);
        let verifier = authorities.as_ref().map(Authorities::verifier);
        let server = server(provider, own, verifier);
        Ok(Self {
            server: Arc::new(server.map_err(|error| Fault::at([], error.to_string()))?),
            certificate: Arc::new(certificate),
            file: config.cert.as_path().into(),
            authorities,
            handshake_timeout: timeout,
            digest: digest.finalize().into(),
        })
    }
}

/// A file, and the key of the config that names it.
struct Named<'a> {
    key: &'static str,
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> Named<'a> {
    fn of(key: &'static str, path: &'a Path) -> Self {
        Self {
            key,
            path,
            bytes: Vec::new(),
        }
    }

    fn read(self, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Self, Fault> {
        let bytes = read(self.path);
        let bytes = bytes.map_err(|error| {
            let words = format!("cannot read {}: {error}", self.path.display());
            Fault::at([self.key], words)
        })?;
        Ok(Self { bytes, ..self })
    }

    /// This is wrong with it: words that follow its name.
    fn fault(&self, words: impl fmt::Display) -> Fault {
        Fault::at([self.key], format!("{} {words}", self.path.display()))
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Fault> {
        pem::certificates(&self.bytes).map_err(|words| self.fault(words))
    }
}

/// The gateway's certificate with its key, and what it says.
fn own(
    provider: &CryptoProvider,
    cert: &Named<'_>,
    key: &Named<'_>,
) -> Result<(CertifiedKey, Certificate), Fault> {
    let chain = cert.certificates()?;
    let read = pem::private_key(&key.bytes).map_err(|words| key.fault(words))?;
    let says = chain.first().and_then(|own| Certificate::read(own));
    let unread = || cert.fault("has a certificate that cannot be read");
    let says = says.ok_or_else(unread)?;
    match certified(provider, &chain, &read) {
        Ok(own) => Ok((own, says)),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let is_of = |other: &CertificateDer<'static>| {
                certified(provider, std::slice::from_ref(other), &read).is_ok()
            };
            Err(match chain.iter().any(is_of) {
                true => cert.fault(
                    "has the gateway's own certificate behind another one: it has to stand \
                     first, before those of its authorities",
                ),
                false => key.fault(format!(
                    "does not belong to the certificate in {}: each was made for another one",
                    cert.path.display()
                )),
            })
        }
        Err(Error::InvalidCertificate(error)) => Err(cert.fault(pem::refused(&error))),
        Err(error) => Err(key.fault(format!(
            "has a key that cannot be used: expected RSA with 2048 bits or more, ECDSA (P-256, \
             P-384) or Ed25519 ({error})"
        ))),
    }
}

fn certified(
    provider: &CryptoProvider,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<CertifiedKey, Error> {
    CertifiedKey::from_der(chain.to_vec(), key.clone_key(), provider)
}

/// Those who vouch for clients.
fn clients(
    provider: &Arc<CryptoProvider>,
    ca: &Named<'_>,
    crl: Option<&Named<'_>>,
    optional: bool,
) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
    let roots: RootCertStore = pem::authorities(&ca.bytes).map_err(|words| ca.fault(words))?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    if let Some(crl) = crl {
        let lists = pem::revocations(&crl.bytes).map_err(|words| crl.fault(words))?;
        builder = builder.with_crls(lists).only_check_end_entity_revocation();
    }
    if optional {
        builder = builder.allow_unauthenticated();
    }
    let blamed = crl.unwrap_or(ca);
    builder
        .build()
        .map_err(|error| blamed.fault(format!("cannot be used: {error}")))
}

fn server(
    provider: Arc<CryptoProvider>,
    own: CertifiedKey,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let own = rustls::sign::SingleCertAndKey::from(own);
    let mut server = builder.with_cert_resolver(Arc::new(own));
    // HTTP/2 is not spoken here.
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(server)
}

impl PartialEq for Material {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("file", &self.file)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
