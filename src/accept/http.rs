//! Streamable HTTP in front (2025-03-26 to 2025-11-25, Transports).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method as Verb, Request, Response, StatusCode, header,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{
    Origins, batch, begin,
    body::{self, Body},
    initialize::initialize,
    response::{events, json, not_allowed, refused, status},
    sse::{self, Streams},
    stateless,
};
use crate::{
    call::Caller,
    mcp::{self, Frame, Kind, Malformed, Method, Part, frame},
    observe::one_line,
    pipeline::Pipeline,
    refusal::Refusal,
    session::{EventId, Reader, Session},
};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
/// What the MCP endpoint takes.
const VERBS: [Verb; 3] = [Verb::GET, Verb::POST, Verb::DELETE];
/// How long a client may take to send a body.
const BODY: Duration = Duration::from_secs(60);

/// The MCP endpoint.
pub struct Endpoint {
    pipeline: Arc<Pipeline>,
    origins: Origins,
    pub(super) max_message: usize,
    streams: Streams,
}

impl Endpoint {
    /// An endpoint that takes messages of up to `max_message` bytes from these origins.
    pub fn new(pipeline: Arc<Pipeline>, origins: Origins, max_message: usize) -> Self {
        Self {
            pipeline,
            origins,
            max_message,
            streams: Streams::default(),
        }
    }

    /// Answers a request to the MCP endpoint.
    pub async fn serve(&self, request: Request<Incoming>) -> Response<Body> {
        let caller = match self.meet(&request, &VERBS) {
            Ok(caller) => caller,
            Err(refused) => return *refused,
        };
        let answer = match *request.method() {
            Verb::POST => self.post(caller, request).await,
            Verb::DELETE => self.delete(&caller, request.headers()),
            _ => self.get(&caller, request.headers()),
        };
        answer.unwrap_or_else(|refusal| self.refused(&refusal, None))
    }

    /// Answers a request to `/sse`: it opens a legacy stream.
    pub fn sse(&self, request: &Request<Incoming>) -> Response<Body> {
        let opened = match self.meet(request, &[Verb::GET]) {
            Ok(caller) => self.streams.open(&self.pipeline, caller, self.max_message),
            Err(refused) => return *refused,
        };
        opened.unwrap_or_else(|refusal| self.refused(&refusal, None))
    }

    /// Lets legacy streams end.
    pub fn close(&self) {
        self.streams.close();
    }

    /// Answers a request to `/messages`: a message on a legacy stream.
    pub async fn messages(&self, request: Request<Incoming>) -> Response<Body> {
        let caller = match self.meet(&request, &[Verb::POST]) {
            Ok(caller) => caller,
            Err(refused) => return *refused,
        };
        let posted = async {
            let conversation = self.streams.find(request.uri(), &caller)?;
            let body = self.collect(request.into_body()).await?;
            sse::post(&conversation, &body).await
        };
        posted
            .await
            .unwrap_or_else(|refusal| self.refused(&refusal, None))
    }

    /// Looks at a request before its body: where it comes from, what it is, whose it is.
    fn meet(
        &self,
        request: &Request<Incoming>,
        verbs: &[Verb],
    ) -> Result<Caller, Box<Response<Body>>> {
        let checked = self.origins.check(request.uri(), request.headers());
        if let Err(refusal) = checked {
            return Err(Box::new(self.refused(&refusal, None)));
        }
        // Without asking who it is: clients probe with HEAD, and take a 401 for a need of OAuth.
        if !verbs.contains(request.method()) {
            return Err(Box::new(not_allowed(verbs)));
        }
        let caller = self.pipeline.identify(request.headers());
        caller.map_err(|refusal| Box::new(self.refused(&refusal, None)))
    }

    /// Refuses what has not become a call, and so has no record.
    pub(super) fn refused(&self, refusal: &Refusal, id: Option<&str>) -> Response<Body> {
        self.pipeline.metrics.refused(refusal.stage());
        let status = refusal.status().as_u16();
        // A mismatch quotes arguments, which are no business of the log.
        let words = match matches!(refusal, Refusal::Mismatch(_)) {
            true => "header mismatch".to_owned(),
            false => one_line(&refusal.to_string()),
        };
        tracing::info!(status, "refused: {words}");
        refused(refusal, id)
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
            frame.kind() == Kind::Request
                && frame.method() == Some(Method::Initialize)
                && !stateless::claims(frame, &head.headers)
        };
        if let ([only], false) = (frames.as_slice(), batch)
            && opens(only)
        {
            return Ok(self.open(caller, only));
        }
        if let ([_], false) = (frames.as_slice(), batch)
            && let Some(frame) = frames.pop_if(|frame| stateless::claims(frame, &head.headers))
        {
            return Ok(self.stateless(caller, frame, &head.headers).await);
        }
        let session = self.session(&caller, &head.headers)?;
        if batch {
            let (streams, limit) = (accepts_events(&head.headers), self.max_message);
            return batch::answer(&self.pipeline, &session, frames, streams, limit).await;
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
            Err(refusal) => self.refused(&refusal, frame.raw(Part::Id)),
        }
    }

    fn session(&self, caller: &Caller, headers: &HeaderMap) -> Result<Arc<Session>, Refusal> {
        let id = headers.get(SESSION).ok_or(Refusal::SessionMissing)?;
        let id = id.to_str().map_err(|_not_ascii| Refusal::SessionUnknown)?;
        let session = self.pipeline.sessions.find(id, caller)?;
        stateless::known(headers)?;
        Ok(session)
    }

    async fn request(
        &self,
        session: &Arc<Session>,
        frame: Frame,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let begun = begin(&self.pipeline, session, frame);
        self.answer(session, begun, id, headers).await
    }

    pub(super) fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    fn get(&self, caller: &Caller, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        // Without a session there is no stream to give, and 405 is what clients take for that.
        if !headers.contains_key(SESSION) || !accepts_events(headers) {
            return Ok(not_allowed(&VERBS));
        }
        let session = self.session(caller, headers)?;
        let after: Option<EventId> = headers
            .get(LAST_EVENT)
            .and_then(|id| id.to_str().ok()?.parse().ok());
        let trail = after.and_then(|after| after.trail);
        let outbox = match trail {
            Some(trail) => session.followed(trail).ok_or(Refusal::StreamOver)?,
            None => session.outbox.clone(),
        };
        let reader = Reader::open(outbox, after.map(|after| after.number));
        let body = body::listening(mcp::sse::HEARTBEAT, trail, reader, session.busy());
        Ok(events(body))
    }

    fn delete(&self, caller: &Caller, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        let session = self.session(caller, headers)?;
        self.pipeline.end(session.id());
        Ok(status(StatusCode::NO_CONTENT))
    }
}

/// Kindly: no `Accept` at all and `*/*` take anything.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    let mut accept = headers.get_all(header::ACCEPT).iter().peekable();
    if accept.peek().is_none() {
        return true;
    }
    accept.filter_map(|value| value.to_str().ok()).any(|value| {
        value.contains("text/event-stream") || value.contains("*/*") || value.contains("text/*")
    })
}
