//! The gateway itself, from files as a person writes them.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use mcpgate::{
    authenticate::hash_of,
    call::ServerName,
    config::{self, Environment, Paths},
    forward::State,
    gateway::{self, Reloaded, Source},
    observe::audit::Audit,
    pipeline::Pipeline,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    runtime::{Handle, RuntimeFlavor},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Client, HttpServer, SseClient, within};

/// A gateway that is listening.
pub(crate) struct Gateway {
    address: SocketAddr,
    inner: Arc<gateway::Gateway>,
    until: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    folder: Option<TempDir>,
}

impl Gateway {
    /// One that runs this `servers.toml`.
    pub(crate) async fn start(servers: &str) -> Self {
        Self::with_keys(servers, &[]).await
    }

    /// One that lets holders of keys in and nobody else; `keys` are names and keys.
    pub(crate) async fn with_keys(servers: &str, keys: &[(&str, &str)]) -> Self {
        let tables = keys
            .iter()
            .map(|(name, key)| format!("[keys.{name}]\nhash = \"{}\"\n", hash_of(key)));
        Self::with_policy(servers, &tables.collect::<String>()).await
    }

    /// One with this policy file.
    pub(crate) async fn with_policy(servers: &str, policy: &str) -> Self {
        Self::with_files(servers, policy, &[]).await
    }

    /// One with this policy file, and these files beside `servers.toml`.
    pub(crate) async fn with_files(servers: &str, policy: &str, files: &[(&str, &str)]) -> Self {
        let (folder, source) = source(servers, policy);
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let config = source.read().unwrap();
        let audit = Audit::start(&config.audit).unwrap();
        let many = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let inner = match many {
            true => gateway::Gateway::across_cores(&config, audit).unwrap(),
            false => gateway::Gateway::audited(&config, audit),
        };
        let inner = Arc::new(inner.from_files(source));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let until = CancellationToken::new();
        let (serves, stop) = (inner.clone(), until.clone());
        let serving =
            tokio::spawn(async move { serves.serve(listener, stop.cancelled_owned()).await });
        Self {
            address,
            inner,
            until,
            serving,
            folder: Some(folder),
        }
    }

    /// One in front of these servers, once each was reached or found to be down.
    pub(crate) async fn of(servers: &[(&str, &HttpServer)]) -> Self {
        let tables = servers.iter().map(|(name, server)| server.table(name));
        let gateway = Self::start(&tables.collect::<String>()).await;
        gateway.settled().await;
        gateway
    }

    /// Every server was reached, or found to be down.
    pub(crate) async fn settled(&self) {
        within("the servers", self.pipeline().start.over()).await;
    }

    /// How a server is doing.
    pub(crate) fn state(&self, server: &str) -> State {
        let plan = self.pipeline().plan();
        let mut servers = plan.servers.iter();
        let found = servers.find(|(name, _)| name.as_str() == server);
        found.unwrap().1.state()
    }

    /// A server has been reached, though others may not have been.
    pub(crate) async fn offers(&self, server: &str) {
        let name = ServerName::try_from(server.to_owned()).unwrap();
        let offered = async {
            while self.pipeline().offered(&name).is_none() {
                tokio::task::yield_now().await;
            }
        };
        within("the lists of the server", offered).await;
    }

    /// A server is found to be down. Nobody is told of that, so it is looked for.
    pub(crate) async fn loses(&self, server: &str) {
        let lost = async {
            while self.state(server).state != "down" {
                tokio::task::yield_now().await;
            }
        };
        within("the end of the server", lost).await;
    }

    pub(crate) fn pipeline(&self) -> &Arc<Pipeline> {
        self.inner.pipeline()
    }

    /// Writes one of its files: `servers.toml`, `policies/policy.toml`.
    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.folder().join(file), text).unwrap();
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Reads its files again.
    pub(crate) async fn reload(&self) -> Result<Reloaded, String> {
        let reloaded = within("a reload", self.inner.reload()).await;
        reloaded.map_err(|error| error.to_string())
    }

    /// Serves at another address, too.
    pub(crate) fn serve_on(&self, listener: TcpListener) -> JoinHandle<std::io::Result<()>> {
        self.serve_until(listener, self.until.clone())
    }

    /// Serves at another address, too, for so long.
    pub(crate) fn serve_until(
        &self,
        listener: TcpListener,
        until: CancellationToken,
    ) -> JoinHandle<std::io::Result<()>> {
        let serves = self.inner.clone();
        tokio::spawn(async move { serves.serve(listener, until.cancelled_owned()).await })
    }

    /// Begins to stop.
    pub(crate) fn ends(&self) {
        self.until.cancel();
    }

    /// Has it read its files again whenever they change.
    pub(crate) fn watch(&self) {
        self.inner.reloader().watch();
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client that has sent nothing yet.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// A client with a session.
    pub(crate) async fn session(&self) -> Client {
        self.client().open().await
    }

    /// A client of the legacy transport, whose stream is open.
    pub(crate) async fn sse(&self) -> SseClient {
        SseClient::open(self.client()).await
    }

    /// A client on a pipe that has said nothing yet.
    pub(crate) fn stranger(&self) -> crate::pipe::Client {
        crate::pipe::Client::start(|pipe| tokio::spawn(self.inner.serve_pipe_detached(pipe)))
    }

    /// What one client is answered on a pipe that says these lines and closes.
    pub(crate) async fn pipe(&self, lines: &[String]) -> Vec<Value> {
        let input = format!("{}\n", lines.join("\n"));
        let (mut answers, output) = tokio::io::duplex(1024);
        let serving = self.inner.serve_pipe(input.as_bytes(), output);
        let mut text = String::new();
        let both = async { tokio::join!(serving, answers.read_to_string(&mut text)) };
        let (served, read) = within("the end of the pipe", both).await;
        served.unwrap();
        read.unwrap();
        let answers = text.lines().map(serde_json::from_str);
        answers.collect::<Result<_, _>>().unwrap()
    }

    /// Stops as a signal would have it; gives the lines of `audit.jsonl`.
    pub(crate) async fn audited(mut self) -> Vec<Value> {
        let folder = self.folder.take().unwrap();
        self.stop().await;
        let text = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    /// Stops as a signal would have it.
    pub(crate) async fn stop(mut self) {
        self.until.cancel();
        let served = within("the end", &mut self.serving).await;
        served.unwrap().unwrap();
        let inner = Arc::clone(&self.inner);
        drop(self);
        let inner = Arc::into_inner(inner).expect("somebody still serves");
        within("the servers' end", inner.stop()).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Files that are read as the program does.
fn source(servers: &str, policy: &str) -> (TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("servers.toml");
    fs::write(&file, servers).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/policy.toml"), policy).unwrap();
    let read = |paths: &Paths| {
        let environment = Environment {
            variable: &|_| None,
            program: Path::new(env!("CARGO_BIN_EXE_mcpgate")),
        };
        config::load_with(paths, &environment)
    };
    let paths = Paths::find(Some(file), None).unwrap();
    (folder, Source::new(paths, read))
}
