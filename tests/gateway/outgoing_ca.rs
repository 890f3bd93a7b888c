//! What the gateway asks for its own sake over HTTPS, the keys of an issuer and a collector of traces,
//! is believed on the word of whom its table names.

use std::{fs, time::SystemTime};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    pipe::{program, server},
    support::{Authority, Gateway, HttpServer, Running, Tunnel, folder, initialize},
    traces::Collector,
};

/// Publishes a key at a plain address; gives that, and a token of its holder.
async fn issuer() -> (String, String) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ES256, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ES256, pkcs8.as_ref(), &random).unwrap();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (BASE64.encode(x), BASE64.encode(y));
    let set = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "x": x, "y": y}]});
    let set = set.to_string();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let head = format!("content-length: {}\r\nconnection: close", set.len());
    let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{set}");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let end = now.unwrap().as_secs() + 600;
    let claims = json!({"iss": "i", "aud": "gate", "sub": "sam", "roles": "all", "exp": end});
    let part = |text: String| BASE64.encode(text);
    let header = json!({"alg": "ES256", "kid": "a"});
    let signed = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
    let signature = key.sign(&random, signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", BASE64.encode(signature));
    (url, token)
}

fn policy(jwks: &Tunnel, more: &str) -> String {
    format!(
        "[roles.all]\nallow = ['*']\n[tokens.corp]\nissuer = 'i'\naudience = ['gate']\n\
         jwks_url = '{}/jwks'\n{more}\n",
        jwks.url
    )
}

#[tokio::test]
async fn the_keys_of_an_issuer_are_taken_from_whom_its_table_has_vouched_for() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (plain, token) = issuer().await;
    let jwks = Tunnel::start(&theirs.server(), &plain).await;
    let up = HttpServer::with_tools(&["echo"]).await;
    let policy = policy(&jwks, "ca = 'ca.pem'");
    let files = [("ca.pem", &*ours.pem())];
    let gateway = Gateway::with_files(&up.table("up"), &policy, &files).await;
    gateway.settled().await;
    let holder = || {
        let client = gateway.client();
        client.with("authorization", &format!("Bearer {token}"))
    };

    let reply = holder().post(initialize("2025-11-25")).await;
    assert!(!reply.status.is_success(), "{reply:?}");
    gateway.write("ca.pem", &theirs.pem());
    gateway.reload().await.unwrap();

    assert_eq!(holder().open().await.list("tools").await, ["up__echo"]);
    gateway.write("ca.pem", "");
    let said = gateway.reload().await.unwrap_err();
    assert!(said.contains("ca.pem"), "{said}");
    gateway.write("ca.pem", "# nobody");
    let said = gateway.reload().await.unwrap_err();
    let words = "policy.toml:7:6: `ca` in [tokens.corp]: ";
    assert!(
        said.contains(words) && said.contains("has no certificate"),
        "{said}"
    );
}

#[tokio::test]
async fn an_issuer_that_is_not_believed_is_told_of_with_the_key_that_helps() {
    let (plain, token) = issuer().await;
    let jwks = Tunnel::start(&Authority::new().server(), &plain).await;
    let folder = folder(&server("kid", &[]), &[]);
    let file = folder.path().join("policies/tokens.toml");
    fs::write(file, policy(&jwks, "")).unwrap();

    let mut running = Running::start(folder.path()).await;
    let client = running.client();
    let client = client.with("authorization", &format!("Bearer {token}"));
    let reply = client.post(initialize("2025-11-25")).await;

    assert!(!reply.status.is_success(), "{reply:?}");
    let words = "has signed it; `ca` in [tokens.corp] names the file";
    running.says(words).await;
    assert!(running.said().contains("jwks unavailable: "));
}

#[tokio::test]
async fn spans_go_to_a_collector_whom_the_table_has_vouched_for() {
    let authority = Authority::new();
    let (collector, up) = (
        Collector::start().await,
        HttpServer::with_tools(&["echo"]).await,
    );
    let tunnel = Tunnel::start(&authority.server(), &collector.url).await;
    let traces = format!("[traces]\nendpoint = '{}'\nca = 'ca.pem'\n", tunnel.url);
    let servers = [traces, up.table("up")].concat();
    let files = [("ca.pem", &*authority.pem())];
    let gateway = Gateway::with_files(&servers, "", &files).await;
    gateway.settled().await;

    let client = gateway.session().await;
    client.call("up__echo", "{}").await.answer();

    collector.hears(1).await;
}

#[tokio::test]
async fn the_usual_variable_names_the_authority_of_a_collector_too() {
    let authority = Authority::new();
    let collector = Collector::start().await;
    let tunnel = Tunnel::start(&authority.server(), &collector.url).await;
    let folder = folder(&format!("[traces]\n{}", server("kid", &[])), &[]);
    fs::write(folder.path().join("otel.pem"), authority.pem()).unwrap();
    let serve = |file: &str| {
        let mut command = program(folder.path());
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &tunnel.url)
            .env("OTEL_EXPORTER_OTLP_CERTIFICATE", file);
        command
    };

    let running = Running::of(serve("otel.pem")).await;
    let client = running.client().open().await;
    client.call("kid__echo", "{}").await.answer();
    assert!(running.stop().await.success());

    assert_eq!(collector.spans().len(), 2);
    let failed = serve("none.pem").output().await.unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    let words = "the variable `OTEL_EXPORTER_OTLP_CERTIFICATE`: cannot read /";
    assert!(said.contains(words), "{said}");
}
