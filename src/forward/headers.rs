//! The headers of a request to a server.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::ServerConfig;

/// The session a server keeps for us.
pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// What was agreed at `initialize`.
pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// Where a broken stream goes on.
pub(super) const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// What stands in every request: what the config says, then what the protocol wants.
pub(super) fn base(config: &ServerConfig) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        // The loader has checked both.
        let name = HeaderName::try_from(name.as_str());
        let value = HeaderValue::from_str(value.reveal());
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let accept = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(header::ACCEPT, accept);
    headers
}
