//! HTTP responses.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method as Verb, Response, StatusCode, header};

use super::body::Body;
use crate::{
    call::{Pieces, Reply},
    pipeline::Answer,
    refusal::Refusal,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// A message of this size goes out of the memory where it stands: it is not copied, in bytes.
const LARGE: usize = 16 * 1024;

/// An answer that nothing precedes. `telling`: a refusal with a status that says the same.
pub(super) fn plain(answer: Answer, telling: bool) -> Response<Body> {
    let Answer {
        reply,
        refusal,
        record,
        held,
    } = answer;
    let mut response = match reply {
        Reply::Whole(message) | Reply::Failed(message) => json(StatusCode::OK, message),
        Reply::Pieces(pieces) => ready(pieces),
        Reply::Silence => status(StatusCode::ACCEPTED),
        Reply::Streamed(body) => {
            let mut response = Response::new(Body::Passing(body, Box::new((record, held))));
            response.headers_mut().insert(header::CONTENT_TYPE, JSON);
            response
        }
    };
    if let Some(refusal) = refusal.filter(|_| telling) {
        tell(&mut response, &refusal);
    }
    response
}

/// What stood ready, packed where it is to be.
pub(super) fn ready(pieces: Pieces) -> Response<Body> {
    let (varies, packed) = (pieces.is_worth_packing(), pieces.is_packed());
    let body = match packed || pieces.size() >= LARGE {
        true => Body::Pieces(pieces.apart().into_iter()),
        false => Body::Whole(pieces.joined()),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    if varies {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if packed {
        let gzip = HeaderValue::from_static("gzip");
        headers.insert(header::CONTENT_ENCODING, gzip);
    }
    response
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

pub(super) fn not_allowed(verbs: &[Verb], plain: bool) -> Response<Body> {
    let words = match plain {
        true => "",
        false => "This is an MCP endpoint: POST JSON-RPC messages here.\n",
    };
    let mut response = Response::new(Body::Whole(Bytes::from_static(words.as_bytes())));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let names: Vec<&str> = verbs.iter().map(Verb::as_str).collect();
    if let Ok(allow) = HeaderValue::from_str(&names.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// A refusal inside an exchange. `telling`: with a status that says the same.
pub(super) fn refused(refusal: &Refusal, id: &str, telling: bool) -> Response<Body> {
    let message = refusal.message(Some(id.as_bytes()));
    let mut response = json(refusal.status(), message);
    if telling {
        tell(&mut response, refusal);
    }
    response
}

/// A refusal to those who speak plain HTTP; `words` where there are better ones than its own.
pub(super) fn plainly_refused(refusal: &Refusal, words: Option<&str>) -> Response<Body> {
    let mut response = json(refusal.plain_status(), refusal.plain_body(words));
    retry_after(&mut response, refusal);
    response
}

/// A refusal before there is an exchange.
pub(super) fn turned_away(refusal: &Refusal) -> Response<Body> {
    let status = refusal.plain_status();
    let body = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            return plainly_refused(refusal, None);
        }
        _ => refusal.message(None),
    };
    json(status, body)
}

fn tell(response: &mut Response<Body>, refusal: &Refusal) {
    *response.status_mut() = refusal.telling_status();
    retry_after(response, refusal);
}

fn retry_after(response: &mut Response<Body>, refusal: &Refusal) {
    if let Some(seconds) = refusal.retry_after() {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
}
