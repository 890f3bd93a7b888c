//! A collector (OTLP over HTTP, binary) that reads spans by the numbers of the protocol's fields, apart
//! from how the gateway writes them.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

use super::wire::{Value, all, fields, hex, number, only, text};
use crate::support::{Gate, within};

/// A span as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) state: String,
    pub(crate) name: String,
    /// 2: of a server, 3: of a client.
    pub(crate) kind: u64,
    pub(crate) times: (u64, u64),
    pub(crate) attributes: Attributes,
    pub(crate) events: Vec<(String, Attributes)>,
    /// Trace and span.
    pub(crate) links: Vec<(String, String)>,
    /// 2: it has failed.
    pub(crate) status: u64,
    pub(crate) message: String,
    pub(crate) flags: u64,
}

pub(crate) type Attributes = BTreeMap<String, String>;

impl Span {
    /// An attribute; nothing where it is not there.
    pub(crate) fn is(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }

    /// As those name it who go on with it.
    pub(crate) fn context(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.id, self.flags & 0xff)
    }
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<(HeaderMap, Bytes)>>,
    /// What is answered, the first first; then all is well.
    answers: Mutex<Vec<(u16, Vec<u8>)>>,
    held: Mutex<Option<Gate>>,
    came: Notify,
}

/// A running collector.
pub(crate) struct Collector {
    pub(crate) url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<State>::default();
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request| take(state.clone(), request));
                let serve = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(serve.await) });
            }
        });
        Self {
            url,
            state,
            serving,
        }
    }

    /// The table that sends spans here.
    pub(crate) fn table(&self, more: &str) -> String {
        format!("[traces]\nendpoint = \"{}\"\n{more}\n", self.url)
    }

    /// Answers the next request with this; its body is of OTLP.
    pub(crate) fn answers(&self, status: u16, body: &[u8]) {
        let mut answers = self.state.answers.lock().unwrap();
        answers.push((status, body.to_vec()));
    }

    /// Answers nothing before the gate opens.
    pub(crate) fn hold(&self, gate: &Gate) {
        *self.state.held.lock().unwrap() = Some(gate.clone());
    }

    /// The headers and bodies of all requests so far.
    pub(crate) fn requests(&self) -> Vec<(HeaderMap, Bytes)> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn hears(&self, count: usize) {
        let heard = async {
            loop {
                let came = self.state.came.notified();
                if self.requests().len() >= count {
                    return;
                }
                came.await;
            }
        };
        within("spans", heard).await;
    }

    /// All spans so far, in the order in which they began.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.requests();
        let all = requests.iter().flat_map(|(_, body)| spans(body));
        let mut all: Vec<Span> = all.collect();
        all.sort_by_key(|span| (span.times.0, span.kind));
        all
    }

    /// The only span of that kind.
    pub(crate) fn only(&self, kind: u64) -> Span {
        let mut spans = self.spans();
        spans.retain(|span| span.kind == kind);
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    /// What the gateway says of itself.
    pub(crate) fn resource(&self) -> Attributes {
        let requests = self.requests();
        let resource_spans = only(&requests[0].1, 1);
        attributes(&only(&resource_spans, 1), 1)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(*request.method(), Method::POST);
    assert_eq!(request.uri().path(), "/v1/traces");
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    state.requests.lock().unwrap().push((head.headers, body));
    state.came.notify_waiters();
    let held = state.held.lock().unwrap().clone();
    if let Some(gate) = held {
        gate.passed().await;
    }
    let mut answers = state.answers.lock().unwrap();
    let (status, body) = match answers.is_empty() {
        true => (200, Vec::new()),
        false => answers.remove(0),
    };
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    // So that who is told to come again does so at once.
    response
        .headers_mut()
        .insert("retry-after", "0".parse().unwrap());
    Ok(response)
}

fn attributes(message: &[u8], number: u64) -> Attributes {
    let one = |pair: Vec<u8>| {
        let value = only(&pair, 2);
        let said = match fields(&value).pop() {
            Some((1, Value::Bytes(text))) => String::from_utf8(text).unwrap(),
            Some((3, Value::Number(number))) => number.to_string(),
            _ => panic!("an attribute of another kind"),
        };
        (text(&pair, 1), said)
    };
    all(message, number).into_iter().map(one).collect()
}

fn spans(body: &[u8]) -> Vec<Span> {
    let scopes = all(body, 1)
        .into_iter()
        .flat_map(|resource| all(&resource, 2));
    scopes
        .flat_map(|scope| all(&scope, 2))
        .map(|it| span(&it))
        .collect()
}

fn span(it: &[u8]) -> Span {
    let status = only(it, 15);
    let events = all(it, 11).into_iter();
    let links = all(it, 13).into_iter();
    Span {
        trace: hex(it, 1),
        id: hex(it, 2),
        state: text(it, 3),
        parent: hex(it, 4),
        name: text(it, 5),
        kind: number(it, 6),
        times: (number(it, 7), number(it, 8)),
        attributes: attributes(it, 9),
        events: events
            .map(|event| (text(&event, 2), attributes(&event, 3)))
            .collect(),
        links: links.map(|link| (hex(&link, 1), hex(&link, 2))).collect(),
        status: number(&status, 3),
        message: text(&status, 2),
        flags: number(it, 16),
    }
}
