//! A streamable HTTP server that does what a test tells it, and remembers what it heard.

use std::{
    net::SocketAddr,
    sync::{Arc, MutexGuard},
};

use http::Method;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::{JoinHandle, JoinSet},
};

use super::{
    Answer, Heard,
    script::{Script, State, answer},
    within,
};

/// A port that refuses connections until it is served.
pub(crate) struct Reserved {
    socket: TcpSocket,
    state: Arc<State>,
}

impl Reserved {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let state = Arc::default();
        Self { socket, state }
    }

    /// Its `[servers.<name>]` table.
    pub(crate) fn table(&self, name: &str) -> String {
        table(name, self.socket.local_addr().unwrap())
    }

    pub(crate) fn serve(self) -> HttpServer {
        HttpServer::serve(self.socket.listen(1024).unwrap(), self.state)
    }
}

fn table(name: &str, address: SocketAddr) -> String {
    format!("[servers.{name}]\nurl = \"http://{address}/mcp\"\n")
}

/// The `[servers.up]` table of replicas.
pub(crate) fn replicas(servers: &[&HttpServer]) -> String {
    let urls: Vec<String> = servers.iter().map(|server| server.url()).collect();
    format!("[servers.up]\nurl = {urls:?}\n")
}

/// A running fake. It keeps sessions and offers GET streams unless told otherwise.
pub(crate) struct HttpServer {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl HttpServer {
    /// One that offers these tools, and answers each call with the `params` it heard.
    pub(crate) async fn with_tools(names: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::serve(listener, Arc::default());
        server.offer_tools(names);
        server
    }

    fn serve(listener: TcpListener, state: Arc<State>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let state = shared.clone();
                let service = service_fn(move |request| answer(state.clone(), request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
            }
        });
        Self {
            address,
            state,
            serving,
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    fn inner(&self) -> MutexGuard<'_, Script> {
        self.state.inner.lock().unwrap()
    }

    /// Its `[servers.<name>]` table.
    pub(crate) fn table(&self, name: &str) -> String {
        table(name, self.address)
    }

    /// Answers a method, from now on.
    pub(crate) fn on(
        &self,
        method: &'static str,
        handler: impl Fn(&Heard) -> Answer + Send + Sync + 'static,
    ) {
        self.inner().handlers.insert(method, Arc::new(handler));
    }

    /// Answers a list with one page of these items, from now on.
    pub(crate) fn offer<I: AsRef<str>>(&self, method: &'static str, items: &[I]) {
        let key = match method {
            "tools/list" => "tools",
            "prompts/list" => "prompts",
            "resources/list" => "resources",
            _ => "resourceTemplates",
        };
        let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
        let result = format!(r#"{{"{key}":[{}]}}"#, items.join(","));
        self.on(method, move |request| Answer::result(request, &result));
    }

    pub(crate) fn offer_tools(&self, names: &[&str]) {
        let tools: Vec<String> = names.iter().map(|name| super::tool(name)).collect();
        self.offer("tools/list", &tools);
    }

    /// Gives no session ids.
    pub(crate) fn without_sessions(self) -> Self {
        self.inner().no_sessions = true;
        self
    }

    /// Answers GET with 405.
    pub(crate) fn without_streams(self) -> Self {
        self.inner().no_streams = true;
        self
    }

    /// Goes away: its connections break, and its port refuses new ones until it is served again.
    pub(crate) async fn leaves(mut self) -> Reserved {
        self.serving.abort();
        drop((&mut self.serving).await);
        self.inner().streams.clear();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        let state = self.state.clone();
        Reserved { socket, state }
    }

    /// Forgets a session, as after a restart.
    pub(crate) fn forget(&self, session: &str) {
        assert!(self.inner().alive.remove(session), "no session {session}");
    }

    /// What it says on a session that it does not know, instead of 404.
    pub(crate) fn disowns(&self, way: impl Fn(&Heard) -> Answer + Send + Sync + 'static) {
        self.inner().disowns = Some(Arc::new(way));
    }

    /// Everything it has heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.inner().heard.clone()
    }

    /// Every message of that method it has heard so far.
    pub(crate) fn heard_of(&self, method: &str) -> Vec<Heard> {
        let mut heard = self.heard();
        heard.retain(|heard| heard.method() == method);
        heard
    }

    /// Waits for the `count`th request that fits; gives it.
    pub(crate) async fn nth(
        &self,
        what: &str,
        count: usize,
        fits: impl Fn(&Heard) -> bool,
    ) -> Heard {
        within(what, async {
            loop {
                let came = self.state.came.notified();
                let mut heard = self.heard().into_iter().filter(|heard| fits(heard));
                if let Some(heard) = heard.nth(count - 1) {
                    return heard;
                }
                came.await;
            }
        })
        .await
    }

    /// Waits for the first message of a method; gives it.
    pub(crate) async fn hears(&self, method: &str) -> Heard {
        self.nth(method, 1, |heard| heard.method() == method).await
    }

    /// Waits for the first DELETE; gives it.
    pub(crate) async fn hears_delete(&self) -> Heard {
        self.nth("DELETE", 1, |heard| heard.verb == Method::DELETE)
            .await
    }

    /// Says something on the GET stream of a session, once that is open.
    pub(crate) async fn push(&self, session: &str, message: &str) {
        self.push_raw(session, &format!("data: {message}\n\n"))
            .await;
    }

    /// Writes this to the GET stream of a session, once that is open.
    pub(crate) async fn push_raw(&self, session: &str, text: &str) {
        let stream = within("a GET stream", async {
            loop {
                let came = self.state.came.notified();
                let open = self.inner().streams.get(session).cloned();
                if let Some(stream) = open {
                    return stream;
                }
                came.await;
            }
        })
        .await;
        let sent = stream.send(text.to_owned().into()).await;
        sent.expect("the stream is closed");
    }

    /// Ends the GET stream of a session.
    pub(crate) fn close_stream(&self, session: &str) {
        let stream = self.inner().streams.remove(session);
        assert!(stream.is_some(), "no stream of {session}");
    }

    /// Says something on the stream of the gateway's own session, the first to be opened.
    pub(crate) async fn push_own(&self, message: &str) {
        let own = if self.inner().no_sessions { "" } else { "s-1" };
        self.push(own, message).await;
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
