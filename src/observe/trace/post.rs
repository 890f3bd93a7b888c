//! One request to the collector (OTLP/HTTP, binary).

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method as Verb, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use prost::Message;

use super::{TracesConfig, otlp};
use crate::{
    forward::{Plain, Trust, advised, client},
    observe::one_line,
};

/// How much an answer may be: it says how many spans were not taken.
const LARGEST: usize = 64 * 1024;

/// The way to a collector.
pub(super) struct Post {
    uri: Uri,
    headers: HeaderMap,
    limit: Duration,
    /// Whom TLS trusts; without it, those whom this machine does.
    trust: Option<Trust>,
    /// Made when something is sent for the first time.
    client: Option<Plain<Full<Bytes>>>,
}

/// Why spans were not sent.
pub(super) enum Unsent {
    /// It may help to try again, not before so long.
    Later(String, Option<Duration>),
    /// It will not.
    Never(String),
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Later(words, _) | Self::Never(words)) = self;
        f.write_str(words)
    }
}

impl Post {
    pub(super) fn new(config: &TracesConfig) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in config.headers.iter().flatten() {
            let name = HeaderName::try_from(name.as_str());
            if let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(value.reveal())) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let binary = HeaderValue::from_static("application/x-protobuf");
        headers.insert(header::CONTENT_TYPE, binary);
        let agent = HeaderValue::from_static(concat!("mcpgate/", env!("CARGO_PKG_VERSION")));
        headers.insert(header::USER_AGENT, agent);
        Self {
            uri: config.target.parse().unwrap_or_default(),
            headers,
            limit: config.timeout,
            trust: config.authorities.clone(),
            client: None,
        }
    }

    /// Where it leads.
    pub(super) fn place(&self) -> &Uri {
        &self.uri
    }

    /// Sends spans; gives how many of them were not taken, and why, if not all were.
    pub(super) async fn send(&mut self, body: Bytes) -> Result<Option<(u64, String)>, Unsent> {
        let limit = self.limit;
        let sent = tokio::time::timeout(limit, self.attempt(body)).await;
        let late = || {
            Unsent::Later(
                format!("no answer within {limit:?} ([traces] timeout)"),
                None,
            )
        };
        sent.map_err(|_elapsed| late())?
    }

    async fn attempt(&mut self, body: Bytes) -> Result<Option<(u64, String)>, Unsent> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Verb::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = self.client().await?.request(request).await;
        let answer = answer.map_err(|error| {
            let words = advised(&error, self.trust.as_ref(), "[traces]");
            Unsent::Later(self.unreached(words), None)
        })?;
        let (head, body) = answer.into_parts();
        // Read to its end, so that the connection serves again.
        let read = Limited::new(body, LARGEST).collect().await;
        let body = read.map(|body| body.to_bytes()).unwrap_or_default();
        if head.status.is_success() {
            return Ok(rejected(&body));
        }
        let words = format!("HTTP status {}", head.status.as_u16());
        Err(match head.status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Unsent::Later(words, retry_after(&head.headers)),
            _ => Unsent::Never(words),
        })
    }

    /// The port that collectors have for gRPC is the likeliest mistake.
    fn unreached(&self, words: String) -> String {
        match self.uri.port_u16() {
            Some(4317) => format!("{words}; 4317 is for gRPC, OTLP over HTTP is at 4318"),
            Some(_) | None => words,
        }
    }

    async fn client(&mut self) -> Result<&Plain<Full<Bytes>>, Unsent> {
        let made = match self.client.take() {
            Some(made) => Ok(made),
            None => client(self.uri.scheme_str() == Some("https"), self.trust.as_ref()).await,
        };
        let made = made
            .map_err(|error| Unsent::Later(format!("no certificates to trust: {error}"), None))?;
        Ok(self.client.insert(made))
    }
}

/// What a collector says that has taken only some.
fn rejected(body: &[u8]) -> Option<(u64, String)> {
    let answer = otlp::Response::decode(body).ok()?;
    let partial = answer.partial?;
    let count = u64::try_from(partial.rejected).ok()?;
    (count > 0).then(|| (count, one_line(&partial.message)))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let after = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    after.parse().ok().map(Duration::from_secs)
}
