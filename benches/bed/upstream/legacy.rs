//! The legacy HTTP+SSE: a stream that names where to post, and brings the answers.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use std::collections::HashMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::answers::{self, HEAD};
use crate::bed::Failure;

/// An event in parts: what is before the prepared rest, and that.
type Event = (Vec<u8>, Bytes);

/// The streams that are open, by number.
#[derive(Default)]
pub(super) struct Streams {
    last: AtomicU64,
    open: Mutex<HashMap<u64, mpsc::Sender<Event>>>,
}

impl Streams {
    /// Serves one stream until its client leaves.
    pub(super) async fn serve(&self, mut stream: TcpStream) -> Result<(), Failure> {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let (sender, mut events) = mpsc::channel(256);
        self.with(|open| open.insert(number, sender));
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
             event: endpoint\ndata: /sse/{number}\n\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let (mut reader, mut writer) = stream.split();
        let write = async {
            while let Some((before, rest)) = events.recv().await {
                writer.write_all(&before).await?;
                writer.write_all(&rest).await?;
                writer.write_all(b"\n\n").await?;
            }
            Ok::<(), Failure>(())
        };
        let mut nothing = [0; 16];
        tokio::select! {
            written = write => written?,
            // It says nothing more; it only leaves.
            _ = reader.read(&mut nothing) => {}
        }
        self.with(|open| open.remove(&number));
        Ok(())
    }

    /// Answers what was posted to `/sse/7` on that stream.
    pub(super) async fn post(&self, path: &str, message: &[u8]) {
        let number = path
            .strip_prefix("/sse/")
            .and_then(|number| number.parse::<u64>().ok());
        let stream = number.and_then(|number| self.with(|open| open.get(&number).cloned()));
        let reply = answers::reply("/sse", message);
        if let Some((stream, reply)) = stream.zip(reply) {
            let before = [b"event: message\ndata: ", HEAD, reply.id].concat();
            drop(stream.send((before, reply.rest)).await);
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<u64, mpsc::Sender<Event>>) -> T) -> T {
        look(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
