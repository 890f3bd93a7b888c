//! Those who take more than their part: of connections, of time, of memory.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task,
    time::{self, Instant, timeout},
};

use crate::support::{Answer, Client, Gateway, Heard, HttpServer, call, notification, within};

/// A connection that says this.
async fn says(gateway: &Gateway, text: &str) -> TcpStream {
    let url = gateway.url();
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

fn head(method: &str, more: &str) -> String {
    format!("{method} /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{more}")
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = within("the end of the connection", stream.read_to_end(&mut text)).await;
    drop(read); // a connection that was cut may be reset
    String::from_utf8_lossy(&text).into_owned()
}

/// So many connections are open. Nobody is told of that, so it is looked for.
async fn connected(gateway: &Gateway, count: u64) {
    let connected = async {
        while gateway.pipeline().metrics.connections() != count {
            tokio::task::yield_now().await;
        }
    };
    within("the connections", connected).await;
}

#[tokio::test]
async fn one_address_has_no_more_connections_than_it_may_and_is_told_so() {
    let settings = "[gateway]\nmax_connections = 10\nmax_connections_per_address = 2";
    let gateway = Gateway::start(settings).await;
    let (one, two) = (gateway.session().await, gateway.session().await);
    let streams = (one.listen().await, two.listen().await);

    let refused = gateway.client().ask(Method::GET, "").await;

    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "1");
    let words = r#"{"error":"Too many connections from this address"}"#;
    assert_eq!(refused.text(), words);
    drop((streams, one, two));
    connected(&gateway, 0).await;
    gateway.session().await;
}

#[tokio::test]
async fn unless_it_is_said_this_machine_may_have_all_connections() {
    let gateway = Gateway::start("[gateway]\nmax_connections = 3").await;
    let clients = [
        gateway.session().await,
        gateway.session().await,
        gateway.session().await,
    ];
    for client in &clients {
        assert!(client.request("ping", "{}").await.answer()["result"].is_object());
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_goes_for_a_newcomer_and_one_that_streams_does_not() {
    let gateway = Gateway::start("[gateway]\nmax_connections = 2").await;
    let streaming = gateway.session().await;
    let mut events = streaming.listen().await;
    let _idle = gateway.session().await;
    connected(&gateway, 2).await;
    time::pause();
    time::advance(Duration::from_secs(2)).await;
    time::resume();

    let newcomer = gateway.session().await;

    let news = notification("notifications/message", r#"{"level":"info","data":1}"#);
    let session = gateway.pipeline().sessions.all();
    session
        .iter()
        .for_each(|session| session.outbox.push(news.clone().into()));
    assert_eq!(events.data().await, news);
    let refused = gateway.client().ask(Method::GET, "").await;
    assert_eq!(refused.text(), r#"{"error":"Server at capacity"}"#);
    drop(newcomer);
}

/// So many bytes of large bodies are in memory. Nobody is told of that, so it is looked for.
async fn buffered(gateway: &Gateway, bytes: usize) {
    let buffered = async {
        while gateway.pipeline().metrics.buffered.load(Relaxed) != bytes {
            tokio::task::yield_now().await;
        }
    };
    within("the bodies", buffered).await;
}

/// A gateway in front of a server whose tool answers with 32 MiB, more than sockets hold.
async fn with_large_answers(settings: &str) -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["big"]).await;
    server.on("tools/call", |heard: &Heard| {
        let text = "a".repeat(32 << 20);
        Answer::json(heard.result(&format!(r#"{{"text":"{text}"}}"#)))
    });
    let gateway = Gateway::start(&format!("[gateway]\n{settings}\n{}", server.table("up"))).await;
    gateway.settled().await;
    (server, gateway)
}

async fn calls(gateway: &Gateway, client: &Client, tool: &str) -> TcpStream {
    let body = call("1", tool, "{}");
    let more = format!(
        "accept: application/json, text/event-stream\r\nmcp-session-id: {}\r\ncontent-length: {}\r\n\r\n{body}",
        client.session(),
        body.len()
    );
    says(gateway, &head("POST", &more)).await
}

#[tokio::test]
async fn who_does_not_read_an_answer_is_cut_off_and_everything_is_given_back() {
    let (server, gateway) = with_large_answers("write_timeout = \"100ms\"").await;
    let client = gateway.session().await;
    let stream = calls(&gateway, &client, "up__big").await;
    server.hears("tools/call").await;

    connected(&gateway, 1).await; // that of `client`
    let given_back = async {
        while gateway.state("up").in_flight > 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the place at the server", given_back).await;
    assert!(rest(stream).await.len() < 32 << 20);
}

#[tokio::test]
async fn who_does_not_read_a_stream_of_events_is_cut_off_too() {
    let gateway = Gateway::start("[gateway]\nwrite_timeout = \"100ms\"").await;
    let client = gateway.session().await;
    let more = format!(
        "accept: text/event-stream\r\nmcp-session-id: {}\r\n\r\n",
        client.session()
    );
    let _stream = says(&gateway, &head("GET", &more)).await;
    connected(&gateway, 2).await;
    let sessions = gateway.pipeline().sessions.all();
    let news = notification(
        "notifications/message",
        &format!(r#"{{"level":"info","data":"{}"}}"#, "a".repeat(256 << 10)),
    );
    let news = Bytes::from(news);
    let cut = async {
        while gateway.pipeline().metrics.connections() == 2 {
            // The ring keeps the last of them, and no more.
            sessions[0].outbox.push(news.clone());
            task::yield_now().await;
        }
    };
    within("the end of the connection", cut).await;
}

/// Sends a byte each 5 s, as long as it is let; gives what it is told, and after how long.
async fn drips(mut stream: TcpStream) -> (String, Duration) {
    time::pause();
    let (begun, mut text) = (Instant::now(), Vec::new());
    loop {
        let read = timeout(Duration::from_secs(5), stream.read_buf(&mut text)).await;
        match read {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => {}
            Err(_still_open) => drop(stream.write_all(b"a").await),
        }
    }
    let elapsed = begun.elapsed();
    time::resume();
    (String::from_utf8(text).unwrap(), elapsed)
}

#[tokio::test]
async fn a_head_that_drips_has_30_seconds() {
    let gateway = Gateway::start("").await;
    let stream = says(&gateway, &head("POST", "x-slow: ")).await;
    let (_, elapsed) = drips(stream).await;
    assert!((29..=31).contains(&elapsed.as_secs()), "{elapsed:?}");
}

#[tokio::test]
async fn a_body_that_drips_has_60_seconds_however_large_it_is() {
    for size in [100, 100_000] {
        let gateway = Gateway::start("").await;
        let length = format!("content-length: {size}\r\nconnection: close\r\n\r\n");
        let stream = says(&gateway, &head("POST", &length)).await;
        let (told, elapsed) = drips(stream).await;
        assert!((59..=61).contains(&elapsed.as_secs()), "{elapsed:?}");
        assert!(told.contains("the body does not arrive"), "{told}");
    }
}

#[tokio::test]
async fn a_head_of_more_than_64_kib_is_refused() {
    let gateway = Gateway::start("").await;
    let large = format!("x-large: {}\r\n\r\n", "a".repeat(64 << 10));
    let told = rest(says(&gateway, &head("GET", &large)).await).await;
    assert!(told.starts_with("HTTP/1.1 431"), "{told}");
}

#[tokio::test]
async fn two_hundred_large_bodies_take_no_more_memory_than_they_may() {
    let settings = "[gateway]\nmax_message = 1000000\nmax_buffered = 2000000";
    let gateway = Gateway::start(settings).await;
    // All but the last byte of each: who is not refused waits.
    let body = "a".repeat(199_999);
    let post = head("POST", &format!("content-length: 200000\r\n\r\n{body}"));
    let mut waiting = Vec::new();
    for _ in 0..10 {
        waiting.push(says(&gateway, &post).await);
    }
    buffered(&gateway, 10 * 199_999).await;
    for _ in 10..200 {
        let told = rest(says(&gateway, &post).await).await.to_lowercase();
        assert!(told.starts_with("http/1.1 503"), "{told}");
        assert!(
            told.contains("retry-after: 1") && told.contains("max_buffered"),
            "{told}"
        );
    }
    buffered(&gateway, 10 * 199_999).await;
    let page = gateway.client().at("/metrics").ask(Method::GET, "").await;
    assert!(page.text().contains("\nmcp_buffered_bytes 1999990\n"));
    assert!(gateway.session().await.request("ping", "{}").await.answer()["result"].is_object());

    drop(waiting);
    buffered(&gateway, 0).await;
    for (size, status) in [(1_000_000, 400), (1_000_001, 413)] {
        let reply = gateway.client().post("a".repeat(size)).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
}
