//! A server of 2026-07-28 over HTTP: no session, every request stands for itself.
//!
//! One connection pool serves everybody; ids and progress tokens of clients can stay, because
//! each request has a response of its own.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderValue};
use tokio_util::sync::CancellationToken;

use super::{
    answer::Trouble,
    headers::{Headers, VERSION},
    life::Life,
    listing::{Greeting, garbled, speaks_stateless},
    sending::Again,
    watched::Watched,
    wire::Wire,
};
use crate::{
    call::{Client, Identity, Reply},
    exchange::Exchange,
    mcp::{Frame, Method, Part, Revision, fields, header, message, meta},
    refusal::Refusal,
    route::Routed,
};

/// A server that keeps no sessions.
pub(super) struct Stateless {
    pub(super) wire: Wire,
    headers: Headers,
    next_id: AtomicU64,
    life: Mutex<Life>,
    /// Ends the stream of notifications.
    pub(super) over: CancellationToken,
    /// The resources that somebody wants to hear of.
    pub(super) watched: Watched,
    /// For whom the gateway's own requests are made.
    nobody: Arc<Client>,
}

impl Stateless {
    /// A way to the server; nothing is sent yet.
    pub(super) fn new(wire: Wire, mut headers: Headers) -> Arc<Self> {
        let version = HeaderValue::from_static(Revision::V2026_07_28.as_str());
        headers.fixed.insert(VERSION, version);
        let nobody = Client::new(
            "".into(),
            Identity::Local,
            Revision::V2026_07_28,
            "{}",
            "{}",
        );
        Arc::new(Self {
            wire,
            headers,
            next_id: AtomicU64::new(1),
            life: Mutex::default(),
            over: CancellationToken::new(),
            watched: Watched::default(),
            nobody: Arc::new(nobody),
        })
    }

    /// Asks the server what it is; nothing if it does not know the question.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(super) async fn discover(&self) -> Result<Option<Greeting>, Refusal> {
        let mut answer = self.ask(Method::ServerDiscover, "{}").await;
        // A server of this kind that refuses the revision names those it speaks: then it is
        // asked again, and not taken for an older one.
        if answer.as_ref().is_ok_and(refuses_revision) {
            answer = self.ask(Method::ServerDiscover, "{}").await;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(Trouble::Refused(refusal @ Refusal::Unavailable { .. })) => return Err(refusal),
            Err(_) => return Ok(None),
        };
        let result = answer.raw(Part::Result).unwrap_or("{}");
        let Some(greeting) = Greeting::discovered(result) else {
            return Ok(None);
        };
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Life::default();
        Ok(Some(greeting))
    }

    /// Whether the server is thought to be there.
    pub(super) fn life(&self) -> Life {
        self.life
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Carries one call.
    ///
    /// # Errors
    /// When the server cannot be reached, goes away, or does not answer as MCP has it.
    pub(super) async fn call(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let frame = &routed.call().frame;
        let body = match routed.rename() {
            Some(edit) => frame.with(&[edit]),
            None => frame.bytes().clone(),
        };
        let mut headers = self.mirrored(routed);
        self.headers.of_call(routed)?.put(&mut headers);
        if let Some(trace) = routed.trace() {
            trace.put(&mut headers);
        }
        let again = self.wire.again(routed);
        let response = self.wire.post(&headers, &body, again).await?;
        let id = frame.raw(Part::Id).unwrap_or("null").as_bytes();
        let read = self.wire.read(&headers, response, id, exchange).await;
        read.map_err(|trouble| again.refusal(trouble, &self.wire.outlet.server))
    }

    /// Asks something of the gateway's own.
    ///
    /// # Errors
    /// As for [`Stateless::call`].
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Trouble> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let params = meta::with(params, &own_members());
        let headers = self.headers(method.name(), None);
        let body = message::request(id, method, &params);
        let response = self.wire.post(&headers, &body, Again::Unanswered).await?;
        let exchange = Exchange::new(self.nobody.clone(), None);
        let number = id.to_string();
        let reply = self
            .wire
            .read(&headers, response, number.as_bytes(), &exchange)
            .await?;
        let bytes = self.wire.whole(reply).await?;
        let bad =
            |error: crate::mcp::Malformed| garbled(&self.wire.outlet.server, error.to_string());
        Ok(Frame::parse(bytes).map_err(bad)?)
    }

    /// The headers of a request of that method, about that name.
    pub(super) fn headers(&self, method: &str, name: Option<&str>) -> HeaderMap {
        let mut headers = self.headers.fixed.clone();
        if let Some(method) = header::encode(method) {
            headers.insert(header::METHOD, method);
        }
        if let Some(name) = name.and_then(header::encode) {
            headers.insert(header::NAME, name);
        }
        headers
    }

    /// The headers that mirror a call's body: as the client sent them, or made from the schema.
    fn mirrored(&self, routed: &Routed) -> HeaderMap {
        let frame = &routed.call().frame;
        let renamed = routed
            .rename()
            .and_then(|(_, raw)| std::str::from_utf8(raw).ok());
        let named = match frame.method() {
            Some(Method::ToolsCall | Method::PromptsGet) => {
                renamed.or(frame.raw(Part::Name)).and_then(fields::string)
            }
            Some(Method::ResourcesRead) => frame.text(Part::Uri),
            _ => frame.text(Part::TaskId),
        };
        let mut headers = self.headers(&frame.method_name(), named.as_deref());
        for (name, value) in routed.call().visit.headers.iter() {
            if name.as_str().starts_with(header::PARAM) {
                headers.insert(name.clone(), value.clone());
            }
        }
        let arguments = frame.raw(Part::Arguments);
        for mirror in routed.mirrors() {
            let text = arguments.and_then(|arguments| mirror.text(arguments));
            if let Some(value) = text.as_deref().and_then(header::encode) {
                headers.insert(mirror.header.clone(), value);
            }
        }
        headers
    }
}

/// Whether an answer is the error that names the revisions to choose from, ours among them.
fn refuses_revision(answer: &Frame) -> bool {
    let error = answer.raw(Part::Error).unwrap_or_default();
    let supported = fields::field(error, "data").and_then(|data| fields::field(data, "supported"));
    fields::field(error, "code") == Some("-32022") && speaks_stateless(supported)
}

/// What the gateway says of itself in requests of its own.
pub(super) fn own_members() -> String {
    meta::members("{}", message::GATEWAY, None)
}
