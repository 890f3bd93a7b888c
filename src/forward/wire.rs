//! HTTP requests to one server.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method as Verb, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};

use super::{ServerConfig, listing::garbled, outlet::Outlet};
use crate::{call::Reply, refusal::Refusal};

const CONNECT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(60);

/// A pool of connections to one URL.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) outlet: Outlet,
    pub(super) max_message: usize,
    /// How long an answer may take, and each pause in a large one.
    pub(super) limit: Duration,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
}

impl Wire {
    /// Prepares the pool; nothing is sent yet.
    ///
    /// # Errors
    /// When the URL needs TLS and this machine has no certificates to trust.
    pub(super) fn new(
        outlet: Outlet,
        config: &ServerConfig,
        max_message: usize,
    ) -> Result<Self, Refusal> {
        let unavailable = |reason: String| Refusal::Unavailable {
            server: outlet.server.to_string(),
            reason,
        };
        let url = config
            .url
            .as_ref()
            .map(|url| url.as_str())
            .unwrap_or_default();
        let uri: Uri = url
            .parse()
            .map_err(|error| unavailable(format!("url: {error}")))?;
        let tls = tls(uri.scheme_str() == Some("https"))
            .map_err(|error| unavailable(format!("no certificates to trust: {error}")))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self {
            outlet,
            max_message,
            limit: config.timeout,
            client,
            uri,
        })
    }

    /// Where requests go.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The same connections to another address of the server.
    pub(super) fn at(&self, uri: Uri) -> Self {
        Self {
            uri,
            ..self.clone()
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// When the server cannot be reached, or closes the connection instead of answering.
    pub(super) async fn send(
        &self,
        verb: Verb,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, Refusal> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = verb;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers.clone();
        let sent = self.client.request(request).await;
        sent.map_err(|error| {
            let (server, reason) = (self.outlet.server.to_string(), chain(&error));
            if error.is_connect() {
                return Refusal::Unavailable { server, reason };
            }
            Refusal::Stopped {
                server,
                reason,
                stderr: Vec::new(),
            }
        })
    }

    /// A reply as one piece of memory, if it is not too large.
    ///
    /// # Errors
    /// When it is larger than a message may be, or breaks off.
    pub(super) async fn whole(&self, reply: Reply) -> Result<Bytes, Refusal> {
        match reply {
            Reply::Whole(bytes) | Reply::Failed(bytes) => Ok(bytes),
            Reply::Silence => Ok(Bytes::new()),
            Reply::Streamed(body) => {
                let collected = Limited::new(body, self.max_message).collect().await;
                let bytes =
                    collected.map_err(|error| garbled(&self.outlet.server, error.to_string()))?;
                Ok(bytes.to_bytes())
            }
        }
    }
}

/// The certificates of this machine, looked for only where TLS is spoken.
pub(crate) fn tls(needed: bool) -> std::io::Result<ClientConfig> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?;
    Ok(match needed {
        true => builder.with_native_roots()?.with_no_client_auth(),
        false => builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    })
}

/// An error and what caused it, in one line: hyper keeps the reason at the end of the chain.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
