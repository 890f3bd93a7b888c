//! Requests: how they are written, and what if nobody reads them.

use std::future::poll_fn;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method as Verb, header};
use tokio::{join, select};

use super::{
    super::{Request, head},
    OK, Pair, whole, within,
};

/// More than two sockets hold.
const HUGE: usize = 32 * 1024 * 1024;

fn written(verb: &Verb, uri: &str, headers: &HeaderMap, body: &'static str) -> String {
    let mut out = Vec::new();
    let request = Request {
        verb,
        uri: &uri.parse().unwrap(),
        headers,
        body: &body.into(),
    };
    head::write(&mut out, request);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_request_names_its_target_and_its_host() {
    for (uri, target, host) in [
        ("http://one.lan/mcp?key=a%20b", "/mcp?key=a%20b", "one.lan"),
        ("http://one.lan", "/", "one.lan"),
        ("http://one.lan?key=a", "/?key=a", "one.lan"),
        ("http://one.lan:80/", "/", "one.lan"),
        ("http://one.lan:443/", "/", "one.lan:443"),
        ("https://one.lan:443/", "/", "one.lan"),
        ("https://one.lan:80/", "/", "one.lan:80"),
        ("http://[::1]/", "/", "[::1]"),
        ("http://[::1]:8080/", "/", "[::1]:8080"),
        ("http://user:pass@one.lan:81/", "/", "one.lan:81"),
    ] {
        let text = written(&Verb::GET, uri, &HeaderMap::new(), "");
        assert_eq!(
            text,
            format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n")
        );
    }
}

#[test]
fn how_a_request_is_framed_is_said_once() {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("7"));
    headers.insert(
        header::TRANSFER_ENCODING,
        HeaderValue::from_static("chunked"),
    );
    headers.insert(header::HOST, HeaderValue::from_static("two.lan"));
    let start = "POST / HTTP/1.1\r\nhost: two.lan\r\ncontent-length: ";
    for (body, end) in [("", "0\r\n\r\n"), ("hello", "5\r\n\r\n")] {
        let text = written(&Verb::POST, "http://one.lan", &headers, body);
        assert_eq!(text, format!("{start}{end}"));
    }
}

#[tokio::test]
async fn a_large_body_arrives_whole_both_ways() {
    let sent: Bytes = (0..1024 * 1024).map(|place| (place % 251) as u8).collect();
    for chunked in [false, true] {
        let pair = Pair::new().await;
        let server = async {
            let mut peer = pair.accept().await;
            let (_, body) = within("a request", peer.hear()).await;
            if chunked {
                peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                    .await;
                for piece in body.chunks(100_000) {
                    peer.say(format!("{:x}\r\n", piece.len())).await;
                    peer.say(piece).await;
                    peer.say("\r\n").await;
                }
                peer.say("0\r\n\r\n").await;
            } else {
                let length = body.len();
                peer.say(format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
                ))
                .await;
                peer.say(body).await;
            }
            peer
        };
        let ask = async { whole(pair.send(sent.clone()).await.ok().unwrap().body).await };
        let (read, mut peer) = join!(ask, server);
        assert!(read.unwrap() == sent, "not what was sent");
        assert!(pair.comes_back_to(&mut peer).await);
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_has_left_is_read_and_its_connection_closed() {
    let pair = Pair::new().await;
    let server = async {
        let mut peer = pair.accept().await;
        peer.say("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno")
            .await;
        peer
    };
    let (response, mut peer) = join!(pair.send(vec![b' '; HUGE]), server);
    let response = response.ok().unwrap();
    assert_eq!(response.status, 413);
    assert_eq!(whole(response.body).await.unwrap(), "no");
    peer.is_closed().await;
    assert!(!pair.comes_back_to(&mut peer).await);
}

#[tokio::test]
async fn an_interim_answer_does_not_stop_a_request_that_is_leaving() {
    let pair = Pair::new().await;
    let server = async {
        let mut peer = pair.accept().await;
        peer.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n")
            .await;
        peer.say("\r\n").await;
        let (_, body) = within("a request", peer.hear()).await;
        peer.say(OK).await;
        (peer, body.len())
    };
    let (response, (mut peer, length)) = join!(pair.send(vec![b' '; HUGE]), server);
    assert_eq!(whole(response.ok().unwrap().body).await.unwrap(), "ok");
    assert_eq!(length, HUGE);
    assert!(pair.comes_back_to(&mut peer).await);
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_connection_with_it() {
    for length in [5, HUGE] {
        let pair = Pair::new().await;
        let (read, mut peer) = pair.told(OK).await;
        read.unwrap();
        // A server that reads, if at all, the beginning.
        let arrived = poll_fn(|cx| peer.stream.poll_read_ready(cx));
        select! {
            _ = pair.send(vec![b' '; length]) => panic!("nobody has answered"),
            _ = within("a request", arrived) => {}
        }
        peer.is_closed().await;
        assert!(!pair.comes_back_to(&mut peer).await, "{length}");
    }
}

#[tokio::test]
async fn a_request_is_not_repeated_once_the_server_may_have_seen_it() {
    let pair = Pair::new().await;
    let (read, mut peer) = pair.told(OK).await;
    read.unwrap();
    let server = async {
        within("a request", peer.hears()).await;
        drop(peer);
    };
    let (read, ()) = join!(pair.ask(), server);
    let error = read.unwrap_err().to_string();
    assert!(error.contains("instead of answering"), "{error}");
}
