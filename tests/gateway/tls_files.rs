//! What is wrong with the files of `[gateway.tls]` is said with the file, the key and what to do.

use std::{fs, path::Path, process::Command};

use mcpgate::config::{self, Config, Environment, Paths};
use tempfile::TempDir;

use crate::{
    cli::{seen, stdout},
    pipe::{program, soon},
    support::{Authority, Gateway, Issued, TLS},
};

/// A folder with a good certificate and its key, and this beside the two in the table.
fn folder(more: &str) -> (TempDir, Authority) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.server().write(folder.path());
    let table = format!("[gateway]\nlisten = '127.0.0.1:0'\n{TLS}{more}\n");
    fs::write(folder.path().join("servers.toml"), table).unwrap();
    (folder, authority)
}

fn load(folder: &Path) -> Result<Config, String> {
    let environment = Environment {
        variable: &|_| None,
        program: Path::new("mcpgate"),
    };
    let paths = Paths::find(Some(folder.join("servers.toml")), None).unwrap();
    config::load_with(&paths, &environment).map_err(|error| error.to_string())
}

/// What is said where a file holds that.
fn refused(file: &str, text: &str) -> String {
    let (folder, _authority) = folder("client_ca = 'ca.pem'\nclient_crl = 'crl.pem'");
    let clients = Authority::new();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("ca.pem"), clients.pem()).unwrap();
    fs::write(path("crl.pem"), clients.takes_back(&["sam"])).unwrap();
    assert!(load(folder.path()).is_ok());
    fs::write(path(file), text).unwrap();
    load(folder.path()).unwrap_err()
}

#[test]
fn each_mistake_names_the_key_the_file_and_what_is_wrong() {
    let authority = Authority::new();
    let Issued { cert, key } = authority.server();
    let other = authority.server();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----";
    let behind = [&*authority.pem(), &*other.cert].concat();
    for (file, key, text, words) in [
        ("cert.pem", "cert", "", "is empty"),
        ("cert.pem", "cert", "hello", "has no certificate"),
        ("cert.pem", "cert", &*key, "mixed up"),
        (
            "cert.pem",
            "key",
            &*other.cert,
            "does not belong to the certificate in ",
        ),
        ("key.pem", "key", &*cert, "mixed up"),
        ("key.pem", "key", encrypted, "openssl pkey"),
        (
            "key.pem",
            "key",
            &*other.key,
            "does not belong to the certificate in ",
        ),
        ("ca.pem", "client_ca", "hello", "has no certificate"),
        ("crl.pem", "client_crl", &*cert, "has no revocation list"),
    ] {
        let said = refused(file, text);
        assert!(said.contains(words), "{said}");
        assert!(
            said.contains(&format!("`{key}` in [gateway.tls]")),
            "{said}"
        );
        assert!(
            said.contains(".pem") && said.contains("servers.toml:"),
            "{said}"
        );
    }

    let (folder, _) = folder("");
    fs::write(folder.path().join("cert.pem"), behind).unwrap();
    fs::write(folder.path().join("key.pem"), &other.key).unwrap();
    let said = load(folder.path()).unwrap_err();
    assert!(said.contains("has to stand first"), "{said}");
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    let said = load(folder.path()).unwrap_err();
    assert!(
        said.contains("cannot read ") && said.contains("key.pem"),
        "{said}"
    );
}

#[test]
fn every_usual_form_of_a_key_is_read() {
    let (folder, authority) = folder("");
    let made = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).output();
        let made = made.expect("openssl runs");
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap()
    };
    if Command::new("openssl").arg("version").output().is_err() {
        return;
    }
    let path = folder.path().join("key.pem");
    let key = path.to_str().unwrap().to_owned();
    let sec1 = made(&["ec", "-in", &key]);
    assert!(sec1.contains("BEGIN EC PRIVATE KEY"), "{sec1}");
    fs::write(&path, sec1).unwrap();
    load(folder.path()).unwrap();

    let rsa = made(&["genrsa", "-traditional", "2048"]);
    assert!(rsa.contains("BEGIN RSA PRIVATE KEY"), "{rsa}");
    fs::write(&path, rsa).unwrap();
    let cert = made(&["req", "-x509", "-key", &key, "-subj", "/CN=localhost"]);
    fs::write(folder.path().join("cert.pem"), cert).unwrap();
    load(folder.path()).unwrap();

    let request = folder.path().join("request.pem");
    let request = request.to_str().unwrap();
    made(&[
        "req",
        "-new",
        "-key",
        &key,
        "-subj",
        "/CN=localhost",
        "-out",
        request,
    ]);
    let first = made(&["x509", "-req", "-in", request, "-signkey", &key]);
    fs::write(folder.path().join("cert.pem"), first).unwrap();
    let said = load(folder.path()).unwrap_err();
    assert!(
        said.contains("version 1, and version 3 is needed"),
        "{said}"
    );
    drop(authority);
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for (setting, words) in [
        ("client_auth = 'optional'", "without `client_ca`"),
        ("client_crl = 'crl.pem'", "without `client_ca`"),
        ("handshake_timeout = '0s'", "nobody would be served"),
        (
            "certificate = 'x'",
            "unknown key `certificate` in [gateway.tls]",
        ),
        (
            "client_auth = 'maybe'",
            "`client_auth` in [gateway.tls]: expected",
        ),
    ] {
        let (folder, _) = folder(setting);
        let said = load(folder.path()).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn where_everybody_needs_a_certificate_other_addresses_are_served_too() {
    let strangers = "0.0.0.0:1".parse().unwrap();
    let (open, authority) = folder("");
    assert!(load(open.path()).unwrap().may_serve(strangers).is_err());
    for (auth, may) in [("required", true), ("optional", false)] {
        let (folder, _) = folder(&format!("client_ca = 'ca.pem'\nclient_auth = '{auth}'"));
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let config = load(folder.path()).unwrap();
        assert_eq!(config.may_serve(strangers).is_ok(), may, "{auth}");
    }
}

#[tokio::test]
async fn check_tells_of_a_certificate_that_is_over_and_of_tables_that_are_never_used() {
    let (folder, authority) = folder("");
    authority.server_until((2021, 1, 1)).write(folder.path());
    fs::create_dir(folder.path().join("policies")).unwrap();
    let table = "[certificates.sam]\nsubject = 'CN=sam'\n";
    fs::write(folder.path().join("policies/sam.toml"), table).unwrap();

    let output = program(folder.path()).arg("check").output();
    let output = soon("check", output).await.unwrap();

    let (code, out, _) = seen(&output);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("has expired on 2021-01-01"), "{out}");
    assert!(out.contains("[certificates.sam] is never used"), "{out}");
}

#[tokio::test]
async fn an_expired_certificate_does_not_take_the_place_of_a_good_one() {
    let authority = Authority::new();
    let good = authority.server();
    let files = [("cert.pem", &*good.cert), ("key.pem", &*good.key)];
    let gateway = Gateway::with_files(TLS, "", &files).await;

    authority.server_until((2021, 1, 1)).write(gateway.folder());

    let said = gateway.reload().await.unwrap_err();
    assert!(
        said.contains("has expired") && said.contains("it stays"),
        "{said}"
    );
    let client = gateway.secure(authority.believed(&[], None)).at("/livez");
    assert_eq!(client.ask(http::Method::GET, "").await.status, 200);
}

#[tokio::test]
async fn explain_and_tests_know_certificates() {
    let (folder, _) = folder("client_ca = 'ca.pem'");
    fs::write(folder.path().join("ca.pem"), Authority::new().pem()).unwrap();
    let server = "[servers.up]\ncommand = 'mcpgate'\nargs = ['example']\n";
    let config = fs::read_to_string(folder.path().join("servers.toml")).unwrap();
    fs::write(folder.path().join("servers.toml"), config + server).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    let policy = "[certificates.sam]\nsubject = 'CN=sam'\nrole = 'adder'\n\
                  [roles.adder]\nallow = [{ target = 'up/add', when = \"caller.id == 'sam'\" }]\n\
                  [[tests]]\nrole = 'adder'\ncaller = { certificate = 'sam' }\n\
                  target = 'up/add'\nexpect = 'allow'\n";
    fs::write(folder.path().join("policies/sam.toml"), policy).unwrap();
    let run = async |words: &[&str]| {
        let output = program(folder.path()).args(words).output();
        soon("the command", output).await.unwrap()
    };

    let checked = run(&["check"]).await;
    assert!(stdout(&checked).contains("1 of 1 passed"), "{checked:?}");
    let words = ["explain", "--certificate", "sam", "--offline", "--tool"];
    let told = run(&[&words[..], &["up/add"]].concat()).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(stdout(&told).contains("certificate `sam`"), "{told:?}");
    let told = run(&[&words[..], &["up/echo"]].concat()).await;
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let words = [
        "explain",
        "--certificate",
        "sma",
        "--offline",
        "--tool",
        "up/add",
    ];
    let (code, _, err) = seen(&run(&words).await);
    assert!(
        code == Some(2) && err.contains("did you mean `sam`?"),
        "{err}"
    );
}
