//! One client: a connection, and a session on it.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
};

use super::{
    Aim, Job,
    message::{INITIALIZE, INITIALIZED, Prepared, head, whole},
};
use crate::bed::{
    Failure,
    wire::{End, header},
};

/// What the end of an answer is looked for in.
const TAIL: usize = 512;

/// One client.
pub(crate) struct Client {
    aim: Aim,
    stream: TcpStream,
    head: String,
    request: Prepared,
    read: Vec<u8>,
    /// Where it was opened.
    pub(super) thread: Handle,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(aim: Aim) -> Result<Self, Failure> {
        let stream = TcpStream::connect(aim.address).await?;
        stream.set_nodelay(true)?;
        let head = head(&aim);
        Ok(Self {
            request: Prepared::new(&aim, &head),
            aim,
            stream,
            head,
            read: Vec::with_capacity(4096),
            thread: Handle::current(),
        })
    }

    /// Does what comes before the first turn, and sees that lists are whole.
    pub(crate) async fn begin(&mut self) -> Result<(), Failure> {
        if self.aim.job == Job::Churn {
            return Ok(());
        }
        if !self.aim.stateless {
            self.initialize().await?;
        }
        if let Job::List(tools) = self.aim.job {
            self.turn().await?;
            let listed = memchr::memmem::find_iter(&self.read, "\"inputSchema\"").count();
            if listed < tools {
                return Err(format!("{listed} tools are listed").into());
            }
        }
        Ok(())
    }

    /// Does its job once.
    pub(crate) async fn turn(&mut self) -> Result<(), Failure> {
        if self.aim.job == Job::Churn {
            self.initialize().await?;
        }
        self.stream.write_all(self.request.next()).await?;
        self.answer().await?;
        let tail = self.read.get(self.read.len().saturating_sub(TAIL)..);
        let found = memchr::memmem::find(tail.unwrap_or(&self.read), self.aim.answer.as_bytes());
        if found.is_none() || self.read.len() < self.aim.least {
            let shown = self.read.get(..1000).unwrap_or(&self.read);
            return Err(String::from_utf8_lossy(shown).into());
        }
        match self.aim.job {
            Job::Churn => self.end().await,
            Job::Call | Job::List(_) => Ok(()),
        }
    }

    /// Opens a session; what follows is said in it.
    pub(crate) async fn initialize(&mut self) -> Result<(), Failure> {
        self.head = head(&self.aim);
        self.say(INITIALIZE).await?;
        let session = header(&self.read, "mcp-session-id");
        let session = session.ok_or_else(|| String::from_utf8_lossy(&self.read).into_owned())?;
        let session = format!("mcp-session-id: {session}\r\nmcp-protocol-version: 2025-11-25\r\n");
        self.head.push_str(&session);
        self.say(INITIALIZED).await?;
        self.request = Prepared::new(&self.aim, &self.head);
        Ok(())
    }

    /// A connection of its own to a session, with the stream on which the server may speak first.
    pub(crate) async fn listen(aim: Aim, session: &str) -> Result<Self, Failure> {
        let mut client = Self::connect(aim).await?;
        let head = session.replacen("POST", "GET", 1);
        let head = head.replacen("application/json, text", "text", 1);
        let request = format!("{head}\r\n");
        client.stream.write_all(request.as_bytes()).await?;
        while memchr::memmem::find(&client.read, b"\r\n\r\n").is_none() {
            client.read_on().await?;
        }
        match client.read.starts_with(b"HTTP/1.1 200") {
            true => Ok(client),
            false => Err(String::from_utf8_lossy(&client.read).into()),
        }
    }

    /// What names its session: how its requests begin.
    pub(crate) fn session(&self) -> String {
        self.head.clone()
    }

    /// Ends its session.
    pub(crate) async fn end(&mut self) -> Result<(), Failure> {
        if self.aim.stateless || !self.head.contains("mcp-session-id") {
            return Ok(());
        }
        let head = self.head.replacen("POST", "DELETE", 1);
        self.head = self::head(&self.aim);
        self.stream
            .write_all(format!("{head}\r\n").as_bytes())
            .await?;
        self.answer().await
    }

    async fn say(&mut self, body: &str) -> Result<(), Failure> {
        self.stream
            .write_all(whole(&self.head, body).as_bytes())
            .await?;
        self.answer().await
    }

    /// Reads a whole response.
    async fn answer(&mut self) -> Result<(), Failure> {
        self.read.clear();
        let mut end = None;
        loop {
            self.read_on().await?;
            if end.is_none() {
                end = End::of(&self.read)?;
                if let Some(End::At(length)) = end {
                    self.read.reserve(length.saturating_sub(self.read.len()));
                }
            }
            if end.is_some_and(|end| end.is_in(&self.read)) {
                return match self.read.get(9..10) {
                    Some(b"2") => Ok(()),
                    _ => Err(String::from_utf8_lossy(&self.read).into()),
                };
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err("the connection is closed".into()),
            _ => Ok(()),
        }
    }
}
