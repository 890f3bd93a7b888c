//! Where a client gets the tokens that open this door (RFC 9728; 2025-06-18, Authorization).
//!
//! Only if somebody issues such tokens whom a client can be sent to. Without, there is no word of
//! OAuth: clients such as LibreChat take the least of it for a need of it.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method as Verb, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use serde::Serialize;

use super::{
    body::Body,
    cors,
    http::Endpoint,
    meeting::locate,
    origin,
    response::{json, not_allowed, status},
};
use crate::mcp::message;

/// What stands before the path of a resource, in the address of its metadata.
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
const ALL: HeaderValue = HeaderValue::from_static("*");

/// RFC 9728, 2.
#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    authorization_servers: &'a [String],
    bearer_methods_supported: [&'a str; 1],
}

impl Endpoint {
    /// Answers a request for the metadata of the resource at a path, from anybody and any page:
    /// a client has no token yet. Whether there is something at that path is not said.
    pub fn metadata(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
        path: &str,
    ) -> Response<Body> {
        let (uri, headers) = (request.uri(), request.headers());
        let issuers = self.issuers();
        if issuers.is_empty() {
            return status(StatusCode::NOT_FOUND);
        }
        let served = locate(&self.pipeline().plan(), peer, headers);
        if let Err(refusal) = served.and_then(|_| self.origins().check_host(uri, headers)) {
            return self.turned_away(&refusal, true);
        }
        let mut response = match *request.method() {
            Verb::OPTIONS => {
                let mut response = status(StatusCode::NO_CONTENT);
                cors::permit(headers, response.headers_mut());
                response
            }
            Verb::GET => match self.base(uri, headers) {
                Some(base) => json(StatusCode::OK, metadata(&(base + path), &issuers)),
                None => status(StatusCode::NOT_FOUND),
            },
            _ => not_allowed(&[Verb::GET], true),
        };
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ALL);
        response
    }

    /// Tells whoever is not known where tokens come from.
    pub(super) fn challenge(&self, request: &Request<Incoming>, response: &mut Response<Body>) {
        if response.status() != StatusCode::UNAUTHORIZED || self.issuers().is_empty() {
            return;
        }
        let (uri, headers) = (request.uri(), request.headers());
        let Some(base) = self.base(uri, headers) else {
            return;
        };
        let mut words = format!(
            r#"Bearer resource_metadata="{base}{WELL_KNOWN}{}""#,
            resource(uri.path())
        );
        if headers.contains_key(header::AUTHORIZATION) {
            words.push_str(r#", error="invalid_token""#);
        }
        if let Ok(words) = HeaderValue::try_from(words) {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, words);
        }
    }

    /// The issuers that a client can be sent to.
    fn issuers(&self) -> Vec<String> {
        let plan = self.pipeline().plan();
        let issuers = plan.policy.credentials.tokens.issuers();
        let has_address = |issuer: &&str| {
            let uri = issuer.parse::<Uri>();
            uri.is_ok_and(|uri| matches!(uri.scheme_str(), Some("https" | "http")))
        };
        issuers.filter(has_address).map(str::to_owned).collect()
    }

    /// What stands before the paths of our resources.
    fn base(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let scheme = self.scheme();
        let heard = || origin::host(uri, headers).map(|host| format!("{scheme}://{host}"));
        self.public_url().map(str::to_owned).or_else(heard)
    }
}

fn metadata(resource: &str, issuers: &[String]) -> Bytes {
    let metadata = Metadata {
        resource,
        authorization_servers: issuers,
        bearer_methods_supported: ["header"],
    };
    message::json(&metadata).into()
}

/// The path of the resource that something belongs to.
fn resource(path: &str) -> &str {
    // It would break out of the quotes that it is put between.
    if path == "/" || path.contains(['"', '\\']) {
        return "";
    }
    if path == "/messages" {
        return "/sse";
    }
    let plain = ["/tools", "/call-tool", "/tools/call"];
    let mut before = plain.iter().filter_map(|end| path.strip_suffix(end));
    before.find(|path| path.ends_with("/mcp")).unwrap_or(path)
}
