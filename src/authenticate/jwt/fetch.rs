//! One GET of a key set.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};

use crate::forward::{Trust, advised, client};

/// How long it may take in all.
const LIMIT: Duration = Duration::from_secs(5);
/// How much the answer may be.
const LARGEST: usize = 1024 * 1024;

/// The body at a URL. Redirects are not followed: keys come from where the config says. `table` is
/// where it does, and whom TLS trusts.
///
/// # Errors
/// Why there is none, in words for the log.
pub(super) async fn fetch(uri: &Uri, trust: Option<&Trust>, table: &str) -> Result<Bytes, String> {
    let answer = tokio::time::timeout(LIMIT, get(uri, trust, table)).await;
    answer.map_err(|_elapsed| format!("no answer within {LIMIT:?}"))?
}

async fn get(uri: &Uri, trust: Option<&Trust>, table: &str) -> Result<Bytes, String> {
    let is_secure = uri.scheme_str() == Some("https");
    // A connection for each fetch, as the next one is minutes away.
    let client = client(is_secure, trust).await;
    let client = client.map_err(|error| format!("no certificates to trust: {error}"))?;

    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = uri.clone();
    let accept = header::HeaderValue::from_static("application/jwk-set+json, application/json");
    request.headers_mut().insert(header::ACCEPT, accept);
    let response = client.request(request).await;
    let response = response.map_err(|error| advised(&error, trust, table))?;
    if response.status() != StatusCode::OK {
        return Err(format!("HTTP status {}", response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes())
}
