//! `--ca`, `--client-cert` and `--client-key`: how a command speaks TLS to a gateway.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use hyper_rustls::ConfigBuilderExt;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
    client::{
        WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::CliError;
use crate::gateway::pem;

/// Whom to trust over https, and what to show.
#[derive(Debug, Args, Default)]
pub(super) struct TrustArgs {
    /// Trust the certificates that these authorities have signed (PEM), and no others
    /// [default: those that this machine trusts]
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// The certificate to show to a gateway that asks for one (PEM)
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

type Builder = ConfigBuilder<ClientConfig, WantsClientCert>;

impl TrustArgs {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.ca.is_none() && self.client_cert.is_none()
    }

    /// For a URL.
    ///
    /// # Errors
    /// When a file cannot be used, or this machine trusts nobody.
    pub(super) fn config(&self) -> Result<ClientConfig, CliError> {
        let builder = builder()?;
        let builder = match &self.ca {
            Some(path) => builder.with_root_certificates(self.authorities(path)?),
            None => builder.with_native_roots()?,
        };
        self.showing(builder)
    }

    /// For the address where this machine's own gateway listens: whatever its certificate is for,
    /// it is not for that. Nothing is told there that others may not know.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(super) fn config_for_own(&self) -> Result<ClientConfig, CliError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Arc::new(Anybody(provider));
        self.showing(
            builder()?
                .dangerous()
                .with_custom_certificate_verifier(verifier),
        )
    }

    fn authorities(&self, path: &Path) -> Result<RootCertStore, CliError> {
        pem::authorities(&read("--ca", path)?).map_err(|words| wrong("--ca", path, &words))
    }

    fn showing(&self, builder: Builder) -> Result<ClientConfig, CliError> {
        let (Some(cert), Some(key)) = (&self.client_cert, &self.client_key) else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = pem::certificates(&read(CERT, cert)?);
        let chain = chain.map_err(|words| wrong(CERT, cert, &words))?;
        let own = pem::private_key(&read(KEY, key)?).map_err(|words| wrong(KEY, key, &words))?;
        let used = builder.with_client_auth_cert(chain, own);
        used.map_err(|error| {
            if let Error::InvalidCertificate(error) = &error {
                return wrong(CERT, cert, &pem::refused(error));
            }
            let words = match matches!(error, Error::InconsistentKeys(_)) {
                true => format!("does not belong to the certificate in {}", cert.display()),
                false => format!("cannot be used: {error}"),
            };
            wrong(KEY, key, &words)
        })
    }
}

const CERT: &str = "--client-cert";
const KEY: &str = "--client-key";

fn builder() -> Result<ConfigBuilder<ClientConfig, rustls::WantsVerifier>, CliError> {
    let provider = rustls::crypto::ring::default_provider();
    ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| CliError::Io(std::io::Error::other(error)))
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| {
        CliError::Usage(format!("{option}: cannot read {}: {error}", path.display()))
    })
}

fn wrong(option: &str, path: &Path, words: &str) -> CliError {
    CliError::Usage(format!("{option}: {} {words}", path.display()))
}

/// What a person can do about a connection that TLS did not let come about.
pub(super) fn hint(error: &std::io::Error) -> Option<&'static str> {
    let cause = error.get_ref()?.downcast_ref::<Error>()?;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "theirs; the others say it all"
    )]
    match cause {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            Some("its authority is not known here: name the file of it with --ca FILE")
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Some("its certificate is for another name: use that in the URL"),
        Error::InvalidMessage(_) => {
            Some("does it speak plain HTTP? Then the URL begins with http://")
        }
        Error::AlertReceived(rustls::AlertDescription::CertificateRequired) => {
            Some("it asks for a certificate: --client-cert FILE --client-key FILE")
        }
        _ => None,
    }
}

/// Takes any certificate whose key its holder has.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
