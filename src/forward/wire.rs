//! The connections to one server.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio_util::task::TaskTracker;

use super::{
    ServerConfig, Trust, Urls,
    http1::Connections,
    listing::garbled,
    outlet::Outlet,
    trust::{advised, tls},
};
use crate::{call::Reply, refusal::Refusal};

/// The connections to one URL.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) outlet: Outlet,
    pub(super) max_message: usize,
    /// How long an answer may take, and each pause in a large one.
    pub(super) limit: Duration,
    /// The large answers on their way through.
    pub(super) streams: TaskTracker,
    pub(super) connections: Connections,
    pub(super) uri: Uri,
    /// Whom TLS trusts; without it, those whom this machine does.
    trust: Option<Trust>,
}

impl Wire {
    /// Prepares it; nothing is sent yet.
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
        let url = config.url.as_ref().map(Urls::first);
        let uri: Uri = url
            .unwrap_or_default()
            .parse()
            .map_err(|error| unavailable(format!("url: {error}")))?;
        let tls = match &config.trust {
            Some(trust) => Ok(trust.config()),
            None => tls(uri.scheme_str() == Some("https")),
        };
        let tls = tls.map_err(|error| unavailable(format!("no certificates to trust: {error}")))?;
        Ok(Self {
            outlet,
            max_message,
            limit: config.timeout,
            streams: TaskTracker::new(),
            connections: Connections::new(tls, config.dial_timeout()),
            uri,
            trust: config.trust.clone(),
        })
    }

    /// Why no connection came about, and what to do about it.
    #[cold]
    pub(super) fn unreachable(&self, error: &(dyn Error + 'static)) -> String {
        let table = format!("[servers.{}]", self.outlet.server);
        advised(error, self.trust.as_ref(), &table)
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

    /// A reply as one piece of memory, if it is not too large.
    ///
    /// # Errors
    /// When it is larger than a message may be, or breaks off.
    pub(super) async fn whole(&self, reply: Reply) -> Result<Bytes, Refusal> {
        match reply {
            Reply::Whole(bytes) | Reply::Failed(bytes) => Ok(bytes),
            Reply::Pieces(pieces) => Ok(pieces.joined()),
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

/// A client for what is asked now and then and is no MCP. Redirects are not followed. `trust`: none
/// but these; else those whom this machine does.
///
/// # Errors
/// When this machine trusts nobody, and TLS is spoken.
pub(crate) async fn client<B>(is_secure: bool, trust: Option<&Trust>) -> std::io::Result<Plain<B>>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
{
    // Reading the machine's certificates takes milliseconds, and calls go on meanwhile.
    let read = async || tokio::task::spawn_blocking(move || tls(is_secure)).await;
    let tls = match trust {
        Some(trust) => trust.config(),
        None => read().await.map_err(std::io::Error::other).flatten()?,
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// What [`client`] makes.
pub(crate) type Plain<B> = Client<HttpsConnector<HttpConnector>, B>;

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
