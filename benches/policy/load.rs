//! Calls over connections that stay open, each with a session of its own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Failure, gateway::Running};

const CONNECTIONS: usize = 16;
const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"bench","version":"0"}}}"#
);

/// Makes so many calls, and sees that each is answered with a result.
pub(super) async fn run(gateway: &Running, calls: usize) -> Result<(), Failure> {
    let left = Arc::new(AtomicUsize::new(calls));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = Client::open(gateway).await?;
        clients.push(tokio::spawn(client.call(left.clone())));
    }
    for client in clients {
        client.await??;
    }
    Ok(())
}

struct Client {
    stream: TcpStream,
    head: String,
    read: Vec<u8>,
}

impl Client {
    async fn open(gateway: &Running) -> Result<Self, Failure> {
        let stream = TcpStream::connect(gateway.address).await?;
        stream.set_nodelay(true)?;
        let key = gateway
            .key
            .as_ref()
            .map(|key| format!("authorization: Bearer {key}\r\n"));
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n{}",
            gateway.address,
            key.unwrap_or_default()
        );
        let mut client = Self {
            stream,
            head,
            read: Vec::new(),
        };
        let answer = client.ask(INITIALIZE).await?;
        let session = answer
            .lines()
            .find_map(|line| line.strip_prefix("mcp-session-id: "));
        let session = session
            .ok_or_else(|| format!("no session: {answer}"))?
            .to_owned();
        client
            .head
            .push_str(&format!("mcp-session-id: {session}\r\n"));
        Ok(client)
    }

    async fn call(mut self, left: Arc<AtomicUsize>) -> Result<(), Failure> {
        let mut id = 1;
        while left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
        {
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"up__tool_1{}","arguments":{{"path":"/srv/a"}}}}}}"#,
                id % 100
            );
            let answer = self.ask(&call).await?;
            if !answer.contains(r#""text":"42""#) {
                return Err(answer.into());
            }
            id += 1;
        }
        Ok(())
    }

    async fn ask(&mut self, body: &str) -> Result<String, Failure> {
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the gateway hangs up".into());
            }
            let text = std::str::from_utf8(&self.read)?;
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length
                    .ok_or_else(|| format!("no length: {head}"))?
                    .parse()?;
                if body.len() >= length {
                    return Ok(text.to_owned());
                }
            }
        }
    }
}
