//! The program over HTTPS, as a person meets it.

use std::{fs, path::Path};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    cli::{EXAMPLE, seen},
    pipe::{program, soon},
    support::{Authority, Running, TLS, folder},
};

/// A folder to serve from over TLS, with `ca.pem` for clients.
fn secure(tls: &str) -> (TempDir, Authority) {
    let authority = Authority::new();
    let folder = folder(&[TLS, tls, EXAMPLE].concat(), &[]);
    authority.server().write(folder.path());
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    (folder, authority)
}

async fn said(folder: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let output = program(folder).args(words).output();
    seen(&soon("the command", output).await.unwrap())
}

#[tokio::test]
async fn what_serve_prints_can_be_called_by_whoever_trusts_its_authority() {
    let (folder, _) = secure("");
    let running = Running::start(folder.path()).await;
    assert!(
        running.url.starts_with("https://127.0.0.1:"),
        "{}",
        running.url
    );
    let url = format!("{}/mcp", running.url);

    let words = [
        "call",
        "--url",
        &url,
        "--ca",
        "ca.pem",
        "example__add",
        "a=2",
        "b=40",
    ];
    assert_eq!(said(folder.path(), &words).await.1, "{\"sum\":42}\n");
    let (code, _, err) = said(folder.path(), &["call", "--url", &url, "example__add"]).await;
    let words = "UnknownIssuer: --ca FILE names";
    assert!(code == Some(1) && err.contains(words), "{err}");
    let words = ["health", "--url", &url, "--ca", "ca.pem"];
    assert_eq!(said(folder.path(), &words).await.1, "ready\n");
    let (code, _, err) = said(folder.path(), &["health", "--url", &url]).await;
    assert!(code == Some(1) && err.contains("--ca FILE"), "{err}");
    let plain = url.replace("https", "http");
    let (code, _, err) = said(folder.path(), &["health", "--url", &plain]).await;
    assert!(code == Some(1) && err.contains("https"), "{err}");
}

#[tokio::test]
async fn health_asks_the_gateway_of_its_own_config_whatever_that_is_called() {
    let (folder, authority) = secure("");
    let mut running = Running::start(folder.path()).await;
    running.says(" tools, ").await;
    let address = running.url.replace("https://", "");
    let listen = format!("[gateway]\nlisten = '{address}'\n{TLS}");
    // Of another host, and it need not even be readable.
    let beside = tempfile::tempdir().unwrap();
    fs::write(beside.path().join("servers.toml"), listen).unwrap();

    let (code, out, err) = said(beside.path(), &["health"]).await;

    assert_eq!((code, out.as_str()), (Some(0), "ready\n"), "{err}");
    drop(authority);
}

#[tokio::test]
async fn a_client_with_a_certificate_gets_in_and_one_without_is_told_what_it_needs() {
    let (folder, authority) = secure("client_ca = 'ca.pem'\n");
    let sam = authority.client("sam", &[]);
    fs::write(folder.path().join("sam.pem"), &sam.cert).unwrap();
    fs::write(folder.path().join("sam.key"), &sam.key).unwrap();
    let mut running = Running::start(folder.path()).await;
    let url = running.url.clone();

    let shows = ["--client-cert", "sam.pem", "--client-key", "sam.key"];
    let words = ["list", "--url", &format!("{url}/mcp"), "--ca", "ca.pem"];
    let (code, out, err) = said(folder.path(), &[&words[..], &shows].concat()).await;
    assert!(code == Some(0) && out.contains("example__add"), "{err}");
    let words = ["health", "--url", &url, "--ca", "ca.pem"];
    let (code, out, err) = said(folder.path(), &[&words[..], &shows].concat()).await;
    assert_eq!((code, out.as_str()), (Some(0), "ready\n"), "{err}");

    let (code, _, err) = said(folder.path(), &words).await;
    assert_eq!(code, Some(1), "{err}");
    running.says("the client has shown no certificate").await;
    let words = [
        "list",
        "--client-cert",
        "sam.pem",
        "--client-key",
        "sam.key",
    ];
    let (code, _, err) = said(folder.path(), &words).await;
    assert!(code == Some(2) && err.contains("--url"), "{err}");
}

#[tokio::test]
async fn a_hangup_has_the_certificate_read_again() {
    let (folder, _) = secure("");
    let settings = fs::read_to_string(folder.path().join("servers.toml")).unwrap();
    let quiet = ["[gateway]\nwatch = false\n", &settings].concat();
    fs::write(folder.path().join("servers.toml"), quiet).unwrap();
    let mut running = Running::start(folder.path()).await;
    let other = Authority::new();
    other.server().write(folder.path());
    fs::write(folder.path().join("other.pem"), other.pem()).unwrap();

    running.says(" tools, ").await;
    running.signal("HUP").await;
    running.says("the certificate is another one").await;

    let words = ["health", "--url", &running.url, "--ca", "other.pem"];
    let (code, out, err) = said(folder.path(), &words).await;
    assert_eq!((code, out.as_str()), (Some(0), "ready\n"), "{err}");
}

#[tokio::test]
async fn curl_is_served_if_it_is_there() {
    if Command::new("curl")
        .arg("--version")
        .output()
        .await
        .is_err()
    {
        return;
    }
    let (folder, _) = secure("");
    let mut running = Running::start(folder.path()).await;
    running.says(" tools, ").await;
    let curl = async |words: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "10"]);
        let output = command.current_dir(folder.path()).args(words).output();
        let output = soon("curl", output).await.unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let url = format!("{}/readyz", running.url);

    let ready = curl(&["--cacert", "ca.pem", "--write-out", "%{http_version}", &url]).await;
    assert_eq!(ready, r#"{"status":"ready"}1.1"#);
    assert!(curl(&[&url]).await.contains("certificate"));
    let plain = url.replace("https", "http");
    assert!(curl(&[&plain]).await.contains("This port speaks HTTPS"));
}
