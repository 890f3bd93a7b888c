//! Streamable HTTP in front (2025-03-26 to 2025-11-25, Transports).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method as Verb, Request, Response, StatusCode, header,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::{sleep, timeout};

use super::{
    HEARTBEAT, Origins, batch, begin,
    body::{self, Body},
    initialize::initialize,
};
use crate::{
    call::{Caller, Reply},
    mcp::{Frame, Kind, Malformed, Method, Part, frame},
    pipeline::{Answer, Pipeline},
    refusal::Refusal,
    session::{Reader, Session},
};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// How long a client may take to send a body.
const BODY: Duration = Duration::from_secs(60);

/// The MCP endpoint.
pub struct Endpoint {
    pipeline: Arc<Pipeline>,
    origins: Origins,
    max_message: usize,
}

impl Endpoint {
    /// An endpoint that takes messages of up to `max_message` bytes from these origins.
    pub fn new(pipeline: Arc<Pipeline>, origins: Origins, max_message: usize) -> Self {
        Self {
            pipeline,
            origins,
            max_message,
        }
    }

    /// Answers one HTTP request.
    pub async fn serve(&self, request: Request<Incoming>) -> Response<Body> {
        let checked = self.origins.check(request.uri(), request.headers());
        if let Err(refusal) = checked {
            tracing::warn!("refused: {refusal}");
            return refused(&refusal, None);
        }
        // Without asking who it is: clients probe with HEAD, and take a 401 for a need of OAuth.
        if ![Verb::POST, Verb::GET, Verb::DELETE].contains(request.method()) {
            return not_allowed();
        }
        let caller = match self.pipeline.identify(request.headers()) {
            Ok(caller) => caller,
            Err(refusal) => return refused(&refusal, None),
        };
        let answer = match *request.method() {
            Verb::POST => self.post(caller, request).await,
            Verb::DELETE => self.delete(&caller, request.headers()),
            _ => self.get(&caller, request.headers()),
        };
        answer.unwrap_or_else(|refusal| refused(&refusal, None))
    }

    async fn post(
        &self,
        caller: Caller,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        let (head, body) = request.into_parts();
        let body = self.collect(body).await?;
        let batch = frame::is_batch(&body);
        let mut frames = Vec::with_capacity(1);
        for message in frame::split(&body)? {
            frames.push(Frame::parse(message)?);
        }
        let opens = |frame: &Frame| {
            frame.kind() == Kind::Request && frame.method() == Some(Method::Initialize)
        };
        if let ([only], false) = (frames.as_slice(), batch)
            && opens(only)
        {
            return Ok(self.open(caller, only));
        }
        let session = self.session(&caller, &head.headers)?;
        if batch {
            return self.batch(&session, frames, &head.headers).await;
        }
        match frames.pop() {
            Some(frame) if frame.kind() == Kind::Request => {
                Ok(self.request(&session, frame, &head.headers).await)
            }
            Some(frame) => {
                self.pipeline.hear(&session, frame);
                Ok(status(StatusCode::ACCEPTED))
            }
            None => Ok(status(StatusCode::ACCEPTED)),
        }
    }

    async fn collect(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let limit = self.max_message;
        match timeout(BODY, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(limit)),
            Ok(Err(error)) => Err(Malformed::Syntax(error.to_string()).into()),
            Err(_elapsed) => Err(Malformed::Syntax("the body does not arrive".to_owned()).into()),
        }
    }

    fn open(&self, caller: Caller, frame: &Frame) -> Response<Body> {
        match initialize(&self.pipeline, caller, frame) {
            Ok((session, answer)) => {
                let mut response = json(StatusCode::OK, answer);
                if let Ok(id) = HeaderValue::from_str(session.id()) {
                    response.headers_mut().insert(SESSION, id);
                }
                response
            }
            Err(refusal) => refused(&refusal, frame.raw(Part::Id)),
        }
    }

    fn session(&self, caller: &Caller, headers: &HeaderMap) -> Result<Arc<Session>, Refusal> {
        let id = headers.get(SESSION).ok_or(Refusal::SessionMissing)?;
        let id = id.to_str().map_err(|_not_ascii| Refusal::SessionUnknown)?;
        self.pipeline.sessions.find(id, caller)
    }

    /// Answers with JSON, unless something precedes the answer or it takes its time; then with
    /// a stream, if the client reads one.
    async fn request(
        &self,
        session: &Arc<Session>,
        frame: Frame,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let (mut call, exchange) = begin(&self.pipeline, session, frame);
        let streams = accepts_events(headers);
        let answer = tokio::select! {
            biased;
            answer = &mut call => answer,
            () = exchange.filled(), if streams => {
                return events(body::answering(call, exchange, id, self.max_message));
            }
            () = sleep(HEARTBEAT), if streams => {
                return events(body::answering(call, exchange, id, self.max_message));
            }
        };
        if streams && (exchange.has_message() || matches!(answer.reply, Reply::Silence)) {
            let ready = Box::pin(std::future::ready(answer));
            return events(body::answering(ready, exchange, id, self.max_message));
        }
        plain(answer)
    }

    /// A batch is answered by one array, in which each request has its answer.
    async fn batch(
        &self,
        session: &Arc<Session>,
        frames: Vec<Frame>,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Refusal> {
        if !session.client.revision.has_batches() {
            let words = format!("the revision {} has no batches", session.client.revision);
            return Err(Malformed::Shape(words).into());
        }
        let (requests, others): (Vec<_>, Vec<_>) = frames
            .into_iter()
            .partition(|frame| frame.kind() == Kind::Request);
        for frame in others {
            self.pipeline.hear(session, frame);
        }
        if requests.is_empty() {
            return Ok(status(StatusCode::ACCEPTED));
        }
        let (streams, limit) = (accepts_events(headers), self.max_message);
        Ok(batch::answer(&self.pipeline, session, requests, streams, limit).await)
    }

    fn get(&self, caller: &Caller, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        // Without a session there is no stream to give, and 405 is what clients take for that.
        if !headers.contains_key(SESSION) || !accepts_events(headers) {
            return Ok(not_allowed());
        }
        let session = self.session(caller, headers)?;
        let after = headers
            .get(LAST_EVENT)
            .and_then(|id| id.to_str().ok()?.parse().ok());
        let busy = session.busy();
        Ok(events(body::listening(Reader::open(session, after), busy)))
    }

    fn delete(&self, caller: &Caller, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        let session = self.session(caller, headers)?;
        self.pipeline.end(session.id());
        Ok(status(StatusCode::NO_CONTENT))
    }
}

/// An answer that nothing precedes.
fn plain(answer: Answer) -> Response<Body> {
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

/// Kindly: no `Accept` at all and `*/*` take anything.
fn accepts_events(headers: &HeaderMap) -> bool {
    let mut accept = headers.get_all(header::ACCEPT).iter().peekable();
    if accept.peek().is_none() {
        return true;
    }
    accept.filter_map(|value| value.to_str().ok()).any(|value| {
        value.contains("text/event-stream") || value.contains("*/*") || value.contains("text/*")
    })
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

pub(crate) fn not_allowed() -> Response<Body> {
    let words = "This is an MCP endpoint: POST JSON-RPC messages here.\n";
    let mut response = Response::new(Body::Whole(Bytes::from_static(words.as_bytes())));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let allow = HeaderValue::from_static("GET, POST, DELETE");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

fn refused(refusal: &Refusal, id: Option<&str>) -> Response<Body> {
    json(refusal.status(), refusal.message(id.map(str::as_bytes)))
}
