//! Certificates of clients: who has shown one is the caller whom a table names.

use http::{Method, StatusCode};
use mcpgate::observe::metrics::Look;
use rustls::version::{TLS12, TLS13};
use serde_json::json;

use crate::support::{Authority, Client, Gateway, HttpServer, Issued, TLS, key, within};

const ROLES: &str = "[roles.all]\nallow = ['*']\n[roles.little]\nallow = ['up/read']\n";

/// A gateway that asks clients for certificates, and who signs them.
struct Asking {
    _server: HttpServer,
    gateway: Gateway,
    servers: Authority,
    clients: Authority,
}

impl Asking {
    async fn with(tls: &str, policy: &str) -> Self {
        let server = HttpServer::with_tools(&["read", "write"]).await;
        let (servers, clients) = (Authority::new(), Authority::new());
        let config = format!(
            "{TLS}client_ca = 'ca.pem'\n{tls}\n[audit]\nfile = 'audit.jsonl'\n{}",
            server.table("up")
        );
        let issued = servers.server();
        let files = [
            ("cert.pem", issued.cert),
            ("key.pem", issued.key),
            ("ca.pem", clients.pem()),
            ("crl.pem", clients.takes_back(&["nobody"])),
        ];
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, &**text)).collect();
        let gateway = Gateway::with_files(&config, &[policy, ROLES].concat(), &files).await;
        gateway.settled().await;
        Self {
            _server: server,
            gateway,
            servers,
            clients,
        }
    }

    /// A client that shows that, or nothing.
    fn client(&self, shown: Option<&Issued>) -> Client {
        self.gateway.secure(self.servers.believed(&[], shown))
    }

    /// A client that shows a certificate for this common name and these names.
    fn named(&self, common_name: &str, names: &[&str]) -> Client {
        self.client(Some(&self.clients.client(common_name, names)))
    }
}

async fn status(client: &Client) -> StatusCode {
    client.ask(Method::GET, "").await.status
}

/// Nobody has come in: what is not known is refused before its body is read.
async fn is_unknown(client: Client) -> bool {
    let refused = client.request("tools/list", "{}").await;
    refused.status == StatusCode::UNAUTHORIZED
}

const BUILD: &str =
    "[certificates.build]\nsan = 'uri:spiffe://example.org/build/*'\nrole = 'little'\n";
const SAM: &str = "[certificates.sam]\nsubject = 'CN=sam,O=Example'\nrole = 'all'\n";

#[tokio::test]
async fn who_shows_a_certificate_that_a_table_names_is_that_caller_in_its_role() {
    let asking = Asking::with("", &[BUILD, SAM].concat()).await;

    let build = asking.named("x", &["uri:spiffe://example.org/build/7"]);
    let build = build.open().await;
    assert_eq!(build.list("tools").await, ["up__read"]);
    let sam = asking.named("sam", &[]).open().await;
    assert_eq!(sam.list("tools").await, ["up__read", "up__write"]);
    sam.call("up__write", "{}").await;

    // A session belongs to who has opened it.
    let stolen = asking.named("x", &["uri:spiffe://example.org/build/8"]);
    let stolen = stolen.with("mcp-session-id", sam.session());
    let refused = stolen.request("tools/list", "{}").await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);

    drop((build, sam, stolen));
    let lines = asking.gateway.audited().await;
    let line = lines.iter().find(|line| line["tool"] == "write").unwrap();
    assert_eq!(line["caller"], "certificate:sam", "{line}");
    assert_eq!(line["role"], "all", "{line}");
}

#[tokio::test]
async fn both_versions_of_tls_ask_for_certificates() {
    let asking = Asking::with("", SAM).await;
    let sam = asking.clients.client("sam", &[]);
    for version in [&TLS12, &TLS13] {
        let speaks = |shown| asking.servers.believed(&[version], shown);
        let client = asking.gateway.secure(speaks(Some(&sam)));
        assert_eq!(client.open().await.list("tools").await.len(), 2);
        let nobody = asking.gateway.secure(speaks(None));
        assert!(!nobody.fails().await.is_empty());
    }
}

#[tokio::test]
async fn who_shows_none_does_not_get_in_where_one_is_required() {
    let asking = Asking::with("client_auth = 'required'", SAM).await;
    let why = asking.client(None).fails().await;
    assert!(why.contains("CertificateRequired"), "{why}");
}

#[tokio::test]
async fn a_certificate_for_which_nobody_vouches_does_not_get_in_even_where_none_is_needed() {
    let anonymous = "[anonymous]\nrole = 'little'\n";
    let policy = [SAM, anonymous].concat();
    let asking = Asking::with("client_auth = 'optional'", &policy).await;

    let foreign = Authority::new().client("sam", &[]);
    assert!(!asking.client(Some(&foreign)).fails().await.is_empty());
    let old = asking.clients.client_until("sam", &[], (2021, 1, 1));
    assert!(!asking.client(Some(&old)).fails().await.is_empty());

    let nobody = asking.client(None).open().await;
    assert_eq!(nobody.list("tools").await, ["up__read"]);
    let sam = asking.named("sam", &[]).open().await;
    assert_eq!(sam.list("tools").await.len(), 2);
}

#[tokio::test]
async fn a_certificate_that_no_table_names_makes_nobody_anonymous() {
    let anonymous = "[anonymous]\nrole = 'little'\n";
    let policy = [SAM, anonymous].concat();
    let asking = Asking::with("client_auth = 'optional'", &policy).await;
    let eve = asking.named("eve", &[]);
    for _ in 0..30 {
        // Nor is it a guess that locks its address out.
        assert_eq!(status(&eve).await, StatusCode::UNAUTHORIZED);
    }
    assert!(!is_unknown(asking.client(None)).await);
    let counted = asking.gateway.pipeline().metrics.render(&Look::default());
    assert!(
        counted.contains(r#"mcp_auth_failures_total{scheme="certificate",reason="unknown"} 30"#),
        "{counted}"
    );
}

#[tokio::test]
async fn a_key_goes_over_the_certificate_and_each_has_to_be_good() {
    let keys = key("alice", "role = 'little'");
    let asking = Asking::with("", &[&keys, SAM].concat()).await;

    let both = asking.named("sam", &[]).holding("alice").open().await;
    assert_eq!(both.list("tools").await, ["up__read"]);
    assert!(is_unknown(asking.named("sam", &[]).holding("mallory")).await);
    assert!(is_unknown(asking.named("eve", &[]).holding("alice")).await);
}

#[tokio::test]
async fn without_tables_a_certificate_opens_the_connection_and_keys_say_who_it_is() {
    let keys = key("alice", "role = 'little'");
    let asking = Asking::with("", &keys).await;

    let alice = asking.named("device-7", &[]).holding("alice");
    assert_eq!(alice.open().await.list("tools").await, ["up__read"]);
    assert!(is_unknown(asking.named("device-7", &[])).await);
    assert!(
        !asking
            .client(None)
            .holding("alice")
            .fails()
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_table_that_is_switched_off_or_for_another_network_opens_nothing() {
    let off = SAM.to_owned() + "disabled = true\n";
    let elsewhere = BUILD.to_owned() + "from = ['10.0.0.0/8']\n";
    let asking = Asking::with("", &[off, elsewhere].concat()).await;

    assert!(is_unknown(asking.named("sam", &[])).await);
    assert!(is_unknown(asking.named("x", &["uri:spiffe://example.org/build/7"])).await);
}

#[tokio::test]
async fn who_loses_the_table_or_its_authority_is_nobody_on_an_open_connection_too() {
    let asking = Asking::with("client_crl = 'crl.pem'", SAM).await;
    let gateway = &asking.gateway;
    let sam = asking.named("sam", &[]).open().await;
    let write = |name: &str, text: &str| gateway.write(name, text);

    // Another certificate of the gateway's own changes nothing for clients.
    asking.servers.server().write(gateway.folder());
    gateway.reload().await.unwrap();
    assert_eq!(sam.list("tools").await.len(), 2);

    write("crl.pem", &asking.clients.takes_back(&["sam"]));
    gateway.reload().await.unwrap();
    assert!(is_unknown(sam.clone()).await);
    assert!(!asking.named("sam", &[]).fails().await.is_empty());

    write("crl.pem", &asking.clients.takes_back(&["nobody"]));
    gateway.reload().await.unwrap();
    assert_eq!(sam.list("tools").await.len(), 2);
    write("policies/policy.toml", &[BUILD, ROLES].concat());
    gateway.reload().await.unwrap();
    assert!(is_unknown(sam).await);
}

#[tokio::test]
async fn who_holds_a_certificate_may_see_how_the_gateway_is_doing() {
    let asking = Asking::with("client_auth = 'optional'", SAM).await;
    let health = async |client: Client| client.at("/health").ask(Method::GET, "").await;

    let bare = health(asking.client(None)).await;
    assert_eq!(bare.answer(), json!({"status": "ok"}));
    let known = within("health", health(asking.named("sam", &[]))).await;
    assert!(known.answer()["servers"]["up"].is_object());
}
