//! A legacy HTTP+SSE server (2024-11-05) that does what a test tells it, and remembers what it
//! heard.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::{JoinHandle, JoinSet},
};

use super::{Heard, answer::Body, within};

type Handler = Arc<dyn Fn(&Heard) -> Vec<String> + Send + Sync>;
type Endpoint = Box<dyn Fn(usize) -> String + Send>;

#[derive(Default)]
struct State {
    inner: Mutex<Script>,
    came: Notify,
}

#[derive(Default)]
struct Script {
    handlers: HashMap<&'static str, Handler>,
    refused: HashMap<&'static str, u16>,
    probed: Option<u16>,
    endpoint: Option<Endpoint>,
    heard: Vec<Heard>,
    streams: Vec<Option<mpsc::Sender<Bytes>>>,
}

/// A running fake.
pub(crate) struct SseServer {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl SseServer {
    /// One that offers these tools, and answers each call with the `params` it heard.
    pub(crate) async fn with_tools(names: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<State> = Arc::default();
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let state = shared.clone();
                let service = service_fn(move |request| serve(state.clone(), request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
            }
        });
        let server = Self {
            address,
            state,
            serving,
        };
        server.offer_tools(names);
        server
    }

    fn inner(&self) -> MutexGuard<'_, Script> {
        self.state.inner.lock().unwrap()
    }

    /// Its `[servers.<name>]` table, which leaves the transport open.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("[servers.{name}]\nurl = \"http://{}/sse\"\n", self.address)
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says on the stream when it hears a method, from now on.
    pub(crate) fn on(
        &self,
        method: &'static str,
        handler: impl Fn(&Heard) -> Vec<String> + Send + Sync + 'static,
    ) {
        self.inner().handlers.insert(method, Arc::new(handler));
    }

    pub(crate) fn offer_tools(&self, names: &[&str]) {
        let tools: Vec<String> = names.iter().map(|name| super::tool(name)).collect();
        let result = format!(r#"{{"tools":[{}]}}"#, tools.join(","));
        self.on("tools/list", move |heard| vec![heard.result(&result)]);
    }

    /// Answers the POST of a method with this status, and says nothing on the stream.
    pub(crate) fn refuse(&self, method: &'static str, status: u16) {
        self.inner().refused.insert(method, status);
    }

    /// Refuses it no longer.
    pub(crate) fn accept(&self, method: &str) {
        self.inner().refused.remove(method);
    }

    /// Answers a POST to the address of the stream with this status; 405 unless told.
    pub(crate) fn probed(&self, status: u16) {
        self.inner().probed = Some(status);
    }

    /// Names this address to post to, from now on.
    pub(crate) fn endpoint(&self, endpoint: impl Fn(usize) -> String + Send + 'static) {
        self.inner().endpoint = Some(Box::new(endpoint));
    }

    /// Every message of that method it has heard so far.
    pub(crate) fn heard_of(&self, method: &str) -> Vec<Heard> {
        let heard = self.inner().heard.clone();
        let mut heard = heard;
        heard.retain(|heard| heard.method() == method);
        heard
    }

    /// How many GETs of the stream there have been.
    pub(crate) fn opened(&self) -> usize {
        self.inner().streams.len()
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
                let found = {
                    let inner = self.inner();
                    let mut heard = inner.heard.iter().filter(|heard| fits(heard));
                    heard.nth(count - 1).cloned()
                };
                if let Some(found) = found {
                    return found;
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

    /// Says something on a stream; the gateway's own is the first.
    pub(crate) async fn push(&self, stream: usize, message: &str) {
        let sender = self.inner().streams[stream].clone().expect("it is closed");
        let sent = sender.send(format!("data: {message}\n\n").into()).await;
        sent.expect("the stream is closed");
    }

    /// Ends a stream.
    pub(crate) fn close(&self, stream: usize) {
        self.inner().streams[stream] = None;
    }

    /// Waits until the gateway has closed a stream.
    pub(crate) async fn closed(&self, stream: usize) {
        let sender = self.inner().streams[stream].clone().expect("it is closed");
        within("the end of a stream", sender.closed()).await;
    }
}

impl Drop for SseServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The stream that a request came for; the gateway's own is the first.
pub(super) const STREAM: &str = "x-stream";

async fn serve(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(status(400));
    };
    let mut heard = Heard {
        verb: head.method.clone(),
        headers: head.headers,
        body: body.to_bytes(),
    };
    let stream = head.uri.query().and_then(|query| query.strip_prefix("c="));
    let stream: Option<usize> = stream.and_then(|number| number.parse().ok());
    if let Some(number) = stream {
        heard.headers.insert(STREAM, number.into());
    }
    let (response, said) = state.inner.lock().unwrap().react(heard, stream);
    state.came.notify_waiters();
    if let Some((sender, messages)) = said {
        for message in messages {
            drop(sender.send(format!("data: {message}\n\n").into()).await);
        }
    }
    Ok(response)
}

type Said = Option<(mpsc::Sender<Bytes>, Vec<String>)>;

impl Script {
    fn react(&mut self, heard: Heard, stream: Option<usize>) -> (Response<Body>, Said) {
        if heard.verb == Method::GET {
            return (self.open(heard), None);
        }
        let Some(stream) = stream else {
            return (status(self.probed.unwrap_or(405)), None);
        };
        self.heard.push(heard.clone());
        let method = heard.method();
        if let Some(refused) = self.refused.get(method.as_str()) {
            return (status(*refused), None);
        }
        let scripted = self.handlers.get(method.as_str()).cloned();
        let messages = match (scripted, method.as_str()) {
            (Some(handler), _) => handler(&heard),
            (None, _) if heard.id() == "null" || method.is_empty() => Vec::new(),
            (None, "initialize") => vec![heard.result(GREETING)],
            (None, "tools/call") => vec![heard.result(heard.params())],
            (None, _) => vec![heard.result("{}")],
        };
        let sender = self.streams.get(stream).cloned().flatten();
        (status(202), sender.map(|sender| (sender, messages)))
    }

    fn open(&mut self, heard: Heard) -> Response<Body> {
        self.heard.push(heard);
        let number = self.streams.len();
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint(number),
            None => format!("/messages?c={number}"),
        };
        let (sender, messages) = mpsc::channel::<Bytes>(64);
        self.streams.push(Some(sender));
        let first = format!("event: endpoint\ndata: {endpoint}\n\n");
        let rest = stream::unfold(messages, |mut messages| async {
            Some((messages.recv().await?, messages))
        });
        let events = futures_util::StreamExt::chain(stream::iter([Bytes::from(first)]), rest);
        let events =
            futures_util::StreamExt::map(events, |data| Ok::<_, io::Error>(Frame::data(data)));
        let mut response = Response::new(StreamBody::new(events).boxed_unsync());
        let kind = http::HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert("content-type", kind);
        response
    }
}

/// What a server of that revision declares.
const GREETING: &str = r#"{"protocolVersion":"2024-11-05","capabilities":{"tools":{"listChanged":true},"logging":{}},"serverInfo":{"name":"fake","version":"1"}}"#;

fn status(status: u16) -> Response<Body> {
    let mut response = Response::new(Full::default().map_err(io::Error::other).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}
