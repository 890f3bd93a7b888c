//! What an operator can do at the control socket, over HTTP:
//!
//! ```text
//! GET  /servers                                how each server is doing
//! POST /servers/NAME/restart|disable|enable    answers once it is done
//! GET  /servers/NAME/logs?lines=N&follow=1     its last lines, and those that come
//! POST /reload
//! GET  /stats                                  what has been counted, and the last requests
//! GET  /tools                                  the names of all tools, as clients see them
//! ```

use std::{io, pin::Pin, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::{
    net::UnixStream,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{logs, socket::Socket, stats};
use crate::{
    accept::{body::Body, response::json},
    config,
    forward::{Server, State},
    mcp::{List, message},
    pipeline::Pipeline,
};

/// Operators at once.
const CONNECTIONS: usize = 32;
/// How long one may take to say what is wanted.
const HEAD: Duration = Duration::from_secs(10);
/// How long answers under way may take at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Reads the config anew; says what has changed, or why nothing has.
pub type Reload = Box<dyn Fn() -> Reloading + Send + Sync>;
/// What comes of it.
pub type Reloading = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// What stands behind the control socket.
pub struct Control {
    pipeline: Arc<Pipeline>,
    reload: Reload,
    closing: CancellationToken,
}

/// The page at `/servers`.
#[derive(Serialize)]
struct Page<'a> {
    version: &'static str,
    pid: u32,
    servers: indexmap::IndexMap<&'a str, Row>,
}

/// How one server is doing.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    state: State,
    /// How many it offers, once it has been up.
    tools: Option<usize>,
}

impl Control {
    /// Works on the servers of a pipeline.
    pub fn new(pipeline: Arc<Pipeline>, reload: Reload) -> Self {
        Self {
            pipeline,
            reload,
            closing: CancellationToken::new(),
        }
    }

    /// Serves operators until it is told to stop; then the socket is gone.
    pub async fn serve(self, socket: Socket, stop: CancellationToken) {
        let (control, connections) = (Arc::new(self), TaskTracker::new());
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::error!("an operator could not be let in: {error}");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Ok(permit) = room.clone().try_acquire_owned() else {
                tracing::warn!("an operator is turned away: {CONNECTIONS} are connected");
                continue;
            };
            let connection = control.clone().connection(stream);
            connections.spawn(async move {
                connection.await;
                drop(permit);
            });
        }
        drop(socket);
        control.closing.cancel();
        connections.close();
        drop(timeout(FAREWELL, connections.wait()).await);
    }

    async fn connection(self: Arc<Self>, stream: UnixStream) {
        let service = service_fn(|request: Request<Incoming>| {
            let control = self.clone();
            async move { Ok::<_, io::Error>(control.answer(&request).await) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!("a connection to the control socket broke: {error}");
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let uri = request.uri();
        let steps: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        match (request.method(), steps.as_slice()) {
            (&Method::GET, ["servers"]) => self.servers(),
            (&Method::GET, ["stats"]) => stats(&self.pipeline),
            (&Method::GET, ["tools"]) => self.tools(),
            (&Method::GET, ["servers", name, "logs"]) => match self.find(name) {
                Ok(server) => logs::answer(&server, uri.query(), &self.closing),
                Err(words) => no(StatusCode::NOT_FOUND, &words),
            },
            (&Method::POST, ["servers", name, order @ ("restart" | "disable" | "enable")]) => {
                match self.find(name) {
                    Ok(server) => carry_out(&server, name, order).await,
                    Err(words) => no(StatusCode::NOT_FOUND, &words),
                }
            }
            (&Method::POST, ["reload"]) => self.reload().await,
            (_, ["servers" | "reload" | "stats" | "tools"] | ["servers", _, _]) => {
                let words = "this is not done with that method, or not to a server";
                no(StatusCode::METHOD_NOT_ALLOWED, words)
            }
            _ => no(StatusCode::NOT_FOUND, "there is nothing under this path"),
        }
    }

    fn servers(&self) -> Response<Body> {
        let plan = self.pipeline.plan();
        let rows = plan.servers.iter().map(|(name, server)| {
            let tools = self.pipeline.offered(name).map(|[tools, ..]| tools);
            let state = server.state();
            (name.as_str(), Row { state, tools })
        });
        let page = Page {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            servers: rows.collect(),
        };
        json(StatusCode::OK, message::json(&page).into())
    }

    fn tools(&self) -> Response<Body> {
        let whole = self.pipeline.plan().views.whole().clone();
        let names = message::json(&whole.names(List::Tools));
        json(StatusCode::OK, format!(r#"{{"tools":{names}}}"#).into())
    }

    /// The server of that name, or the words for who mistook it.
    fn find(&self, name: &str) -> Result<Arc<Server>, String> {
        let plan = self.pipeline.plan();
        let mut servers = plan.servers.iter();
        let found = servers.find(|(known, _)| known.as_str() == name);
        found.map(|(_, server)| server.clone()).ok_or_else(|| {
            let known = plan.servers.iter().map(|(name, _)| name.as_str());
            config::no_server(name, known)
        })
    }

    async fn reload(&self) -> Response<Body> {
        match (self.reload)().await {
            Ok(done) => json(StatusCode::OK, told("done", &done).into()),
            Err(words) => no(StatusCode::CONFLICT, &words),
        }
    }
}

async fn carry_out(server: &Server, name: &str, order: &str) -> Response<Body> {
    let state = match order {
        "restart" => server.restart().await,
        "disable" => Ok(server.disable().await),
        _ => Ok(server.enable().await),
    };
    match state {
        Ok(state) => json(StatusCode::OK, message::json(&state).into()),
        Err(_disabled) => {
            let words = format!("server `{name}` is disabled: enable it instead");
            no(StatusCode::CONFLICT, &words)
        }
    }
}

fn no(status: StatusCode, words: &str) -> Response<Body> {
    json(status, told("error", words).into())
}

fn told(key: &str, words: &str) -> String {
    format!(r#"{{"{key}":{}}}"#, message::json(&words))
}
