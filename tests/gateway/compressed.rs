//! Lists are sent compressed to those who can read that, and to nobody else.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use http::Method;

use crate::support::{
    Client, Gateway, HttpServer, Modern, Reply, SseClient, initialize, notification, request,
};

/// So many that the list is worth it; and so many that it is not copied either.
const SIZES: [usize; 2] = [50, 500];

async fn offering(count: usize) -> (HttpServer, Gateway) {
    let names: Vec<String> = (0..count).map(|number| format!("tool_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = HttpServer::with_tools(&names).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    (server, gateway)
}

fn gzip(client: &Client) -> Client {
    client.clone().with("accept-encoding", "gzip, deflate")
}

/// What a client makes of a compressed answer that reads one member, as zlib does.
fn unpacked(reply: &Reply) -> Vec<u8> {
    assert_eq!(reply.header("content-encoding"), "gzip");
    assert_eq!(reply.header("vary"), "Accept-Encoding");
    let length = reply.body.len().to_string();
    assert_eq!(reply.header("content-length"), length);
    let (mut decoder, mut out) = (GzDecoder::new(&reply.body[..]), Vec::new());
    decoder.read_to_end(&mut out).unwrap();
    assert!(decoder.into_inner().is_empty(), "there is more than one");
    out
}

/// An answer as it is.
fn plain(reply: &Reply) -> &Bytes {
    assert!(!reply.headers.contains_key("content-encoding"));
    assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    &reply.body
}

#[tokio::test]
async fn a_compressed_list_is_the_same_list_under_each_id() {
    let long = format!("\"{}\"", "i".repeat(70_000));
    for count in SIZES {
        let (_server, gateway) = offering(count).await;
        let client = gateway.session().await;
        let gzip = gzip(&client);
        for id in ["1", "2", r#""a\"b""#, "1e300", &long] {
            let asked = request(id, "tools/list", "{}");
            let as_it_is = client.post(asked.clone()).await;
            let packed = gzip.post(asked).await;

            assert_eq!(as_it_is.header("vary"), "Accept-Encoding");
            assert!(unpacked(&packed) == *plain(&as_it_is), "{count}");
            assert_eq!(packed.header("content-type"), "application/json");
            assert!(packed.body.len() - id.len() < (plain(&as_it_is).len() - id.len()) / 4);
        }
    }
}

#[tokio::test]
async fn a_list_is_compressed_in_every_era_and_over_plain_http() {
    let (_server, gateway) = offering(50).await;
    let modern = Modern::new(gateway.client());
    let plainly = gateway.client().at("/mcp/tools");

    let as_it_is = modern.ask("1", "tools/list", "{}").await;
    let gzipped = modern.with("accept-encoding", "gzip");
    let packed = gzipped.ask("1", "tools/list", "{}").await;
    assert!(unpacked(&packed) == *plain(&as_it_is));

    let as_it_is = plainly.ask(Method::GET, "").await;
    let packed = gzip(&plainly).ask(Method::GET, "").await;
    assert_eq!(as_it_is.header("vary"), "Accept-Encoding");
    assert!(plain(&as_it_is).starts_with(br#"{"tools":["#));
    assert!(unpacked(&packed) == *plain(&as_it_is));
}

#[tokio::test]
async fn who_does_not_take_gzip_or_would_rather_not_has_the_list_as_it_is() {
    let (_server, gateway) = offering(50).await;
    let client = gateway.session().await;
    for accepted in ["identity", "br", "gzip;q=0", "gzip;q=0.4, identity;q=0.5"] {
        let client = client.clone().with("accept-encoding", accepted);
        let listed = client.request("tools/list", "{}").await;
        assert_eq!(listed.header("vary"), "Accept-Encoding", "{accepted}");
        assert!(plain(&listed).starts_with(b"{"), "{accepted}");
    }
}

#[tokio::test]
async fn what_is_small_or_is_no_list_is_never_compressed() {
    let (_server, gateway) = offering(5).await;
    let client = gzip(&gateway.session().await);
    let argument = format!(r#"{{"x":"{}"}}"#, "x".repeat(20_000));
    for reply in [
        client.request("tools/list", "{}").await,
        client.request("prompts/list", "{}").await,
        client.request("ping", "{}").await,
        client.call("up__tool_1", &argument).await,
    ] {
        assert!(plain(&reply).starts_with(b"{"));
        assert!(!reply.headers.contains_key("vary"));
    }
}

#[tokio::test]
async fn nothing_in_a_stream_of_events_is_compressed() {
    let (_server, gateway) = offering(50).await;
    let as_it_is = gateway.session().await.request("tools/list", "{}").await;
    let mut client = SseClient::of(gzip(&gateway.client())).await;
    assert!(!client.headers.contains_key("content-encoding"));

    client.say(&initialize("2024-11-05")).await;
    client.answer("0").await;
    let listed = client.ask("1", "tools/list", "{}").await;

    assert_eq!(listed, as_it_is.text());
}

#[tokio::test]
async fn a_list_that_has_changed_is_compressed_anew() {
    let (server, gateway) = offering(50).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    let gzip = gzip(&client);
    let before = gzip.request("tools/list", "{}").await;

    let names: Vec<String> = (0..60).map(|number| format!("other_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    server.offer_tools(&names);
    let word = notification("notifications/tools/list_changed", "{}");
    server.push_own(&word).await;
    stream.data().await;

    let as_it_is = client.request("tools/list", "{}").await;
    let packed = gzip.request("tools/list", "{}").await;
    assert!(as_it_is.text().contains("up__other_59"));
    assert!(unpacked(&packed) == *plain(&as_it_is));
    assert!(unpacked(&packed) != unpacked(&before));
}

#[tokio::test]
async fn caches_that_tell_origins_apart_tell_encodings_apart_too() {
    let (server, _) = offering(50).await;
    let cors = "[gateway]\ncors_origins = [\"https://chat.lan\"]\n";
    let gateway = Gateway::start(&format!("{cors}{}", server.table("up"))).await;
    gateway.settled().await;
    let client = gzip(&gateway.client()).with("origin", "https://chat.lan");

    let listed = client.at("/mcp/tools").ask(Method::GET, "").await;

    let varies: Vec<_> = listed.headers.get_all("vary").iter().collect();
    assert_eq!(varies, ["Accept-Encoding", "Origin"]);
    assert_eq!(listed.header("content-encoding"), "gzip");
}
