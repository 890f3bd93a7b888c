//! What streams through keeps its length, and may not pause for too long.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::{join, time};
use tokio_util::task::TaskTracker;

use super::{Pair, Peer};
use crate::{call::ServerName, forward::passing::Passing};

const LIMIT: Duration = Duration::from_secs(30);

/// The rest of an answer of which `ab` has been looked at, and the server's end.
async fn passing(pair: &Pair, head: &str) -> (Passing, Peer) {
    let server = async {
        let mut peer = pair.accept().await;
        peer.answer(head).await;
        peer
    };
    let (response, peer) = join!(pair.send("hello"), server);
    let name = ServerName::try_from("up".to_owned()).unwrap();
    let read = vec![Bytes::from("a"), Bytes::from("b")];
    let body = response.ok().unwrap().body;
    let under_way = TaskTracker::new().token();
    (Passing::new(read, body, (name, LIMIT), under_way), peer)
}

async fn piece(passing: &mut Passing) -> Bytes {
    let piece = passing.frame().await.unwrap().unwrap();
    piece.into_data().unwrap()
}

#[tokio::test]
async fn what_passes_keeps_its_length() {
    let pair = Pair::new().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
    let (mut passing, mut peer) = passing(&pair, head).await;
    for (left, text) in [(5, "a"), (4, "b")] {
        assert_eq!(passing.size_hint().exact(), Some(left));
        assert_eq!(piece(&mut passing).await, text);
    }
    peer.say("cd").await;
    assert_eq!(piece(&mut passing).await, "cd");
    assert_eq!(passing.size_hint().exact(), Some(1));
    peer.say("e").await;
    assert_eq!(piece(&mut passing).await, "e");
    assert!(passing.frame().await.is_none());
    assert!(pair.comes_back_to(&mut peer).await);
}

#[tokio::test]
async fn what_has_no_length_passes_without_one() {
    let pair = Pair::new().await;
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let (mut passing, mut peer) = passing(&pair, head).await;
    assert_eq!(passing.size_hint().exact(), None);
    peer.say("1\r\nc\r\n0\r\n\r\n").await;
    for text in ["a", "b", "c"] {
        assert_eq!(piece(&mut passing).await, text);
    }
    assert!(passing.frame().await.is_none());
}

#[tokio::test]
async fn each_pause_is_limited_and_not_all_of_them() {
    let pair = Pair::new().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
    let (mut passing, mut peer) = passing(&pair, head).await;
    piece(&mut passing).await;
    piece(&mut passing).await;
    time::pause();
    for text in ["c", "d", "e"] {
        let late = async {
            time::sleep(LIMIT - Duration::from_secs(1)).await;
            peer.stream.try_write(text.as_bytes()).unwrap();
        };
        assert_eq!(join!(piece(&mut passing), late).0, text);
    }

    let error = passing.frame().await.unwrap().unwrap_err().to_string();
    assert!(error.contains("30"), "{error}");
    drop(passing);
    assert!(super::is_over(&mut peer.stream).await);
}

#[tokio::test]
async fn what_breaks_off_says_which_server_it_was() {
    let pair = Pair::new().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nc";
    let (passing, peer) = passing(&pair, head).await;
    drop(peer);
    let error = passing.collect().await.unwrap_err().to_string();
    assert!(error.contains("`up`"), "{error}");
}
