//! The signatures that are understood. `none` is not among them.

use ring::hmac;
use serde::{
    Deserialize,
    de::{IntoDeserializer, value::Error},
};

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// RSA PSS with SHA-384.
    Ps384,
    /// RSA PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// Ed25519; RFC 9864 calls it by that name.
    #[serde(rename = "EdDSA", alias = "Ed25519")]
    EdDsa,
}

impl Algorithm {
    pub(super) const SHARED: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];
    pub(super) const PUBLIC: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The one of this name, spelt exactly so.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::deserialize(IntoDeserializer::<Error>::into_deserializer(name)).ok()
    }

    /// Its hash, if it is made with a shared secret.
    pub(super) const fn hmac(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(hmac::HMAC_SHA256),
            Self::Hs384 => Some(hmac::HMAC_SHA384),
            Self::Hs512 => Some(hmac::HMAC_SHA512),
            Self::Rs256
            | Self::Rs384
            | Self::Rs512
            | Self::Ps256
            | Self::Ps384
            | Self::Ps512
            | Self::Es256
            | Self::Es384
            | Self::EdDsa => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_spelt_exactly_so() {
        assert_eq!(Algorithm::named("RS256"), Some(Algorithm::Rs256));
        assert_eq!(Algorithm::named("EdDSA"), Some(Algorithm::EdDsa));
        assert_eq!(Algorithm::named("Ed25519"), Some(Algorithm::EdDsa));
        for other in [
            "none", "None", "NONE", "nOnE", "", "rs256", "RS256 ", "ES512", "ES256K",
        ] {
            assert_eq!(Algorithm::named(other), None, "{other}");
        }
    }

    #[test]
    fn only_those_of_a_secret_have_a_hash() {
        assert!(Algorithm::SHARED.iter().all(|one| one.hmac().is_some()));
        assert!(Algorithm::PUBLIC.iter().all(|one| one.hmac().is_none()));
    }
}
