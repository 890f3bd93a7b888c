//! The gateway that is spoken to, the server behind it, and the way to them.
//!
//! All on one thread, which works only while an input is tried: what happens hangs on the input.

use std::{
    fs,
    future::pending,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use mcpgate::{
    authenticate::hash_of,
    config::{self, Paths},
    example,
    gateway::Gateway,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    task::yield_now,
    time::timeout,
};

use super::{contains, reply::replies};

/// What the guest shows.
pub(crate) const KEY: &str = "mcpg_guest";
/// A tool that a guest may not call, and so never hears of.
pub(crate) const HIDDEN: &str = "test_image_content";
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// So often must others have had their turn without a byte for us, before nothing more is expected.
const TURNS: usize = 300;

pub(crate) struct There {
    runtime: Runtime,
    address: SocketAddr,
    gateway: Arc<Gateway>,
}

impl There {
    pub(crate) fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (address, gateway) = runtime.block_on(started());
        Self {
            runtime,
            address,
            gateway,
        }
    }

    /// Sends bytes, and gives all that comes back, and whether the connection was reset.
    pub(crate) fn send(&self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let exchange = async { timeout(PATIENCE, exchange(self.address, bytes)).await };
        self.runtime.block_on(exchange).expect("an answer in time")
    }

    /// A new session of the guest.
    pub(crate) fn session(&self) -> String {
        let body = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"fuzz","version":"0"}}}"#;
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (sent, _) = self.send(request.as_bytes());
        assert_eq!(replies(&sent, false, false).unwrap().0[0].status, 200);
        let text = String::from_utf8(sent).unwrap();
        let (_, id) = text.split_once("mcp-session-id: ").unwrap();
        id.split_once('\r').unwrap().0.to_owned()
    }

    /// Ends all sessions: no input hangs on one before it.
    pub(crate) fn end_sessions(&self) {
        let pipeline = self.gateway.pipeline();
        let _inside = self.runtime.enter();
        for session in pipeline.sessions.all() {
            pipeline.end(session.id());
        }
    }
}

async fn started() -> (SocketAddr, Arc<Gateway>) {
    // The fuzzer's `main` is not Rust's, which would have it that writing to nobody is an error and
    // not the end.
    drop(signal(SignalKind::pipe()).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let upstream = listener.local_addr().unwrap();
    tokio::spawn(example::serve_http(listener));

    let servers = format!(
        "[gateway]\nmax_message = 65536\nfailed_sign_ins = 4294967295\n\
         [servers.up]\nurl = \"http://{upstream}/mcp\"\nscope = \"shared\"\n"
    );
    let policy = format!(
        "[roles.guest]\nallow = [\"up/echo\", \"up/add\", \"prompt:up/*\", \"resource:up/*\"]\n\
         [keys.guest]\nhash = \"{}\"\nrole = \"guest\"\n[views.some]\nallow = [\"up/e*\"]\n",
        hash_of(KEY)
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("servers.toml"), servers).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/guest.toml"), policy).unwrap();
    let paths = Paths::find(Some(folder.path().join("servers.toml")), None).unwrap();
    let gateway = Arc::new(Gateway::start(&config::load(&paths).unwrap()));
    gateway.pipeline().start.over().await;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = gateway.clone();
    tokio::spawn(async move { serving.serve(listener, pending()).await });
    (address, gateway)
}

async fn exchange(address: SocketAddr, bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // So that the port is free again at once.
    stream.set_zero_linger().unwrap();
    let mut sent = Vec::new();
    let mut written = 0;
    let mut turns = 0;
    while turns < TURNS {
        if written < bytes.len() {
            match stream.try_write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_broken) => written = bytes.len(),
            }
        }
        match stream.try_read_buf(&mut sent) {
            Ok(0) => return (sent, false),
            Ok(_) => turns = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => turns += 1,
            Err(_broken) => return (sent, true),
        }
        yield_now().await;
    }
    // Nothing more to hear: a client that hangs up is heard, too. Only where a stream goes on may that
    // take until its next heartbeat: hyper looks no further while bytes wait that came too soon.
    drop(stream.shutdown().await);
    let streams = contains(&sent, b"text/event-stream");
    let mut turns = 0;
    while !streams || turns < TURNS {
        match stream.try_read_buf(&mut sent) {
            Ok(0) => return (sent, false),
            Ok(_) => turns = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => turns += 1,
            Err(_broken) => return (sent, true),
        }
        yield_now().await;
    }
    (sent, false)
}
