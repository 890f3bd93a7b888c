//! Tokens that somebody made to get in.

use indexmap::IndexMap;
use ring::{hmac::HMAC_SHA256, signature as ring_signature};
use serde_json::{Value, json};

use super::{TokenConfig, Tokens, testing::*};

const RS256: &dyn ring_signature::RsaEncoding = &ring_signature::RSA_PKCS1_SHA256;

fn shared() -> Tokens {
    tokens(&format!("secret = \"{SECRET}\"")).unwrap()
}

fn public() -> Tokens {
    tokens(&key_file("rsa_public.pem")).unwrap()
}

async fn verdict(tokens: &Tokens, token: &str) -> &'static str {
    let result = tokens.verify_at(token, NOW).await;
    result.map_or_else(|rejected| rejected.reason(), |_| "believed")
}

#[test]
fn a_table_whose_keys_cannot_do_what_it_says_is_refused() {
    let cases = [
        (
            format!("{}\nalgorithms = [\"ES256\"]", key_file("rsa_public.pem")),
            "algorithms",
        ),
        (key_file("rsa_1024_public.pem"), "key_file"),
        ("secret = \"short\"".to_owned(), "secret"),
    ];
    for (lines, key) in cases {
        let words = tokens(&lines).unwrap_err().to_string();
        assert!(
            words.starts_with(&format!("`{key}` in [tokens.corp]: ")),
            "{words}"
        );
    }
}

#[test]
fn an_issuer_has_one_table() {
    let table = format!("issuer = \"i\"\naudience = [\"a\"]\nsecret = \"{SECRET}\"");
    let one: TokenConfig = toml::from_str(&table).unwrap();
    let both = IndexMap::from([("a".to_owned(), one.clone()), ("b".to_owned(), one)]);

    let words = Tokens::new(&both).unwrap_err().to_string();
    assert_eq!(
        words,
        "`issuer` in [tokens.b]: the same issuer as [tokens.a]"
    );
    assert!(Tokens::new(&IndexMap::new()).unwrap().is_empty());
}

#[tokio::test]
async fn every_rsa_signature_is_understood() {
    let cases: [(&str, &'static dyn ring_signature::RsaEncoding); 6] = [
        ("RS256", &ring_signature::RSA_PKCS1_SHA256),
        ("RS384", &ring_signature::RSA_PKCS1_SHA384),
        ("RS512", &ring_signature::RSA_PKCS1_SHA512),
        ("PS256", &ring_signature::RSA_PSS_SHA256),
        ("PS384", &ring_signature::RSA_PSS_SHA384),
        ("PS512", &ring_signature::RSA_PSS_SHA512),
    ];
    let only = tokens(&format!(
        "{}\nalgorithms = [\"PS256\"]",
        key_file("rsa_public.pem")
    ))
    .unwrap();
    for (name, padding) in cases {
        let token = sign(&json!({"alg": name}), &payload(&json!({})), &rsa(padding));
        assert_eq!(verdict(&public(), &token).await, "believed", "{name}");
        let expected = if name == "PS256" {
            "believed"
        } else {
            "algorithm"
        };
        assert_eq!(verdict(&only, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_forged_signature_opens_nothing() {
    let pem = include_str!("../../../tests/keys/rsa_public.pem");
    let (own, jwk) = p256("mine");
    let nothing = |_: &[u8]| Vec::new();
    let with_pem = hmac(HMAC_SHA256, pem.as_bytes());
    let with_trimmed_pem = hmac(HMAC_SHA256, pem.trim().as_bytes());
    let with_nothing = hmac(HMAC_SHA256, b"");
    let jku = json!({"alg": "ES256", "jku": "http://evil/jwks", "x5u": "http://evil/"});
    let jwk = json!({"alg": "ES256", "jwk": jwk});
    let alg = |name| json!({"alg": name});
    let cases: [(&str, Value, &Sign<'_>, &str); 10] = [
        ("none", alg("none"), &nothing, "algorithm"),
        ("nOnE", alg("nOnE"), &nothing, "algorithm"),
        ("none at all", alg("RS256"), &nothing, "signature"),
        (
            "the public key as secret",
            alg("HS256"),
            &with_pem,
            "algorithm",
        ),
        (
            "the same, trimmed",
            alg("HS256"),
            &with_trimmed_pem,
            "algorithm",
        ),
        ("an empty secret", alg("HS256"), &with_nothing, "algorithm"),
        ("RS256 by HMAC", alg("RS256"), &with_pem, "signature"),
        ("another kind of key", alg("ES256"), &own, "algorithm"),
        ("a key it brings along", jwk, &own, "algorithm"),
        ("a key it points to", jku, &own, "algorithm"),
    ];
    let tokens = public();
    for (name, header, signer, expected) in cases {
        let token = sign(&header, &payload(&json!({})), signer);
        assert_eq!(verdict(&tokens, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_header_that_asks_for_more_than_we_know_is_refused() {
    let signer = rsa(RS256);
    let tokens = public();
    for (name, header, expected) in [
        (
            "as it is",
            json!({"alg": "RS256", "typ": "JWT", "kid": "a"}),
            "believed",
        ),
        (
            "crit",
            json!({"alg": "RS256", "crit": ["b64"], "b64": false}),
            "malformed",
        ),
        (
            "empty crit",
            json!({"alg": "RS256", "crit": null}),
            "malformed",
        ),
        ("no alg", json!({"typ": "JWT"}), "malformed"),
        ("an alg of a kind", json!({"alg": ["RS256"]}), "malformed"),
        (
            "a kid of a kind",
            json!({"alg": "RS256", "kid": ["a"]}),
            "malformed",
        ),
    ] {
        let token = sign(&header, &payload(&json!({})), &signer);
        assert_eq!(verdict(&tokens, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_secret_is_not_a_public_key() {
    let cases: [(&str, &Sign<'_>, &str); 4] = [
        ("HS256", &hmac(HMAC_SHA256, SECRET.as_bytes()), "believed"),
        (
            "HS256",
            &hmac(HMAC_SHA256, b"another secret of 32 bytes or more"),
            "signature",
        ),
        ("HS512", &hmac(HMAC_SHA256, SECRET.as_bytes()), "signature"),
        ("RS256", &rsa(RS256), "algorithm"),
    ];
    let tokens = shared();
    for (name, signer, expected) in cases {
        let token = sign(&json!({"alg": name}), &payload(&json!({})), signer);
        assert_eq!(verdict(&tokens, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_token_is_believed_whole_or_not_at_all() {
    let signer = hmac(HMAC_SHA256, SECRET.as_bytes());
    let alg = json!({"alg": "HS256"});
    let good = sign(&alg, &payload(&json!({})), &signer);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, body) = head.split_once('.').unwrap();
    let boss = sign(&alg, &payload(&json!({"sub": "boss"})), &signer);
    let (boss, _) = boss.rsplit_once('.').unwrap();
    let large = payload(&json!({"padding": "x".repeat(17_000)}));
    let tokens = shared();
    for (name, token, expected) in [
        ("as it is", good.clone(), "believed"),
        (
            "another payload",
            format!("{boss}.{signature}"),
            "signature",
        ),
        (
            "half a signature",
            good[..good.len() - 4].into(),
            "signature",
        ),
        ("no signature", format!("{head}."), "signature"),
        ("two pieces", head.into(), "malformed"),
        ("four pieces", format!("{good}.{signature}"), "malformed"),
        (
            "five, as if encrypted",
            format!("{head}.a.b.c"),
            "malformed",
        ),
        ("dots", "..".into(), "malformed"),
        ("nothing", String::new(), "malformed"),
        ("padding", format!("{good}="), "malformed"),
        ("a space", format!("{good} "), "malformed"),
        (
            "other base64",
            format!("{header}.{body}+/.{signature}"),
            "malformed",
        ),
        ("too large", sign(&alg, &large, &signer), "malformed"),
        // What was verified once must not open the door for what looks like it.
        (
            "another payload, later",
            format!("{boss}.{signature}"),
            "signature",
        ),
        ("as it is, later", good.clone(), "believed"),
    ] {
        assert_eq!(verdict(&tokens, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn json_that_can_be_read_in_two_ways_is_not_read() {
    let signer = hmac(HMAC_SHA256, SECRET.as_bytes());
    let good = payload(&json!({})).to_string();
    let twice = good.replacen('{', r#"{"sub":"boss","#, 1);
    let tokens = shared();
    for (name, header, payload, expected) in [
        ("as it is", r#"{"alg":"HS256"}"#, good.as_str(), "believed"),
        ("two names", r#"{"alg":"HS256"}"#, &twice, "malformed"),
        (
            "two algs",
            r#"{"alg":"none","alg":"HS256"}"#,
            &good,
            "malformed",
        ),
        ("a list", r#"{"alg":"HS256"}"#, "[]", "malformed"),
        ("no JSON", r#"{"alg":"HS256"}"#, "sam", "malformed"),
    ] {
        let token = sign_text(header, payload, &signer);
        assert_eq!(verdict(&tokens, &token).await, expected, "{name}");
    }
}
