//! Where an answer begins and ends (RFC 9112, sections 2, 6 and 7).

use bytes::Bytes;
use hyper::body::Body;
use tokio::join;

use super::{Pair, noticed, whole};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// What is read where the server says this and closes.
async fn read(answer: &str) -> std::io::Result<Bytes> {
    let pair = Pair::new().await;
    let server = async { pair.accept().await.answer(answer).await };
    join!(pair.ask(), server).0
}

#[tokio::test]
async fn an_answer_ends_where_it_says() {
    for (rest, expected) in [
        ("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc"),
        ("0\r\n\r\n", ""),
        ("0000a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        (
            "A;name=value;quoted=\"a b\"\r\n0123456789\r\n00\r\n\r\n",
            "0123456789",
        ),
        ("1 ;x\r\na\r\n0;last\r\nx-sum: 1\r\nx-more: 2\r\n\r\n", "a"),
    ] {
        let answer = format!("{CHUNKED}{rest}");
        assert_eq!(read(&answer).await.unwrap(), expected, "{answer}");
    }
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200\r\ncontent-length:3\r\n\r\nabcdef", "abc"),
        ("HTTP/1.1 200 OK\ncontent-length: 3\n\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3, 3\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "abc"),
        ("HTTP/1.0 200 OK\r\n\r\nabc", "abc"),
        ("HTTP/1.1 204 No Content\r\n\r\nabc", ""),
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\nabc",
            "",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n\
             1\r\na\r\n0\r\n\r\n",
            "a",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n\
             HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "abc",
        ),
    ] {
        assert_eq!(read(answer).await.unwrap(), expected, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_told_from_the_next_is_refused() {
    for (lines, words) in [
        (
            "content-length: 1\r\ncontent-length: 2",
            "no clear Content-Length",
        ),
        ("content-length: 1, 2", "no clear Content-Length"),
        ("content-length: +1", "no clear Content-Length"),
        ("content-length: -1", "no clear Content-Length"),
        ("content-length: 0x1", "no clear Content-Length"),
        ("content-length:", "no clear Content-Length"),
        (
            "content-length: 18446744073709551616",
            "no clear Content-Length",
        ),
        ("transfer-encoding: gzip", "coded in a way not asked for"),
        (
            "transfer-encoding: gzip, chunked",
            "coded in a way not asked for",
        ),
        (
            "transfer-encoding: chunked, chunked",
            "coded in a way not asked for",
        ),
        (
            "transfer-encoding: gzip\r\ntransfer-encoding: chunked",
            "coded in a way not asked for",
        ),
        ("content-length : 1", "not HTTP"),
        ("content-type: a\r\n folded: b", "not HTTP"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\na");
        let error = read(&answer).await.unwrap_err().to_string();
        assert!(error.contains(words), "{lines}: {error}");
    }
    for (answer, words) in [
        ("SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
        ("HTTP/2 200\r\n\r\n", "not HTTP"),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "another protocol",
        ),
    ] {
        let error = read(answer).await.unwrap_err().to_string();
        assert!(error.contains(words), "{answer}: {error}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_are_refused() {
    let long = "x".repeat(4096);
    for (rest, words) in [
        ("\r\n", "no size"),
        ("g\r\n", "no size"),
        ("-1\r\n", "no size"),
        (" 1\r\n", "no size"),
        ("10000000000000000\r\n", "no size"),
        ("1\na\r\n", "has no end"),
        ("1\r\nab\r\n", "has no end"),
        ("1\r\na\n0\r\n\r\n", "has no end"),
        (&format!("1;{long}"), "too long"),
        (&format!("1;{long}\r\na\r\n"), "too long"),
    ] {
        let error = read(&format!("{CHUNKED}{rest}")).await.unwrap_err();
        assert!(error.to_string().contains(words), "{rest}: {error}");
    }
}

#[tokio::test]
async fn what_precedes_or_follows_a_body_is_bounded() {
    let line = format!("x-long: {}\r\n", "x".repeat(1000));
    let head = format!("HTTP/1.1 200 OK\r\n{}", line.repeat(80));
    let error = read(&head).await.unwrap_err().to_string();
    assert!(error.contains("head of its answer is too large"), "{error}");

    let lines = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200));
    let error = read(&lines).await.unwrap_err().to_string();
    assert!(error.contains("not HTTP"), "{error}");

    let trailers = format!("{CHUNKED}0\r\n{}", line.repeat(80));
    let error = read(&trailers).await.unwrap_err().to_string();
    assert!(
        error.contains("trailers of its answer are too long"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\na",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
    ] {
        let error = read(answer).await.unwrap_err().to_string();
        assert!(
            error.contains("it closed the connection"),
            "{answer}: {error}"
        );
    }
}

#[tokio::test]
async fn an_answer_may_come_byte_by_byte() {
    let body = "2;x=y\r\nab\r\n1\r\nc\r\n0\r\nx: y\r\n\r\n";
    let pair = Pair::new().await;
    let server = async {
        let mut peer = pair.accept().await;
        peer.hear().await;
        for byte in format!("{CHUNKED}{body}").bytes() {
            peer.say([byte]).await;
            noticed().await;
        }
        peer
    };
    let (read, mut peer) = join!(pair.ask(), server);
    assert_eq!(read.unwrap(), "abc");
    assert!(pair.comes_back_to(&mut peer).await);
}

#[tokio::test]
async fn how_much_is_to_come_is_known_where_the_server_has_said_so() {
    for (answer, size, is_over) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            Some(3),
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            Some(0),
            true,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", Some(0), true),
        ("HTTP/1.1 200 OK\r\n\r\nabc", None, false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            None,
            false,
        ),
    ] {
        let pair = Pair::new().await;
        let server = async { pair.accept().await.answer(answer).await };
        let (response, ()) = join!(pair.send("hello"), server);
        let body = response.ok().unwrap().body;
        assert_eq!(body.size_hint().exact(), size, "{answer}");
        assert_eq!(body.is_end_stream(), is_over, "{answer}");
        whole(body).await.unwrap();
    }
}
