//! The server over HTTP: one task for each connection, which answers what is there in one write.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    answers::{self, HEAD, Reply},
    legacy::Streams,
};
use crate::bed::{Failure, wire::Request};

const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
const ENDED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const NO_STREAM: &[u8] = b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n";

/// A copy of this much is cheaper than a write of its own.
const SMALL: usize = 16 * 1024;

/// What the connections share.
#[derive(Default)]
struct Server {
    sessions: AtomicU64,
    streams: Streams,
}

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener) {
    let server = Arc::new(Server::default());
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        let server = server.clone();
        tokio::spawn(async move { drop(server.converse(stream).await) });
    }
}

impl Server {
    async fn converse(&self, mut stream: TcpStream) -> Result<(), Failure> {
        let (mut read, mut write) = (Vec::with_capacity(4096), Vec::with_capacity(SMALL * 2));
        loop {
            let mut done = 0;
            while let Some(request) = Request::parse(read.get(done..).unwrap_or_default())? {
                done += request.length;
                match (request.method, request.path) {
                    (b"GET", "/sse") => return self.streams.serve(stream).await,
                    (b"POST", path) if path.starts_with("/sse/") => {
                        self.streams.post(path, request.body).await;
                        write.extend_from_slice(ACCEPTED);
                    }
                    (b"POST", path) => {
                        if let Some(large) = self.answer(path, request.body, &mut write) {
                            stream.write_all(&write).await?;
                            stream.write_all(&large.rest).await?;
                            write.clear();
                            write.extend_from_slice(large.after);
                        }
                    }
                    (b"DELETE", _) => write.extend_from_slice(ENDED),
                    _ => write.extend_from_slice(NO_STREAM),
                }
            }
            read.drain(..done);
            if !write.is_empty() {
                stream.write_all(&write).await?;
                write.clear();
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Writes the answer to a message, but for the rest of a large one.
    fn answer(&self, path: &str, message: &[u8], write: &mut Vec<u8>) -> Option<Large> {
        let Some(reply) = answers::reply(path, message) else {
            write.extend_from_slice(ACCEPTED);
            return None;
        };
        let length = HEAD.len() + reply.id.len() + reply.rest.len();
        let head = match reply.events {
            true => {
                let length = length + EVENT.len() + EVENT_END;
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                     transfer-encoding: chunked\r\n\r\n{length:x}\r\n{EVENT}"
                )
            }
            false => format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{}content-length: {length}\r\n\r\n",
                self.session(&reply)
            ),
        };
        let after: &[u8] = match reply.events {
            true => b"\n\n\r\n0\r\n\r\n",
            false => b"",
        };
        for part in [head.as_bytes(), HEAD, reply.id] {
            write.extend_from_slice(part);
        }
        if reply.rest.len() > SMALL {
            let rest = reply.rest;
            return Some(Large { rest, after });
        }
        write.extend_from_slice(&reply.rest);
        write.extend_from_slice(after);
        None
    }

    fn session(&self, reply: &Reply<'_>) -> String {
        match reply.opens {
            true => {
                let number = self.sessions.fetch_add(1, Ordering::Relaxed);
                format!("mcp-session-id: bench-{number}\r\n")
            }
            false => String::new(),
        }
    }
}

const EVENT: &str = "event: message\ndata: ";
const EVENT_END: usize = "\n\n".len();

/// What is written from where it lies.
struct Large {
    rest: Bytes,
    after: &'static [u8],
}
