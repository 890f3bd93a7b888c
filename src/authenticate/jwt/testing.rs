//! What the tests of this folder share: tokens, those who sign them, and an issuer on a port.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use indexmap::IndexMap;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use super::{TokenConfig, Tokens};
use crate::config::Fault;

/// The time at which tests happen, in Unix seconds.
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const SECRET: &str = "a secret of the tests, 32 bytes or more";
/// See `tests/keys/README.md`.
const RSA: &str = include_str!("../../../tests/keys/rsa_pkcs8.txt");

/// Makes the signature of these bytes.
pub(super) type Sign<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;

/// A good payload, with these claims put over it; null takes one away.
pub(super) fn payload(changes: &Value) -> Value {
    let mut payload = json!({
        "iss": "https://idp/", "aud": "gate", "sub": "sam", "exp": NOW + 600,
        "email": "sam@example.com", "roles": ["dev", "mcp-admins"],
    });
    let claims = payload.as_object_mut().unwrap();
    claims.extend(changes.as_object().unwrap().clone());
    claims.retain(|_, value| !value.is_null());
    payload
}

/// Signs a token in its compact form.
pub(super) fn sign(header: &Value, payload: &Value, signer: &Sign<'_>) -> String {
    sign_text(&header.to_string(), &payload.to_string(), signer)
}

/// The same, of JSON that a library would not write.
pub(super) fn sign_text(header: &str, payload: &str, signer: &Sign<'_>) -> String {
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = BASE64.encode(signer(signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub(super) fn hmac(algorithm: hmac::Algorithm, secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, secret);
    move |signed| hmac::sign(&key, signed).as_ref().to_vec()
}

/// Signs with the RSA key of `tests/keys`.
pub(super) fn rsa(padding: &'static dyn signature::RsaEncoding) -> impl Fn(&[u8]) -> Vec<u8> {
    let der = BASE64_STANDARD.decode(RSA.trim()).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    move |signed| {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(padding, &SystemRandom::new(), signed, &mut signature)
            .unwrap();
        signature
    }
}

/// A pair that was made for this test: how it signs, and its public key as a JWK of this id.
pub(super) fn p256(kid: &str) -> (impl Fn(&[u8]) -> Vec<u8>, Value) {
    let (random, kind) = (
        SystemRandom::new(),
        &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    );
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig",
        "x": BASE64.encode(x), "y": BASE64.encode(y),
    });
    let sign = move |signed: &[u8]| key.sign(&random, signed).unwrap().as_ref().to_vec();
    (sign, jwk)
}

/// The same of Ed25519.
pub(super) fn ed25519(kid: &str) -> (impl Fn(&[u8]) -> Vec<u8>, Value) {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let x = BASE64.encode(key.public_key().as_ref());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x});
    (move |signed: &[u8]| key.sign(signed).as_ref().to_vec(), jwk)
}

/// One table, `[tokens.corp]`, with these lines besides issuer and audience.
pub(super) fn tokens(lines: &str) -> Result<Tokens, Fault> {
    let table = format!("issuer = \"https://idp/\"\naudience = [\"gate\", \"other\"]\n{lines}");
    let config: TokenConfig = toml::from_str(&table).unwrap();
    Tokens::new(&IndexMap::from([("corp".to_owned(), config)]))
}

/// A file of `tests/keys`, as a line of the table.
pub(super) fn key_file(name: &str) -> String {
    format!(
        "key_file = \"{}/tests/keys/{name}\"",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// What the issuer answers.
pub(super) enum Answer {
    Keys(Vec<Value>),
    Text(String),
    Status(u16),
    Silence,
}

/// An issuer that publishes keys on a port of its own, until it is dropped.
pub(super) struct Issuer {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    port: u16,
    task: AbortHandle,
}

impl Issuer {
    pub(super) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let (answers, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answers)));
            }
        });
        Self {
            answer,
            asked,
            port,
            task: task.abort_handle(),
        }
    }

    pub(super) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How often somebody asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// `[tokens.corp]` with this issuer's keys.
    pub(super) fn tokens(&self) -> Tokens {
        tokens(&format!(
            "jwks_url = \"http://127.0.0.1:{}/jwks\"",
            self.port
        ))
        .unwrap()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Mutex<Answer>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let (status, body) = match &*answer.lock().unwrap() {
        Answer::Keys(keys) => (200, Some(json!({"keys": keys}).to_string())),
        Answer::Text(text) => (200, Some(text.clone())),
        Answer::Status(status) => (*status, Some(String::new())),
        Answer::Silence => (200, None),
    };
    let Some(body) = body else {
        return std::future::pending().await;
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: {length}\r\n");
    let answer = format!("{head}\r\n{body}");
    // Whoever asked may have had enough of a large answer.
    stream.write_all(answer.as_bytes()).await.ok();
}
