//! HTTPS, spoken by the gateway itself.

use http::{Method, StatusCode};
use mcpgate::{authenticate::hash_of, observe::metrics::Look};
use rustls::{
    ClientConfig,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Authority, Client, Gateway, HttpServer, Issued, TLS, within};

/// A gateway with that certificate and these settings in `[gateway]` and `[gateway.tls]`, and a
/// server behind it.
async fn serving(issued: &Issued, settings: &str, tls: &str) -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["echo"]).await;
    let servers = format!("[gateway]\n{settings}\n{TLS}{tls}\n{}", server.table("up"));
    let files = [("cert.pem", &*issued.cert), ("key.pem", &*issued.key)];
    let gateway = Gateway::with_files(&servers, "", &files).await;
    gateway.settled().await;
    (server, gateway)
}

/// A connection without TLS.
async fn tcp(gateway: &Gateway) -> TcpStream {
    let address = gateway.url().replace("http://", "");
    TcpStream::connect(address).await.unwrap()
}

async fn handshake(
    gateway: &Gateway,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let connecting = TlsConnector::from(std::sync::Arc::new(config));
    within("a handshake", connecting.connect(name, tcp(gateway).await)).await
}

async fn page(client: Client, path: &str) -> String {
    let reply = client.at(path).ask(Method::GET, "").await;
    reply.text().to_owned()
}

/// Whether the numbers have that line, once they have.
async fn counts(gateway: &Gateway, line: &str) {
    let counted = async {
        while !gateway
            .pipeline()
            .metrics
            .render(&Look::default())
            .contains(line)
        {
            tokio::task::yield_now().await;
        }
    };
    within(line, counted).await;
}

#[tokio::test]
async fn calls_go_over_either_version_of_tls() {
    let authority = Authority::new();
    let (_server, gateway) = serving(&authority.server(), "", "").await;

    for version in [&TLS12, &TLS13] {
        let client = gateway.secure(authority.believed(&[version], None));
        let client = client.open().await;
        assert_eq!(client.list("tools").await, ["up__echo"]);
        let reply = client.call("up__echo", r#"{"a":1}"#).await;
        assert_eq!(reply.status, StatusCode::OK);
    }
    counts(&gateway, r#"mcp_tls_handshakes_total{outcome="ok"} 2"#).await;
}

#[tokio::test]
async fn large_answers_arrive_whole() {
    let authority = Authority::new();
    let (server, gateway) = serving(&authority.server(), "", "").await;
    let large = "x".repeat(3 * 1024 * 1024);
    let content = format!(r#"{{"content":[{{"type":"text","text":"{large}"}}]}}"#);
    server.on("tools/call", move |heard| {
        crate::support::Answer::result(heard, &content)
    });

    let client = gateway.secure(authority.believed(&[], None)).open().await;
    let reply = client.call("up__echo", "{}").await;

    assert!(reply.answer()["result"]["content"][0]["text"] == *large);
}

#[tokio::test]
async fn http_1_is_agreed_on_and_http_2_never() {
    let authority = Authority::new();
    let (_server, gateway) = serving(&authority.server(), "", "").await;
    let offering = |protocols: &[&str]| {
        let mut config = authority.believed(&[], None);
        let protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec());
        config.alpn_protocols = protocols.collect();
        handshake(&gateway, config)
    };

    let both = offering(&["h2", "http/1.1"]).await.unwrap();
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(offering(&["h2"]).await.is_err());
    counts(&gateway, r#"outcome="incompatible"} 1"#).await;
}

#[tokio::test]
async fn who_does_not_believe_the_certificate_sends_nothing_and_others_are_served() {
    let authority = Authority::new();
    let (_server, gateway) = serving(&authority.server(), "", "").await;

    let stranger = gateway.secure(Authority::new().believed(&[], None));
    assert!(stranger.fails().await.contains("UnknownIssuer"));

    counts(&gateway, r#"outcome="own_certificate"} 1"#).await;
    let client = gateway.secure(authority.believed(&[], None)).open().await;
    assert_eq!(client.list("tools").await, ["up__echo"]);
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_that_https_is_spoken() {
    let authority = Authority::new();
    let (_server, gateway) = serving(&authority.server(), "", "").await;

    let reply = gateway.client().request("ping", "{}").await;

    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.text().contains("https://"), "{}", reply.text());
    assert_eq!(reply.header("connection"), "close");
    counts(&gateway, r#"outcome="plain"} 1"#).await;
}

#[tokio::test]
async fn who_never_ends_the_handshake_is_cut_off_and_its_place_is_another_s() {
    let authority = Authority::new();
    let (settings, tls) = ("max_connections = 1", "handshake_timeout = '200ms'");
    let (_server, gateway) = serving(&authority.server(), settings, tls).await;

    for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut slow = tcp(&gateway).await;
        slow.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        drop(within("its end", slow.read_to_end(&mut rest)).await);
    }

    counts(&gateway, r#"outcome="timeout"} 2"#).await;
    let client = gateway.secure(authority.believed(&[], None));
    assert!(page(client, "/livez").await.contains("alive"));
}

#[tokio::test]
async fn where_there_is_no_room_it_is_said_over_tls() {
    let authority = Authority::new();
    let settings = "max_connections = 1";
    let (_server, gateway) = serving(&authority.server(), settings, "").await;
    let held = handshake(&gateway, authority.believed(&[], None)).await;
    counts(&gateway, r#"outcome="ok"} 1"#).await;

    let client = gateway.secure(authority.believed(&[], None));
    let refused = client.at("/health").ask(Method::GET, "").await;

    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().contains("Server at capacity"));
    drop(held);
}

#[tokio::test]
async fn what_says_where_the_gateway_is_says_https() {
    let authority = Authority::new();
    let issued = authority.server();
    let secret = "a secret of the tests, 32 bytes or more";
    let policy = format!(
        "[tokens.corp]\nissuer = 'https://idp.example.com/'\naudience = ['gate']\n\
         secret = '{secret}'\n"
    );
    let files = [("cert.pem", &*issued.cert), ("key.pem", &*issued.key)];
    let gateway = Gateway::with_files(TLS, &policy, &files).await;
    let client = gateway.secure(authority.believed(&[], None));

    let told = page(client, "/.well-known/oauth-protected-resource/mcp").await;

    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["resource"], format!("{}/mcp", gateway.secure_url()));
}

#[tokio::test]
async fn until_when_the_certificate_is_valid_is_shown() {
    let authority = Authority::new();
    let (_server, gateway) = serving(&authority.server(), "", "").await;
    let client = || gateway.secure(authority.believed(&[], None));

    let health: Value = serde_json::from_str(&page(client(), "/health").await).unwrap();
    let shown = &health["certificate"];
    assert_eq!(shown["expires"], "2100-01-01T00:00:00Z", "{health}");
    assert!(shown["days_left"].as_i64().unwrap() > 20_000, "{shown}");
    assert!(shown["names"].as_str().unwrap().contains("dns:localhost"));

    let metrics = page(client(), "/metrics").await;
    let line = "mcp_certificate_expiry_timestamp_seconds 4102444800";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn without_tls_there_is_no_word_of_it() {
    let policy = format!("[keys.sam]\nhash = \"{}\"\n", hash_of("key"));
    let gateway = Gateway::with_policy("", &policy).await;
    let client = || gateway.client().with("x-api-key", "key");

    for path in ["/health", "/metrics"] {
        let page = page(client(), path).await;
        assert!(
            !page.contains("certificate") && !page.contains("tls"),
            "{page}"
        );
    }
}
