//! How long connections rest, and where.

use std::{thread, time::Duration};

use http_body_util::BodyExt;
use tokio::{
    join,
    runtime::Builder,
    sync::oneshot,
    time::{self, Instant},
};

use super::{OK, Pair};

#[tokio::test]
async fn a_connection_rests_for_less_than_the_server_keeps_it() {
    for (seconds, millis, used) in [
        (10, 8900, true),
        (10, 9100, false),
        (1, 400, true),
        (1, 600, false),
        (0, 0, false),
        (3600, 59_900, true),
        (3600, 60_100, false),
    ] {
        let pair = Pair::new().await;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nKeep-Alive: max=5, timeout={seconds}\r\ncontent-length: 2\r\n\r\nok"
        );
        let (read, mut peer) = pair.told(&answer).await;
        read.unwrap();
        time::pause();
        time::advance(Duration::from_millis(millis)).await;
        time::resume();
        assert_eq!(
            pair.comes_back_to(&mut peer).await,
            used,
            "{seconds} {millis}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let pair = Pair::new().await;
    let (read, mut peer) = pair.told(OK).await;
    read.unwrap();
    time::pause();
    let rested = Instant::now();

    // Not bounded: with the clock stopped, any bound passes first.
    assert!(super::is_over(&mut peer.stream).await);

    assert!(rested.elapsed() >= Duration::from_secs(60));
    assert!(rested.elapsed() <= Duration::from_secs(75));
}

#[tokio::test]
async fn a_connection_is_used_only_on_the_runtime_that_opened_it() {
    let pair = Pair::new().await;
    let server = async {
        let mut peer = pair.accept().await;
        peer.answer(OK).await;
        peer
    };
    let (response, mut peer) = join!(pair.send("hello"), server);
    let body = response.ok().unwrap().body;

    let (done, read) = oneshot::channel();
    thread::spawn(move || {
        let other = Builder::new_current_thread().enable_all().build().unwrap();
        let read = other.block_on(body.collect());
        done.send((read, other)).ok().unwrap();
    });
    let (read, other) = read.await.unwrap();

    assert_eq!(read.unwrap().to_bytes(), "ok");
    peer.is_closed().await;
    other.shutdown_background();
}

#[tokio::test]
async fn a_body_may_be_dropped_outside_of_any_runtime() {
    let pair = Pair::new().await;
    let server = async {
        let mut peer = pair.accept().await;
        peer.answer(OK).await;
        peer
    };
    let (response, mut peer) = join!(pair.send("hello"), server);

    let dropped = thread::spawn(move || drop(response.ok().unwrap()));

    dropped.join().unwrap();
    peer.is_closed().await;
}
