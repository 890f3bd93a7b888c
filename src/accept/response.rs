//! HTTP responses.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method as Verb, Response, StatusCode, header};

use super::body::Body;
use crate::{call::Reply, pipeline::Answer, refusal::Refusal};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// An answer that nothing precedes.
pub(super) fn plain(answer: Answer) -> Response<Body> {
    let Answer { reply, record } = answer;
    match reply {
        Reply::Whole(message) | Reply::Failed(message) => json(StatusCode::OK, message),
        Reply::Silence => status(StatusCode::ACCEPTED),
        Reply::Streamed(body) => {
            let mut response = Response::new(Body::Passing(body, Box::new(record)));
            response.headers_mut().insert(header::CONTENT_TYPE, JSON);
            response
        }
    }
}

pub(super) fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENTS);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx would hold events back.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}

pub(crate) fn json(status: StatusCode, message: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::Whole(message));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

pub(crate) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

pub(super) fn not_allowed(verbs: &[Verb]) -> Response<Body> {
    let words = "This is an MCP endpoint: POST JSON-RPC messages here.\n";
    let mut response = Response::new(Body::Whole(Bytes::from_static(words.as_bytes())));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let names: Vec<&str> = verbs.iter().map(Verb::as_str).collect();
    if let Ok(allow) = HeaderValue::from_str(&names.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

pub(super) fn refused(refusal: &Refusal, id: Option<&str>) -> Response<Body> {
    json(refusal.status(), refusal.message(id.map(str::as_bytes)))
}
