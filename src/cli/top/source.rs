//! Where the numbers come from: the control socket of this machine's gateway, or `/stats`.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    cli::{CliError, control::Control, trust::TrustArgs},
    forward::{chain, tls},
};

/// How long a gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// Where the numbers come from.
pub(super) enum Source {
    /// The gateway of this machine.
    Here(Control),
    /// One that is found over the network.
    There(Box<There>),
}

/// A gateway that is found over the network, and what is shown there.
pub(super) struct There {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    uri: Uri,
    shown: Option<String>,
}

impl Source {
    /// The gateway at that URL, whatever path it has: that of its endpoint will do.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn url(url: &str, key: Option<&str>, trust: &TrustArgs) -> Result<Self, CliError> {
        let wrong = || {
            let words = format!("--url {url}: expected a URL such as http://127.0.0.1:8765");
            CliError::Usage(words)
        };
        let parsed: Uri = url.parse().map_err(|_no_url| wrong())?;
        let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
            return Err(wrong());
        };
        if !matches!(scheme, "http" | "https") {
            return Err(wrong());
        }
        let uri = format!("{scheme}://{authority}/stats");
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(match scheme {
                "https" => trust.config()?,
                _ => tls(false)?,
            })
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let there = There {
            client: Client::builder(TokioExecutor::new()).build(connector),
            uri: uri.parse().map_err(|_no_url| wrong())?,
            shown: key.map(|key| format!("Bearer {key}")),
        };
        Ok(Self::There(Box::new(there)))
    }

    /// The page as it is now.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no.
    pub(super) async fn ask(&self) -> Result<String, CliError> {
        let asked = async {
            match self {
                Self::Here(control) => control.told(Method::GET, "/stats").await,
                Self::There(there) => there.ask().await,
            }
        };
        let late = |_elapsed| CliError::Answer(format!("no answer within {PATIENCE:?}"));
        timeout(PATIENCE, asked).await.map_err(late)?
    }
}

impl There {
    async fn ask(&self) -> Result<String, CliError> {
        let mut request = Request::get(self.uri.clone());
        if let Some(shown) = &self.shown {
            request = request.header(header::AUTHORIZATION, shown);
        }
        let request = request.body(Empty::new());
        // The value is not repeated: it is a key.
        let request = request.map_err(|_no_header| {
            CliError::Usage("--key: no key has such characters".to_owned())
        })?;
        let nobody = |why: String| {
            let place = self
                .uri
                .authority()
                .map_or("", |authority| authority.as_str());
            CliError::Answer(format!("no gateway answers at {place}: {why}"))
        };
        let answered = self.client.request(request).await;
        let response = answered.map_err(|error| nobody(chain(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| nobody(error.to_string()))?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        match status {
            StatusCode::OK => Ok(text),
            StatusCode::UNAUTHORIZED => Err(CliError::Answer(match self.shown {
                Some(_) => "the gateway does not know this key (401)".to_owned(),
                None => "the gateway asks for a key: --key, or MCPGATE_KEY".to_owned(),
            })),
            StatusCode::NOT_FOUND => Err(nobody(
                "there is no /stats (404); is it mcpgate?".to_owned(),
            )),
            _ => Err(CliError::Answer(refused(status, &text))),
        }
    }
}

/// What a gateway says that it refuses us.
fn refused(status: StatusCode, text: &str) -> String {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    match said.get("error").and_then(Value::as_str) {
        Some(words) => words.to_owned(),
        None => format!("the gateway says {status}"),
    }
}
