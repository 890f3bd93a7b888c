//! Pages of other origins that may talk to us from a browser (Fetch, CORS protocol).
//!
//! Nobody's unless they are listed. Who calls is shown in headers that a page sets itself, so that
//! there are no cookies to be sent along, and no credentials to be allowed.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method as Verb, Request, Response, StatusCode, header,
};

use super::body::Body;
use crate::mcp::header::PARAM;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Mcp-Session-Id, WWW-Authenticate, Retry-After");
/// What a client of any revision sends along.
const HEADERS: &str = "Authorization, Content-Type, Mcp-Session-Id, MCP-Protocol-Version, \
                       Last-Event-ID, X-API-Key, Mcp-Method, Mcp-Name";
/// How long a browser need not ask again, in seconds; Chromium forgets sooner than others.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
/// Headers that mirror arguments, in one preflight.
const PARAMS: usize = 64;

/// The origins whose pages may.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: Vec<String>,
}

impl Cors {
    /// The pages of these origins; `*` for all pages there are.
    pub fn new(origins: &[String]) -> Self {
        let origins = origins.iter().map(|origin| origin.to_ascii_lowercase());
        Self {
            origins: origins.collect(),
        }
    }

    /// The answer to a browser that asks whether a page may, if it may.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if request.method() != Verb::OPTIONS {
            return None;
        }
        let headers = request.headers();
        let asks = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || !self.lists(headers.get(header::ORIGIN)) {
            return None;
        }
        let mut response = Response::new(Body::Whole(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        permit(headers, response.headers_mut());
        Some(response)
    }

    /// What [`Cors::mark`] needs of a request; nothing where no page is listed.
    pub fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        headers.get(header::ORIGIN).cloned()
    }

    /// Says in a response that the page may read it, if it may.
    pub fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // For caches: to another origin it says something else.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|_| self.lists(origin)) else {
            return;
        };
        let allowed = match self.lists_all() {
            true => HeaderValue::from_static("*"),
            false => origin.clone(),
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    fn lists_all(&self) -> bool {
        self.origins.iter().any(|listed| listed == "*")
    }

    fn lists(&self, origin: Option<&HeaderValue>) -> bool {
        let Some(origin) = origin.and_then(|origin| origin.to_str().ok()) else {
            return false;
        };
        let listed = |listed: &String| listed.eq_ignore_ascii_case(origin);
        self.lists_all() || self.origins.iter().any(listed)
    }
}

/// What a page may send, in the answer to one who asks.
pub(super) fn permit(asked: &HeaderMap, headers: &mut HeaderMap) {
    let mut names = HEADERS.to_owned();
    let asked = asked.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let asked = asked.iter().filter_map(|line| line.to_str().ok());
    let asked = asked.flat_map(|line| line.split(','));
    let params = asked
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .filter(|name| name.as_str().starts_with(PARAM));
    for name in params.take(PARAMS) {
        names.push_str(", ");
        names.push_str(name.as_str());
    }
    if let Ok(names) = HeaderValue::try_from(names) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
