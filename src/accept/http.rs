//! Streamable HTTP in front (2025-03-26 to 2025-11-25, Transports).

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method as Verb, Request, Response, StatusCode, header,
};
use hyper::body::Incoming;

use super::{
    Origins, batch, begin,
    body::{self, Body},
    collect::Buffered,
    initialize::{Lasting, initialize},
    meeting::Knock,
    response::{events, json, not_allowed, status},
    sse::{self, Streams},
    stateless,
};
use crate::{
    call::{Extent, Visit},
    mcp::{self, Frame, Kind, Malformed, Method, Part, frame},
    pipeline::Pipeline,
    refusal::Refusal,
    session::{EventId, Reader, Session},
};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
/// What the MCP endpoint takes.
const VERBS: [Verb; 3] = [Verb::GET, Verb::POST, Verb::DELETE];

/// The MCP endpoint.
pub struct Endpoint {
    pipeline: Arc<Pipeline>,
    origins: Origins,
    pub(super) max_message: usize,
    /// `[gateway] refuse_with_status`
    refuse_with_status: bool,
    /// `[gateway] public_url`
    public_url: Option<String>,
    /// `http`, or `https`.
    scheme: &'static str,
    streams: Streams,
    /// Large bodies.
    pub(super) buffered: Arc<Buffered>,
}

impl Endpoint {
    /// An endpoint that takes messages of up to `max_message` bytes from these origins.
    pub fn new(
        pipeline: Arc<Pipeline>,
        origins: Origins,
        max_message: usize,
        refuse_with_status: bool,
    ) -> Self {
        let buffered = Buffered::new(usize::MAX, &pipeline.metrics.buffered);
        Self {
            pipeline,
            origins,
            max_message,
            refuse_with_status,
            public_url: None,
            scheme: "http",
            streams: Streams::default(),
            buffered,
        }
    }

    /// One that clients reach at this address.
    #[must_use]
    pub fn at(self, public_url: Option<String>) -> Self {
        Self { public_url, ..self }
    }

    /// One whose clients speak that: `http` or `https`.
    #[must_use]
    pub fn over(self, scheme: &'static str) -> Self {
        Self { scheme, ..self }
    }

    /// One that holds so many bytes of large bodies at once.
    #[must_use]
    pub fn holding(self, max_buffered: usize) -> Self {
        Self {
            buffered: Buffered::new(max_buffered, &self.pipeline.metrics.buffered),
            ..self
        }
    }

    /// Answers a request to the MCP endpoint.
    pub async fn serve(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        extent: Extent,
    ) -> Response<Body> {
        let visit = match self.meet(knock(&request, peer, extent), &VERBS).await {
            Ok(visit) => visit,
            Err(refused) => return *refused,
        };
        let answer = match *request.method() {
            Verb::POST => self.post(visit, request).await,
            Verb::DELETE => self.delete(&visit, request.headers()),
            _ => self.get(&visit, request.headers()),
        };
        answer.unwrap_or_else(|refusal| self.refused(&refusal, None))
    }

    /// Answers a request to `/sse`: it opens a legacy stream.
    pub async fn sse(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
        extent: Extent,
    ) -> Response<Body> {
        let opened = match self.meet(knock(request, peer, extent), &[Verb::GET]).await {
            Ok(visit) => self.streams.open(&self.pipeline, &visit, self.max_message),
            Err(refused) => return *refused,
        };
        opened.unwrap_or_else(|refusal| self.refused(&refusal, None))
    }

    /// Lets legacy streams end.
    pub fn close(&self) {
        self.streams.close();
    }

    /// Answers a request to `/messages`: a message on a legacy stream.
    pub async fn messages(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let knock = knock(&request, peer, Extent::All);
        let visit = match self.meet(knock, &[Verb::POST]).await {
            Ok(visit) => visit,
            Err(refused) => return *refused,
        };
        let posted = async {
            let conversation = self.streams.find(request.uri(), &visit)?;
            let body = self.collect(request.into_body()).await?;
            sse::post(&conversation, &body, visit).await
        };
        posted
            .await
            .unwrap_or_else(|refusal| self.refused(&refusal, None))
    }

    async fn post(
        &self,
        visit: Visit,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        let (head, body) = request.into_parts();
        let body = self.collect(body).await?;
        if frame::is_batch(&body) {
            return Box::pin(self.batch(visit, body, &head.headers)).await;
        }
        let frame = Frame::parse(body)?;
        if stateless::claims(&frame, &head.headers) {
            return Ok(Box::pin(self.stateless(visit, frame, &head.headers)).await);
        }
        let is_request = frame.kind() == Kind::Request;
        if is_request && frame.method() == Some(Method::Initialize) {
            return Ok(self.open(&visit, &frame));
        }
        let session = self.session(&visit, &head.headers)?;
        if is_request {
            return Ok(self.request(&session, frame, visit, &head.headers).await);
        }
        self.pipeline.hear(&session, frame);
        Ok(status(StatusCode::ACCEPTED))
    }

    async fn batch(
        &self,
        visit: Visit,
        body: Bytes,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Refusal> {
        let messages = frame::split(&body)?.into_iter();
        let frames: Result<Vec<Frame>, Malformed> = messages.map(Frame::parse).collect();
        let (frames, session) = (frames?, self.session(&visit, headers)?);
        let (streams, limit) = (accepts_events(headers), self.max_message);
        batch::answer(&self.pipeline, &session, (frames, &visit), streams, limit).await
    }

    fn open(&self, visit: &Visit, frame: &Frame) -> Response<Body> {
        match initialize(&self.pipeline, visit, frame, Lasting::Id) {
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

    fn session(&self, visit: &Visit, headers: &HeaderMap) -> Result<Arc<Session>, Refusal> {
        let id = headers.get(SESSION).ok_or(Refusal::SessionMissing)?;
        let id = id.to_str().map_err(|_not_ascii| Refusal::SessionUnknown)?;
        let session = self.pipeline.find(id, visit)?;
        stateless::known(headers)?;
        Ok(session)
    }

    async fn request(
        &self,
        session: &Arc<Session>,
        frame: Frame,
        visit: Visit,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let begun = begin(&self.pipeline, session, frame, visit);
        self.answer(session, begun, id, headers).await
    }

    pub(super) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// `[gateway] refuse_with_status`.
    pub(super) fn refuses_with_status(&self) -> bool {
        self.refuse_with_status
    }

    /// `[gateway] public_url`.
    pub(super) fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// What clients speak.
    pub(super) fn scheme(&self) -> &'static str {
        self.scheme
    }

    pub(super) fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    fn get(&self, visit: &Visit, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        // Without a session there is no stream to give, and 405 is what clients take for that.
        if !headers.contains_key(SESSION) || !accepts_events(headers) {
            return Ok(not_allowed(&VERBS, false));
        }
        let session = self.session(visit, headers)?;
        // Who has lost the role hears no more of what it was good for.
        let (sight, _) = self.pipeline.plan().look_on(&session, visit)?;
        let after: Option<EventId> = headers
            .get(LAST_EVENT)
            .and_then(|id| id.to_str().ok()?.parse().ok());
        let trail = after.and_then(|after| after.trail);
        let followed = trail.map(|trail| session.followed(trail, &sight));
        let (trail, outbox) = match followed {
            Some(Some(outbox)) => (trail, outbox),
            // The process that was to answer is gone: what there is to hear comes here.
            Some(None) if session.is_rebuilt() => (None, session.outbox.clone()),
            Some(None) => return Err(Refusal::StreamOver),
            None => (None, session.outbox.clone()),
        };
        let number = after.filter(|after| after.trail == trail);
        self.pipeline.close_if_stopping(&session);
        let reader = Reader::open(outbox, number.map(|after| after.number));
        let body = body::listening(mcp::sse::HEARTBEAT, trail, reader, session.busy());
        Ok(events(body))
    }

    fn delete(&self, visit: &Visit, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
        let session = self.session(visit, headers)?;
        self.pipeline.end(session.id());
        Ok(status(StatusCode::NO_CONTENT))
    }
}

fn knock(request: &Request<Incoming>, peer: IpAddr, extent: Extent) -> Knock<'_> {
    Knock {
        request,
        peer,
        extent,
        plain: false,
    }
}

/// What nearly all clients accept: this needs no search.
const USUAL: &str = "application/json, text/event-stream";

/// Kindly: no `Accept` at all and `*/*` take anything.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    let mut accept = headers.get_all(header::ACCEPT).iter().peekable();
    if accept.peek().is_none() {
        return true;
    }
    accept.filter_map(|value| value.to_str().ok()).any(|value| {
        value == USUAL
            || value.contains("text/event-stream")
            || value.contains("*/*")
            || value.contains("text/*")
    })
}
