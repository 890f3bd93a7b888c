//! Who is refused before all of their body has come hears why, however they send it.

use http::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Gateway, within};

/// More than sockets hold.
const LARGE: usize = 24 << 20;

async fn connect(gateway: &Gateway) -> TcpStream {
    let address = gateway.url();
    let address = address.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// What the gateway says until it closes, if the connection is not reset before.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = within("the end of the connection", stream.read_to_end(&mut text)).await;
    read.unwrap();
    String::from_utf8(text).unwrap()
}

fn head(request: &str, headers: &str) -> String {
    format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n"
    )
}

/// The answer to somebody who looks for none before they have sent all, as `requests` does.
async fn sends_all(gateway: &Gateway, request: &str, headers: &str) -> String {
    let mut stream = connect(gateway).await;
    let length = format!("content-length: {LARGE}\r\n{headers}");
    let request = head(request, &length);
    let sends = async {
        stream.write_all(request.as_bytes()).await?;
        stream.write_all(&vec![b'a'; LARGE]).await
    };
    within("all to be sent", sends).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test]
async fn who_sends_all_of_a_large_body_before_reading_hears_why_it_is_refused() {
    let settings = "[gateway]\nmax_message = 1000000";
    let gateway = Gateway::with_keys(settings, &[("alice", "a-key")]).await;
    let key = "x-api-key: a-key\r\n";
    for (request, headers, status, words) in [
        ("POST /mcp", key, 413, "max_message"),
        ("POST /mcp/call-tool", key, 413, "max_message"),
        ("POST /mcp", "", 401, "\"error\""),
        ("POST /mcp/call-tool", "", 401, "\"error\""),
        ("PUT /mcp", key, 405, "allow:"),
        ("POST /nowhere", key, 404, ""),
        ("POST /messages?session_id=x", key, 404, "\"error\""),
        (
            "POST /mcp",
            "origin: https://evil.example\r\n",
            403,
            "allowed_origins",
        ),
    ] {
        let told = sends_all(&gateway, request, headers).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(told.starts_with(&expected), "{request} {headers}: {told}");
        assert!(told.contains(words), "{request}: {told}");
        assert!(told.contains("connection: close"), "{request}: {told}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_size_that_grows_too_large_is_refused_as_legibly() {
    let gateway = Gateway::start("[gateway]\nmax_message = 1000000").await;
    let mut stream = connect(&gateway).await;
    let sends = async {
        let request = head("POST /mcp", "transfer-encoding: chunked\r\n");
        stream.write_all(request.as_bytes()).await?;
        let piece = format!("{:x}\r\n{}\r\n", 1 << 20, "a".repeat(1 << 20));
        for _ in 0..24 {
            stream.write_all(piece.as_bytes()).await?;
        }
        stream.write_all(b"0\r\n\r\n").await
    };
    within("all to be sent", sends).await.unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 413 "), "{told}");
    assert!(told.contains("max_message"), "{told}");
}

#[tokio::test]
async fn who_asks_first_whether_a_large_body_is_welcome_need_not_send_it() {
    let gateway = Gateway::start("[gateway]\nmax_message = 1000000").await;
    let mut stream = connect(&gateway).await;
    let asks = format!("expect: 100-continue\r\ncontent-length: {LARGE}\r\n");
    let request = head("POST /mcp", &asks);
    stream.write_all(request.as_bytes()).await.unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 413 "), "{told}");
}

#[tokio::test]
async fn a_small_body_that_comes_after_its_refusal_does_not_hide_it() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key")]).await;
    let mut stream = connect(&gateway).await;
    let request = head("POST /mcp", "content-length: 2000\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The refusal is there, and not read yet.
    within("the refusal", stream.readable()).await.unwrap();
    for _ in 0..2 {
        stream.write_all(&[b'a'; 1000]).await.unwrap();
    }
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 401 "), "{told}");
}

#[tokio::test]
async fn a_refusal_of_a_small_body_that_has_come_does_not_cost_the_connection() {
    let gateway = Gateway::with_keys("", &[("alice", "a-key")]).await;
    let mut stream = connect(&gateway).await;
    for connection in ["", "connection: close\r\n"] {
        let headers = format!("content-length: 2\r\n{connection}");
        let request = head("POST /mcp", &headers) + "{}";
        stream.write_all(request.as_bytes()).await.unwrap();
        within("an answer", stream.readable()).await.unwrap();
    }
    let told = rest(&mut stream).await;
    assert_eq!(told.matches("HTTP/1.1 401 ").count(), 2, "{told}");
}

#[tokio::test]
async fn a_head_that_is_none_is_answered_legibly() {
    let gateway = Gateway::start("").await;
    let mut stream = connect(&gateway).await;
    let large = head("GET /mcp", &format!("x-large: {}\r\n", "a".repeat(4 << 20)));
    within("all to be sent", stream.write_all(large.as_bytes()))
        .await
        .unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 431 "), "{told}");
}

#[tokio::test]
async fn who_finds_no_room_hears_so_though_they_send_a_body() {
    let gateway = Gateway::start("[gateway]\nmax_connections = 1").await;
    let client = gateway.session().await;
    let _events = client.listen().await;
    let told = sends_all(&gateway, "POST /mcp", "").await;
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    assert!(told.contains("Server at capacity"), "{told}");
}

#[tokio::test]
async fn who_was_refused_and_stays_goes_for_a_newcomer() {
    let settings = "[gateway]\nmax_connections = 1\nmax_message = 1000000";
    let gateway = Gateway::start(settings).await;
    let mut stays = connect(&gateway).await;
    let request = head("POST /mcp", &format!("content-length: {LARGE}\r\n"));
    stays.write_all(request.as_bytes()).await.unwrap();
    assert!(rest(&mut stays).await.starts_with("HTTP/1.1 413 "));
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    tokio::time::resume();

    let newcomer = gateway.client().at("/livez").ask(Method::GET, "").await;

    assert_eq!(newcomer.status, 200);
    drop(stays);
}
