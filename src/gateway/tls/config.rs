//! `[gateway.tls]`, as a person writes it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::config::Fault;

/// The `[gateway.tls]` table of `servers.toml`. The files are read again when they change; to begin
/// or to end with TLS needs a restart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The gateway's certificate in PEM, and those that lead to its authority.
    pub cert: PathBuf,
    /// The private key of it, in PEM.
    pub key: PathBuf,
    /// How long a client may take until the handshake is done.
    #[serde(default = "handshake_timeout", with = "humantime_serde")]
    pub handshake_timeout: Duration,
    /// The authorities that vouch for clients, in PEM.
    pub client_ca: Option<PathBuf>,
    /// Whether a client has to show a certificate; default: it has to.
    pub client_auth: Option<ClientAuth>,
    /// Certificates of clients that their authorities have taken back, as lists in PEM.
    pub client_crl: Option<PathBuf>,
}

/// `client_auth = "required" | "optional"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// Nobody comes in without a certificate.
    Required,
    /// Who shows one must be vouched for; others show a key or a token, or nothing.
    Optional,
}

const fn handshake_timeout() -> Duration {
    Duration::from_secs(10)
}

impl TlsConfig {
    /// Whether nobody gets as far as to ask anything without a certificate.
    pub fn keeps_strangers_out(&self) -> bool {
        self.client_ca.is_some() && self.client_auth != Some(ClientAuth::Optional)
    }

    /// Finds what the types cannot say. No file is looked at.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.handshake_timeout.is_zero() {
            return Err(Fault::at(
                ["handshake_timeout"],
                "with 0 nobody would be served",
            ));
        }
        let lonely = [
            ("client_auth", self.client_auth.is_some()),
            ("client_crl", self.client_crl.is_some()),
        ];
        for (key, is_set) in lonely {
            if is_set && self.client_ca.is_none() {
                let message = "without `client_ca` no client is asked for a certificate";
                return Err(Fault::at_key([key], message));
            }
        }
        Ok(())
    }

    /// Makes what is relative to the folder of the config file absolute.
    pub(crate) fn resolve(&mut self, folder: &Path) {
        let always = [&mut self.cert, &mut self.key];
        let others = [&mut self.client_ca, &mut self.client_crl];
        for path in always.into_iter().chain(others.into_iter().flatten()) {
            let joined = folder.join(&*path);
            *path = std::path::absolute(&joined).unwrap_or(joined);
        }
    }
}
