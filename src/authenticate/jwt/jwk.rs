//! Key sets as issuers publish them (RFC 7517).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Algorithm,
    keys::{Material, PublicKey},
};

/// Keys in one set.
const MOST: usize = 100;

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set with which signatures can be verified. What is of no use to us is skipped:
/// issuers publish keys for others too.
///
/// # Errors
/// When it is no key set, or a suspiciously large one.
pub(super) fn read_set(text: &[u8]) -> Result<Vec<PublicKey>, String> {
    let set: Set<'_> =
        serde_json::from_slice(text).map_err(|error| format!("not a key set: {error}"))?;
    if set.keys.len() > MOST {
        return Err(format!("more than {MOST} keys"));
    }
    Ok(set.keys.into_iter().filter_map(read).collect())
}

fn read(text: &RawValue) -> Option<PublicKey> {
    let jwk: Jwk = serde_json::from_str(text.get()).ok()?;
    let is_for_signatures = jwk.purpose.as_ref().is_none_or(|purpose| purpose == "sig");
    let operations = jwk.key_ops.as_ref();
    let is_for_verifying = operations.is_none_or(|all| all.iter().any(|one| one == "verify"));
    if !is_for_signatures || !is_for_verifying {
        return None;
    }
    let only = match &jwk.alg {
        Some(name) => Some(Algorithm::named(name)?),
        None => None,
    };
    let key = PublicKey {
        material: material(&jwk)?,
        kid: jwk.kid,
        only,
    };
    // An `alg` of another kind of key.
    only.is_none_or(|only| key.does(only)).then_some(key)
}

fn material(jwk: &Jwk) -> Option<Material> {
    let decode = |number: &Option<String>| BASE64.decode(number.as_ref()?).ok();
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::rsa(&decode(&jwk.n)?, &decode(&jwk.e)?),
        ("EC", Some("P-256")) => Material::p256(&point(decode(&jwk.x)?, decode(&jwk.y)?)),
        ("EC", Some("P-384")) => Material::p384(&point(decode(&jwk.x)?, decode(&jwk.y)?)),
        ("OKP", Some("Ed25519")) => Material::ed25519(&decode(&jwk.x)?),
        // `oct` is a shared secret: whoever publishes one has none.
        (_, _) => None,
    }
}

/// A point as ring wants it: uncompressed. RFC 7518 fixes the length of each half.
fn point(x: Vec<u8>, y: Vec<u8>) -> Vec<u8> {
    if x.len() != y.len() {
        return Vec::new();
    }
    [vec![4], x, y].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kept(keys: &[Value]) -> Result<usize, String> {
        let set = json!({"keys": keys}).to_string();
        read_set(set.as_bytes()).map(|keys| keys.len())
    }

    fn rsa(changes: &Value) -> Value {
        let n = BASE64.encode([&[0_u8][..], &[0xff; 256]].concat());
        let mut key = json!({"kty": "RSA", "kid": "a", "n": n, "e": "AQAB", "x5c": ["…"]});
        let map = key.as_object_mut().unwrap();
        map.extend(changes.as_object().unwrap().clone());
        key
    }

    #[test]
    fn only_keys_that_verify_signatures_are_kept() {
        let cases = [
            ("as it is", json!({}), 1),
            ("for signatures", json!({"use": "sig", "alg": "RS256"}), 1),
            ("for verifying", json!({"key_ops": ["verify"]}), 1),
            ("for encryption", json!({"use": "enc"}), 0),
            ("for signing", json!({"key_ops": ["sign"]}), 0),
            ("an algorithm of encryption", json!({"alg": "RSA-OAEP"}), 0),
            ("an algorithm of another kind", json!({"alg": "ES256"}), 0),
            ("an algorithm of a secret", json!({"alg": "HS256"}), 0),
            ("none", json!({"alg": "none"}), 0),
            ("too short", json!({"n": BASE64.encode([0xff; 128])}), 0),
            ("too long", json!({"n": BASE64.encode([0xff; 1025])}), 0),
            ("no number", json!({"n": "!"}), 0),
            ("an exponent of one", json!({"e": "AQ"}), 0),
            (
                "a secret",
                json!({"kty": "oct", "k": BASE64.encode([1; 64])}),
                0,
            ),
            (
                "a point off its size",
                json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
                0,
            ),
            ("a kid of a kind", json!({"kid": 7}), 0),
        ];
        for (name, changes, expected) in cases {
            assert_eq!(kept(&[rsa(&changes)]), Ok(expected), "{name}");
            // One that is of no use takes no other with it.
            let other = rsa(&json!({}));
            assert_eq!(
                kept(&[json!("?"), rsa(&changes), other]),
                Ok(expected + 1),
                "{name}"
            );
        }
    }

    #[test]
    fn a_set_is_a_set_and_not_too_large() {
        assert_eq!(kept(&[]), Ok(0));
        assert_eq!(kept(&vec![rsa(&json!({})); 100]), Ok(100));
        assert!(kept(&vec![json!({}); 101]).is_err());
        for text in ["", "{}", "[]", "<html>", r#"{"keys":{}}"#, r#"{"keys":[]"#] {
            assert!(read_set(text.as_bytes()).is_err(), "{text}");
        }
    }
}
