//! Keys, and what each may be used for.
//!
//! A key knows its kind, and a kind has its algorithms: a public key cannot be taken for the
//! secret of an HMAC, whatever a token says.

use std::{fs::File, io::Read, path::Path};

use ring::{hmac, signature};

use super::{Algorithm, Rejected, spki};
use crate::forward::Secret;

/// More than a few PEM keys, and too little to run out of memory on.
const LARGEST_FILE: u64 = 64 * 1024;
/// Each is tried in turn, as keys in a file have no ids.
const MOST_IN_FILE: usize = 10;

/// What both sides know.
pub(super) struct SharedKey(Vec<hmac::Key>);

impl SharedKey {
    pub(super) fn new(secret: &Secret) -> Self {
        let hashes = Algorithm::SHARED.into_iter().filter_map(Algorithm::hmac);
        let key = |hash| hmac::Key::new(hash, secret.reveal().as_bytes());
        Self(hashes.map(key).collect())
    }

    /// # Errors
    /// When the algorithm is none of a shared key, or the signature is another's.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), Rejected> {
        let hash = algorithm.hmac().ok_or(Rejected::Algorithm)?;
        let key = self.0.iter().find(|key| key.algorithm() == hash);
        let key = key.ok_or(Rejected::Algorithm)?;
        hmac::verify(key, signed, signature).map_err(|_error| Rejected::Signature)
    }
}

/// What everybody may know.
#[derive(Debug, PartialEq)]
pub(super) struct PublicKey {
    pub(super) kid: Option<String>,
    /// The only algorithm it is meant for, if its issuer says so.
    pub(super) only: Option<Algorithm>,
    pub(super) material: Material,
}

/// The key itself, as ring wants it.
#[derive(Debug, PartialEq)]
pub(super) enum Material {
    /// Big-endian numbers without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    /// An uncompressed point.
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Material {
    /// An RSA key of 2,048 to 8,192 bits.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let unused = modulus.first()?.leading_zeros() as usize;
        let bits = modulus.len() * 8 - unused;
        let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
        // ring would find a weak key too, but only when the first token comes.
        ((2048..=8192).contains(&bits) && is_odd && exponent != [1]).then(|| Self::Rsa {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// A point of P-256, uncompressed.
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        (point.len() == 65 && point.first() == Some(&4)).then(|| Self::P256(point.to_vec()))
    }

    /// A point of P-384, uncompressed.
    pub(super) fn p384(point: &[u8]) -> Option<Self> {
        (point.len() == 97 && point.first() == Some(&4)).then(|| Self::P384(point.to_vec()))
    }

    pub(super) fn ed25519(key: &[u8]) -> Option<Self> {
        (key.len() == 32).then(|| Self::Ed25519(key.to_vec()))
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// How ring verifies a signature.
enum Scheme<'a> {
    Rsa(
        &'static signature::RsaParameters,
        signature::RsaPublicKeyComponents<&'a [u8]>,
    ),
    Other(signature::UnparsedPublicKey<&'a [u8]>),
}

impl PublicKey {
    /// Whether it may be used with this algorithm.
    pub(super) fn does(&self, algorithm: Algorithm) -> bool {
        self.scheme(algorithm).is_some()
    }

    /// # Errors
    /// When the algorithm is none of this key's, or the signature is another's.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), Rejected> {
        let result = match self.scheme(algorithm).ok_or(Rejected::Algorithm)? {
            Scheme::Rsa(parameters, key) => key.verify(parameters, signed, signature),
            Scheme::Other(key) => key.verify(signed, signature),
        };
        result.map_err(|_error| Rejected::Signature)
    }

    fn scheme(&self, algorithm: Algorithm) -> Option<Scheme<'_>> {
        if self.only.is_some_and(|only| only != algorithm) {
            return None;
        }
        let rsa =
            |parameters, n, e| Scheme::Rsa(parameters, signature::RsaPublicKeyComponents { n, e });
        match (&self.material, algorithm) {
            (Material::Rsa { modulus, exponent }, algorithm) => {
                rsa_parameters(algorithm).map(|parameters| rsa(parameters, modulus, exponent))
            }
            (Material::P256(point), Algorithm::Es256) => Some(Scheme::Other(
                signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point),
            )),
            (Material::P384(point), Algorithm::Es384) => Some(Scheme::Other(
                signature::UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point),
            )),
            (Material::Ed25519(key), Algorithm::EdDsa) => Some(Scheme::Other(
                signature::UnparsedPublicKey::new(&signature::ED25519, key),
            )),
            (Material::P256(_) | Material::P384(_) | Material::Ed25519(_), _) => None,
        }
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512
        | Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::EdDsa => None,
    }
}

/// The keys of a `key_file`.
///
/// # Errors
/// What is wrong with it, in words for whoever named it.
pub(super) fn read_file(path: &Path) -> Result<Vec<PublicKey>, String> {
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut pem));
    read.map_err(|error| format!("the file cannot be read: {error}"))?;
    let materials = spki::read(&pem).ok_or(
        "a key in the file is not understood: RSA of 2048 to 8192 bits, P-256, P-384, Ed25519",
    )?;
    if materials.is_empty() {
        return Err("the file has no `-----BEGIN PUBLIC KEY-----`".to_owned());
    }
    if materials.len() > MOST_IN_FILE {
        return Err(format!("the file has more than {MOST_IN_FILE} keys"));
    }
    let key = |material| PublicKey {
        kid: None,
        only: None,
        material,
    };
    Ok(materials.into_iter().map(key).collect())
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
    use serde_json::{Value, json};

    use super::*;
    use crate::authenticate::jwt::jwk;

    fn file(name: &str) -> Result<Vec<PublicKey>, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
        read_file(&folder.join(name))
    }

    #[test]
    fn every_kind_of_key_is_read_from_pem_and_does_its_own_algorithms_only() {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let mut keys = file("rsa_public.pem").unwrap();
        keys.extend(file("others_public.pem").unwrap());
        let expected: [&[Algorithm]; 4] = [
            &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
            &[Es256],
            &[Es384],
            &[EdDsa],
        ];

        assert_eq!(keys.len(), expected.len());
        for (key, expected) in keys.iter().zip(expected) {
            for algorithm in Algorithm::PUBLIC.into_iter().chain(Algorithm::SHARED) {
                assert_eq!(
                    key.does(algorithm),
                    expected.contains(&algorithm),
                    "{algorithm:?}"
                );
            }
        }
    }

    #[test]
    fn a_file_without_a_usable_key_says_why() {
        for (name, expected) in [
            ("nowhere.pem", "cannot be read"),
            ("README.md", "no `-----BEGIN PUBLIC KEY-----`"),
            ("rsa_1024_public.pem", "2048"),
        ] {
            let words = file(name).unwrap_err();
            assert!(words.contains(expected), "{name}: {words}");
        }
    }

    #[test]
    fn half_a_key_is_none() {
        let pem = include_str!("../../../tests/keys/rsa_public.pem");
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        for length in (0..der.len()).step_by(4).skip(1) {
            let part = der.get(..length).unwrap();
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{part}\n-----END PUBLIC KEY-----\n");
            assert_eq!(spki::read(pem.as_bytes()), None, "{length}");
        }
    }

    #[test]
    fn signatures_that_others_made_verify() {
        let examples = include_str!("../../../tests/keys/examples.json");
        let examples: Vec<Value> = serde_json::from_str(examples).unwrap();
        for example in examples {
            let text = |name: &str| example[name].as_str().unwrap();
            let algorithm = Algorithm::named(text("alg")).unwrap();
            let signature = BASE64.decode(text("signature")).unwrap();
            let set = json!({"keys": [example["key"]]}).to_string();
            let keys = jwk::read_set(set.as_bytes()).unwrap();
            let secret = example["key"]["k"]
                .as_str()
                .map(|k| BASE64.decode(k).unwrap());
            let verify = |signed: &str| match &secret {
                Some(secret) => {
                    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                    SharedKey(vec![key]).verify(algorithm, signed.as_bytes(), &signature)
                }
                None => keys[0].verify(algorithm, signed.as_bytes(), &signature),
            };

            let signed = text("signed");
            assert_eq!(verify(signed), Ok(()), "{}", text("from"));
            let other = verify(&format!("{signed}x"));
            assert_eq!(other, Err(Rejected::Signature), "{}", text("from"));
        }
    }
}
