//! HTTP/1.1 with servers that behave, and with others.

mod framing;
mod lasting;
mod passing;
mod requests;
mod reuse;
mod tls;

use std::{future::pending, io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method as Verb, Uri};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    join,
    net::{TcpListener, TcpStream},
    select,
    task::yield_now,
    time::timeout,
};

use super::{Connections, Failure, Incoming, Request, Response};
use crate::forward::trust::tls;

/// How long anything may take before its test fails. Nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long opening a connection may take.
const DIAL: Duration = Duration::from_secs(10);
/// An answer that leaves its connection free.
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What comes of `future`, if it comes at all.
async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match timeout(DEADLINE, future).await {
        Ok(output) => output,
        Err(_elapsed) => panic!("nothing after {DEADLINE:?}: {what}"),
    }
}

/// The runtime looks at its sockets. What was done to one on this machine is seen then.
async fn noticed() {
    yield_now().await;
}

/// A client, and where its server listens.
struct Pair {
    listener: TcpListener,
    connections: Connections,
    uri: Uri,
}

impl Pair {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/mcp", listener.local_addr().unwrap());
        Self {
            listener,
            connections: Connections::new(tls(false).unwrap(), DIAL),
            uri: uri.parse().unwrap(),
        }
    }

    /// The server's end of the next connection.
    async fn accept(&self) -> Peer {
        let (stream, _) = within("a connection", self.listener.accept())
            .await
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream, heard: 0 }
    }

    /// Sends a request; the body of the answer may not be there yet.
    async fn send(&self, body: impl Into<Bytes>) -> Result<Response, Failure> {
        let request = Request {
            verb: &Verb::POST,
            uri: &self.uri,
            headers: &HeaderMap::new(),
            body: &body.into(),
        };
        within("an answer", self.connections.send(request)).await
    }

    /// Sends a request and reads the whole answer.
    async fn ask(&self) -> io::Result<Bytes> {
        match self.send("hello").await {
            Ok(response) => whole(response.body).await,
            Err(Failure::Broken(error)) => Err(error),
            Err(failure) => panic!("{failure}"),
        }
    }

    /// What is read of an answer on a new connection, and the server's end of that.
    async fn told(&self, answer: &str) -> (io::Result<Bytes>, Peer) {
        let server = async {
            let mut peer = self.accept().await;
            peer.answer(answer).await;
            peer
        };
        join!(self.ask(), server)
    }

    /// Whether the next request comes on that connection, or on a new one.
    async fn comes_back_to(&self, peer: &mut Peer) -> bool {
        let before = peer.heard;
        let server = async {
            let mut other = select! {
                () = peer.hears() => return peer.say(OK).await,
                other = self.accept() => other,
            };
            other.answer(OK).await;
        };
        let (read, ()) = join!(self.ask(), server);
        assert_eq!(read.unwrap(), "ok");
        peer.heard > before
    }
}

/// All of a body.
async fn whole(body: Incoming) -> io::Result<Bytes> {
    let collected = within("the end of a body", body.collect()).await;
    collected.map(|collected| collected.to_bytes())
}

/// The server's end of a connection. It says what it is told, as it stands there.
struct Peer {
    stream: TcpStream,
    /// How many requests have come.
    heard: usize,
}

impl Peer {
    async fn say(&mut self, text: impl AsRef<[u8]>) {
        let said = self.stream.write_all(text.as_ref());
        within("room to write", said).await.unwrap();
    }

    async fn answer(&mut self, answer: &str) {
        within("a request", self.hear()).await;
        self.say(answer).await;
    }

    /// The next request: its head, and its body.
    async fn hear(&mut self) -> (String, Vec<u8>) {
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut read).await.unwrap_or_default() == 0 {
                // Nobody is there to ask.
                pending::<()>().await;
            }
        };
        let mut body = read.split_off(end);
        let head = String::from_utf8(read).unwrap();
        let length = head.split("content-length: ").nth(1);
        let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
        while body.len() < length {
            assert_ne!(self.stream.read_buf(&mut body).await.unwrap(), 0);
        }
        self.heard += 1;
        (head, body)
    }

    async fn hears(&mut self) {
        self.hear().await;
    }

    /// Waits until the client has closed it, or cut it off.
    async fn is_closed(&mut self) {
        let mut read = vec![0; 64 * 1024];
        while let Ok(1..) = within("its end", self.stream.read(&mut read)).await {}
    }
}

/// Whether the other side has closed a connection; waits for it to say something.
async fn is_over(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}
