//! A client that sees bytes.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring::default_provider};
use serde_json::Value;

use super::{
    events::{self, Event, Events},
    within,
};

/// Believes no certificate.
static NOBODY: LazyLock<ClientConfig> = LazyLock::new(|| {
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(RootCertStore::empty());
    builder.with_no_client_auth()
});

/// What every request of a client carries, and where it goes.
#[derive(Clone)]
pub(crate) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    path: String,
    headers: HeaderMap,
}

impl Client {
    /// One that has sent nothing yet.
    pub(crate) fn new(url: String) -> Self {
        Self::speaking(url, NOBODY.clone())
    }

    /// One that speaks TLS like that, where the URL wants TLS.
    pub(crate) fn speaking(url: String, tls: ClientConfig) -> Self {
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = connector.https_or_http().enable_http1().build();
        let client = Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            url,
            path: "/mcp".to_owned(),
            headers: HeaderMap::new(),
        };
        client
            .with("content-type", "application/json")
            .with("accept", "application/json, text/event-stream")
    }

    /// With one more header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers
            .append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    /// Without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// The same, of another gateway.
    pub(crate) fn moved(self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self
        }
    }

    /// Somewhere else than `/mcp`.
    pub(crate) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// With a session of the newest revision.
    pub(crate) async fn open(self) -> Self {
        self.open_as("2025-11-25").await
    }

    /// With a session of some revision.
    pub(crate) async fn open_as(self, revision: &str) -> Self {
        self.open_with(revision, "{}").await
    }

    /// With a session of some revision and these capabilities.
    pub(crate) async fn open_with(self, revision: &str, capabilities: &str) -> Self {
        let opened = self.post(initialize_with(revision, capabilities)).await;
        assert_eq!(opened.status, StatusCode::OK, "{}", opened.text());
        let client = self.with("mcp-session-id", opened.header("mcp-session-id"));
        let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert_eq!(client.post(ready).await.status, StatusCode::ACCEPTED);
        client
    }

    /// The id of its session.
    pub(crate) fn session(&self) -> &str {
        self.headers["mcp-session-id"].to_str().unwrap()
    }

    /// Sends any request; the head of the response is there, its body may not be.
    pub(crate) async fn send(&self, verb: Method, body: impl Into<Bytes>) -> Response<Incoming> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = verb;
        *request.uri_mut() = format!("{}{}", self.url, self.path).parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        within("a response", self.http.request(request))
            .await
            .unwrap()
    }

    /// Whether it gets as far as to be answered anything.
    pub(crate) async fn is_served(&self) -> bool {
        self.answered().await.is_ok()
    }

    async fn answered(&self) -> Result<Response<Incoming>, legacy::Error> {
        let request = Request::get(format!("{}/livez", self.url));
        let request = request.body(Full::default()).unwrap();
        within("an answer, or none", self.http.request(request)).await
    }

    /// Why it is answered nothing.
    pub(crate) async fn fails(&self) -> String {
        let failed = self.answered().await.unwrap_err();
        let mut words = String::new();
        let mut error: Option<&dyn std::error::Error> = Some(&failed);
        while let Some(cause) = error {
            words = format!("{words}: {cause}");
            error = cause.source();
        }
        words
    }

    /// Sends any request and reads the whole response.
    pub(crate) async fn ask(&self, verb: Method, body: impl Into<Bytes>) -> Reply {
        let (head, body) = self.send(verb, body).await.into_parts();
        let body = within("a body", body.collect()).await;
        Reply {
            status: head.status,
            headers: head.headers,
            body: body.unwrap().to_bytes(),
        }
    }

    /// Posts one message, or whatever this is.
    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> Reply {
        self.ask(Method::POST, body).await
    }

    /// Posts one message that is answered by a stream.
    pub(crate) async fn post_events(&self, body: impl Into<Bytes>) -> Events {
        stream(self.send(Method::POST, body).await)
    }

    /// Asks under the id `1`; `params` is JSON.
    pub(crate) async fn request(&self, method: &str, params: &str) -> Reply {
        self.post(request("1", method, params)).await
    }

    /// Calls a tool under the id `1`; `arguments` is JSON.
    pub(crate) async fn call(&self, tool: &str, arguments: &str) -> Reply {
        self.post(call("1", tool, arguments)).await
    }

    /// Opens the session's GET stream.
    pub(crate) async fn listen(&self) -> Events {
        stream(self.send(Method::GET, "").await)
    }

    /// The exposed names, URIs or URI templates of a list.
    pub(crate) async fn list(&self, list: &str) -> Vec<String> {
        let answer = self.request(&format!("{list}/list"), "{}").await.answer();
        let items = answer["result"].as_object().unwrap().values().next();
        let key = |item: &Value| {
            let key = ["name", "uri", "uriTemplate"].map(|key| item[key].as_str());
            match list {
                "resources" => key[1].unwrap().to_owned(),
                "resources/templates" => key[2].unwrap().to_owned(),
                _ => key[0].unwrap().to_owned(),
            }
        };
        items.unwrap().as_array().unwrap().iter().map(key).collect()
    }
}

pub(super) fn stream(response: Response<Incoming>) -> Events {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Events::new(response.into_body())
}

/// The first message of a session.
pub(crate) fn initialize(revision: &str) -> String {
    initialize_with(revision, "{}")
}

/// The first message of a session of a client that has capabilities.
pub(crate) fn initialize_with(revision: &str, capabilities: &str) -> String {
    let params = format!(
        r#"{{"protocolVersion":"{revision}","capabilities":{capabilities},"clientInfo":{{"name":"test","version":"0"}}}}"#
    );
    request("0", "initialize", &params)
}

/// A request; `id` and `params` are JSON.
pub(crate) fn request(id: &str, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

/// The call of a tool; `id` and `arguments` are JSON.
pub(crate) fn call(id: &str, tool: &str, arguments: &str) -> String {
    let params = format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#);
    request(id, "tools/call", &params)
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body as it is.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header, which must be there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("no {name}"))
            .to_str()
            .unwrap()
    }

    /// The events of the body.
    pub(crate) fn events(&self) -> Vec<Event> {
        assert_eq!(self.header("content-type"), "text/event-stream");
        events::all(self.text())
    }

    /// The message that answers, wherever it stands.
    pub(crate) fn answer(&self) -> Value {
        match self.header("content-type") {
            "application/json" => serde_json::from_slice(&self.body).unwrap(),
            _ => serde_json::from_str(&self.events().last().unwrap().data).unwrap(),
        }
    }

    /// The error in the answer: code and message.
    pub(crate) fn error(&self) -> (i64, String) {
        let answer = self.answer();
        let error = &answer["error"];
        let code = error["code"].as_i64();
        let code = code.unwrap_or_else(|| panic!("no error: {answer}"));
        (code, error["message"].as_str().unwrap().to_owned())
    }
}
