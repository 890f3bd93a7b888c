//! Calls over connections that stay open, each with a session of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::Failure;

const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"bench","version":"0"}}}"#
);

/// What is called, and where.
#[derive(Clone)]
pub(crate) struct Aim {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The key to show, if one is asked for.
    pub(crate) key: Option<String>,
    /// The tool, by its exposed name.
    pub(crate) tool: String,
    /// What its answer must hold.
    pub(crate) answer: String,
}

/// How it went.
pub(crate) struct Run {
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
    /// How long each call took, sorted.
    pub(crate) latencies: Vec<Duration>,
}

impl Run {
    /// Calls in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// So many of a thousand calls took no longer, in microseconds.
    pub(crate) fn within(&self, of_thousand: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let found = self.latencies.get(last * of_thousand / 1000);
        found.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    }
}

/// Makes so many calls in so many sessions, and sees that each is answered as it should be.
pub(crate) async fn run(aim: &Aim, sessions: usize, calls: usize) -> Result<Run, Failure> {
    let left = Arc::new(AtomicUsize::new(calls));
    let mut clients = Vec::new();
    for _ in 0..sessions {
        clients.push(Client::open(aim.clone()).await?);
    }
    let start = Instant::now();
    let calling = clients
        .into_iter()
        .map(|client| tokio::spawn(client.call(left.clone())));
    let calling: Vec<_> = calling.collect();
    let mut latencies = Vec::with_capacity(calls);
    for client in calling {
        latencies.extend(client.await??);
    }
    let elapsed = start.elapsed();
    latencies.sort_unstable();
    Ok(Run { elapsed, latencies })
}

struct Client {
    aim: Aim,
    stream: TcpStream,
    head: String,
    read: Vec<u8>,
}

impl Client {
    async fn open(aim: Aim) -> Result<Self, Failure> {
        let stream = TcpStream::connect(aim.address).await?;
        stream.set_nodelay(true)?;
        let key = aim.key.as_ref();
        let key = key.map(|key| format!("authorization: Bearer {key}\r\n"));
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n{}",
            aim.address,
            key.unwrap_or_default()
        );
        let mut client = Self {
            aim,
            stream,
            head,
            read: Vec::new(),
        };
        client.ask(INITIALIZE).await?;
        let answer = String::from_utf8_lossy(&client.read).to_ascii_lowercase();
        let session = answer
            .lines()
            .find_map(|line| line.strip_prefix("mcp-session-id: "));
        let session = session.ok_or_else(|| format!("no session: {answer}"))?;
        client
            .head
            .push_str(&format!("mcp-session-id: {session}\r\n"));
        Ok(client)
    }

    async fn call(mut self, left: Arc<AtomicUsize>) -> Result<Vec<Duration>, Failure> {
        let mut latencies = Vec::new();
        let take = |left: usize| left.checked_sub(1);
        while left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
        {
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"{}","arguments":{{"path":"/srv/a"}}}}}}"#,
                latencies.len() + 1,
                self.aim.tool
            );
            let start = Instant::now();
            self.ask(&call).await?;
            latencies.push(start.elapsed());
            if memchr::memmem::find(&self.read, self.aim.answer.as_bytes()).is_none() {
                return Err(String::from_utf8_lossy(&self.read).into());
            }
        }
        Ok(latencies)
    }

    /// Asks, and reads the whole response.
    async fn ask(&mut self, body: &str) -> Result<(), Failure> {
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        let mut end = None;
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the connection is closed".into());
            }
            if end.is_none() {
                end = head(&self.read)?;
            }
            let over = match end {
                None => false,
                Some(End::At(length)) => self.read.len() >= length,
                Some(End::Chunks) => self.read.ends_with(b"\r\n0\r\n\r\n"),
            };
            if over {
                return Ok(());
            }
        }
    }
}

/// Where a response ends.
#[derive(Clone, Copy)]
enum End {
    /// After so many bytes, its head included.
    At(usize),
    /// With the last chunk. No text of ours looks like one.
    Chunks,
}

/// Where a response ends, once its head is there.
fn head(read: &[u8]) -> Result<Option<End>, Failure> {
    let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(read.get(..end).unwrap_or_default()).to_ascii_lowercase();
    if head.contains("\r\ntransfer-encoding: chunked") {
        return Ok(Some(End::Chunks));
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.ok_or_else(|| format!("no length: {head}"))?;
    Ok(Some(End::At(end + 4 + length.trim().parse::<usize>()?)))
}
