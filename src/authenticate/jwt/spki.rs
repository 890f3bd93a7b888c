//! Public keys in PEM: `SubjectPublicKeyInfo`, of which ring wants only what is inside.

use rustls::pki_types::{SubjectPublicKeyInfoDer, alg_id, pem::PemObject};

use super::keys::Material;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// All public keys of a PEM file; none when one of them is not understood.
pub(super) fn read(pem: &[u8]) -> Option<Vec<Material>> {
    SubjectPublicKeyInfoDer::pem_slice_iter(pem)
        .map(|key| material(key.ok()?.as_ref()))
        .collect()
}

fn material(spki: &[u8]) -> Option<Material> {
    let (spki, b"") = element(spki, SEQUENCE)? else {
        return None;
    };
    let (algorithm, rest) = element(spki, SEQUENCE)?;
    // The first byte counts the bits at the end that do not belong to the key.
    let ([0, key @ ..], b"") = element(rest, BIT_STRING)? else {
        return None;
    };
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let (numbers, b"") = element(key, SEQUENCE)? else {
            return None;
        };
        let (modulus, rest) = element(numbers, INTEGER)?;
        let (exponent, b"") = element(rest, INTEGER)? else {
            return None;
        };
        return Material::rsa(modulus, exponent);
    }
    if algorithm == alg_id::ECDSA_P256.as_ref() {
        return Material::p256(key);
    }
    if algorithm == alg_id::ECDSA_P384.as_ref() {
        return Material::p384(key);
    }
    if algorithm == alg_id::ED25519.as_ref() {
        return Material::ed25519(key);
    }
    None
}

/// The content of a DER element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match (length, rest) {
        (0..=0x7f, rest) => (usize::from(*length), rest),
        (0x81, [one, rest @ ..]) => (usize::from(*one), rest),
        (0x82, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        (_, _) => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length))?
}
