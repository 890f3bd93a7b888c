//! A server over HTTPS is believed on the word of whom its table names, and else of whom this
//! machine trusts.

use std::fs;

use tokio::process::Command;

use crate::{
    cli::seen,
    pipe::{program, soon},
    support::{Authority, Gateway, HttpServer, Issued, TLS},
};

/// A server over TLS: a gateway with one tool, `in__echo`.
struct Upstream {
    gateway: Gateway,
    _behind: HttpServer,
}

impl Upstream {
    async fn with(shown: &Issued) -> Self {
        let behind = HttpServer::with_tools(&["echo"]).await;
        let servers = [TLS, &behind.table("in")].concat();
        let files = [("cert.pem", &*shown.cert), ("key.pem", &*shown.key)];
        let gateway = Gateway::with_files(&servers, "", &files).await;
        gateway.settled().await;
        Self {
            gateway,
            _behind: behind,
        }
    }

    fn url(&self, path: &str) -> String {
        let base = self.gateway.url().replace("http:", "https:");
        format!("{base}/{path}")
    }

    /// Its table, and this beside its address.
    fn table(&self, name: &str, more: &str) -> String {
        let url = self.url("mcp");
        format!("[servers.{name}]\nurl = '{url}'\n{more}\n")
    }
}

/// A gateway with these tables, and this in `ca.pem`.
async fn gateway(tables: &str, ca: &str) -> Gateway {
    let gateway = Gateway::with_files(tables, "", &[("ca.pem", ca)]).await;
    gateway.settled().await;
    gateway
}

fn error(gateway: &Gateway, server: &str) -> String {
    let state = gateway.state(server);
    assert_eq!(state.state, "down");
    state.error.unwrap()
}

const CA: &str = "ca = 'ca.pem'";

#[tokio::test]
async fn each_kind_of_link_trusts_whom_the_table_names() {
    let authority = Authority::new();
    let upstream = Upstream::with(&authority.server()).await;
    let (mcp, sse) = (upstream.url("mcp"), upstream.url("sse"));
    let other = mcp.replace("127.0.0.1", "localhost");
    let tables = [
        upstream.table("stateless", CA),
        upstream.table("sessions", &format!("{CA}\nrevision = '2025-06-18'")),
        format!("[servers.legacy]\nurl = '{sse}'\ntransport = 'sse'\n{CA}\n"),
        format!("[servers.both]\nurl = ['{mcp}', '{other}']\n{CA}\n"),
    ];

    let gateway = gateway(&tables.concat(), &authority.pem()).await;

    let client = gateway.session().await;
    for name in ["stateless", "sessions", "legacy", "both"] {
        let state = gateway.state(name);
        assert_eq!(state.state, "up", "{name}: {:?}", state.error);
        let answer = client.call(&format!("{name}__in__echo"), "{}").await;
        let answer = answer.answer();
        assert!(answer["result"].is_object(), "{name}: {answer}");
    }
}

#[tokio::test]
async fn who_is_not_believed_is_told_with_the_key_that_helps() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let upstream = Upstream::with(&theirs.server()).await;
    let tables = [upstream.table("bare", ""), upstream.table("named", CA)];

    let gateway = gateway(&tables.concat(), &ours.pem()).await;

    let said = error(&gateway, "bare");
    let words = "UnknownIssuer: nobody whom this machine trusts has signed it; `ca` in \
                 [servers.bare] names the file";
    assert!(said.contains(words), "{said}");
    let said = error(&gateway, "named");
    let words = "UnknownIssuer: none of the authorities in the file that `ca` in [servers.named] \
                 names has signed it";
    assert!(said.contains(words), "{said}");
}

#[tokio::test]
async fn a_certificate_of_its_own_is_believed_unless_it_is_for_signing_others() {
    let authority = Authority::new();
    let (own, for_others) = (Issued::by_itself(), authority.itself());
    for (shown, words) in [(&own, None), (&for_others, Some("CA:FALSE"))] {
        let upstream = Upstream::with(shown).await;
        let gateway = gateway(&upstream.table("up", CA), &shown.cert).await;
        match words {
            None => assert_eq!(gateway.state("up").state, "up"),
            Some(words) => {
                let said = error(&gateway, "up");
                assert!(said.contains(words), "{said}");
            }
        }
    }
}

#[tokio::test]
async fn what_speaks_plain_http_is_told_so() {
    let plain = HttpServer::with_tools(&["echo"]).await;
    let table = plain.table("up").replace("http:", "https:");

    let gateway = gateway(&table, "").await;

    let said = error(&gateway, "up");
    assert!(
        said.contains("in [servers.up] begins with http://"),
        "{said}"
    );
}

#[tokio::test]
async fn another_content_of_the_file_is_another_server_and_the_same_is_the_same() {
    let (old, new) = (Authority::new(), Authority::new());
    let upstream = Upstream::with(&new.server()).await;
    let gateway = gateway(&upstream.table("up", CA), &old.pem()).await;
    error(&gateway, "up");
    let again = gateway.reload().await.unwrap();
    assert_eq!(again.unchanged, ["up"]);

    gateway.write("ca.pem", &[old.pem(), new.pem()].concat());
    let reloaded = gateway.reload().await.unwrap();
    assert_eq!(reloaded.changed, ["up"]);
    gateway.offers("up").await;
    let half = new.pem().replace("-----END", "");
    gateway.write("ca.pem", &half);
    let said = gateway.reload().await.unwrap_err();
    assert!(
        said.contains("servers.toml:3:6: `ca` in [servers.up]: ") && said.contains("not whole"),
        "{said}"
    );
    assert_eq!(gateway.state("up").state, "up");
}

#[tokio::test]
async fn a_file_that_changes_is_seen() {
    let authority = Authority::new();
    let upstream = Upstream::with(&authority.server()).await;
    let gateway = gateway(&upstream.table("up", CA), &Authority::new().pem()).await;
    error(&gateway, "up");

    gateway.watch();
    gateway.write("ca.pem", &authority.pem());

    gateway.offers("up").await;
}

async fn said(mut command: Command) -> (Option<i32>, String) {
    let (code, out, err) = seen(&soon("the command", command.output()).await.unwrap());
    assert_eq!(err, "");
    (code, out)
}

#[tokio::test]
async fn whom_the_machine_trusts_has_no_say_where_a_table_names_somebody() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let upstream = Upstream::with(&theirs.server()).await;
    let folder = tempfile::tempdir().unwrap();
    let tables = [upstream.table("bare", ""), upstream.table("named", CA)];
    fs::write(folder.path().join("servers.toml"), tables.concat()).unwrap();
    fs::write(folder.path().join("ca.pem"), ours.pem()).unwrap();
    fs::write(folder.path().join("machine.pem"), theirs.pem()).unwrap();

    let mut check = program(folder.path());
    check.arg("check").env("SSL_CERT_FILE", "machine.pem");
    let (code, out) = said(check).await;

    let state = |name: &str| {
        let line = out.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_eq!(state("bare"), "up", "{out}");
    assert_eq!((state("named").as_str(), code), ("down", Some(1)), "{out}");
}

#[tokio::test]
async fn doctor_asks_with_it_and_says_how_to_get_it() {
    let authority = Authority::new();
    let upstream = Upstream::with(&authority.server()).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let doctor = async || {
        let mut doctor = program(folder.path());
        doctor.arg("doctor");
        said(doctor).await
    };
    // As many bundles are.
    write("ca.pem", &format!("# Our company\n{}", authority.pem()));
    write("servers.toml", &upstream.table("up", ""));

    let (code, out) = doctor().await;
    let host = upstream.url("mcp").replace("https://", "");
    let host = host.replace("/mcp", "");
    let fix = format!("openssl s_client -showcerts -connect {host} ");
    assert!(out.contains(&fix) && code == Some(1), "{out}");

    write("servers.toml", &upstream.table("up", CA));
    let (_, out) = doctor().await;
    assert!(out.contains("up answers after "), "{out}");
    assert!(out.contains("as up has it"), "{out}");
    assert!(!out.contains("ca.pem (mode"), "{out}");
}
