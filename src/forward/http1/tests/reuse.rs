//! When a connection is used again, and when it must not be.

use http_body_util::BodyExt;
use tokio::{join, task::coop};

use super::{OK, Pair, noticed, whole};

#[tokio::test]
async fn a_connection_is_used_again_once_an_answer_was_read_to_its_end() {
    for answer in [
        OK,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nx: y\r\n\r\n",
        "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
        "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nconnection: upgrade, keep-alive\r\ncontent-length: 2\r\n\r\nok",
    ] {
        let pair = Pair::new().await;
        let (read, mut peer) = pair.told(answer).await;
        read.unwrap();
        assert!(pair.comes_back_to(&mut peer).await, "{answer}");
        assert!(pair.comes_back_to(&mut peer).await, "{answer}");
    }
}

#[tokio::test]
async fn a_connection_is_not_used_again_where_its_next_answer_could_be_another() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nconnection: keep-alive, Close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let pair = Pair::new().await;
        let (read, mut peer) = pair.told(answer).await;
        read.unwrap();
        assert!(!pair.comes_back_to(&mut peer).await, "{answer}");
        peer.is_closed().await;
    }
}

#[tokio::test]
async fn what_a_server_says_unasked_answers_nobody() {
    let pair = Pair::new().await;
    let (read, mut peer) = pair.told(OK).await;
    read.unwrap();

    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno")
        .await;
    noticed().await;

    assert!(!pair.comes_back_to(&mut peer).await);
    peer.is_closed().await;
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_rested_is_replaced_unnoticed() {
    let pair = Pair::new().await;
    let (read, peer) = pair.told(OK).await;
    read.unwrap();

    drop(peer);
    noticed().await;

    let (read, _peer) = pair.told(OK).await;
    assert_eq!(read.unwrap(), "ok");
}

#[tokio::test]
async fn a_closed_connection_is_seen_by_a_task_that_has_spent_its_budget_too() {
    let pair = Pair::new().await;
    let (read, peer) = pair.told(OK).await;
    read.unwrap();
    drop(peer);
    noticed().await;

    let ask = async {
        while coop::has_budget_remaining() {
            coop::consume_budget().await;
        }
        pair.ask().await
    };
    let server = async { pair.accept().await.answer(OK).await };
    assert_eq!(join!(ask, server).0.unwrap(), "ok");
}

#[tokio::test]
async fn an_answer_that_is_dropped_before_its_end_closes_its_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
        "HTTP/1.1 200 OK\r\n\r\nok",
    ] {
        let pair = Pair::new().await;
        let server = async {
            let mut peer = pair.accept().await;
            peer.answer(answer).await;
            peer
        };
        let (response, mut peer) = join!(pair.send("hello"), server);
        let mut body = response.ok().unwrap().body;
        body.frame().await.unwrap().unwrap();
        drop(body);
        peer.is_closed().await;
        assert!(!pair.comes_back_to(&mut peer).await, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_leaves_its_connection_free_if_all_of_it_is_there() {
    for answer in [
        OK,
        "HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n",
    ] {
        let pair = Pair::new().await;
        let server = async {
            let mut peer = pair.accept().await;
            peer.answer(answer).await;
            peer
        };
        let (response, mut peer) = join!(pair.send("hello"), server);
        drop(response.ok().unwrap());
        assert!(pair.comes_back_to(&mut peer).await, "{answer}");
    }
}

#[tokio::test]
async fn calls_at_once_have_a_connection_each() {
    let pair = Pair::new().await;
    let server = async {
        let (mut one, mut two) = (pair.accept().await, pair.accept().await);
        let ((_, first), (_, second)) = (one.hear().await, two.hear().await);
        // The last one first.
        for (peer, body) in [(&mut two, second), (&mut one, first)] {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            peer.say(head).await;
            peer.say(body).await;
        }
        (one, two)
    };
    let ask = async |body: &'static str| whole(pair.send(body).await.ok().unwrap().body).await;
    let (one, two, _peers) = join!(ask("one"), ask("second"), server);
    assert_eq!(one.unwrap(), "one");
    assert_eq!(two.unwrap(), "second");
}
