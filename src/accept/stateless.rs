//! Requests that stand for themselves (2026-07-28, Streamable HTTP): no session, headers that
//! mirror the body, notifications on the stream of a `subscriptions/listen`.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::time::sleep;

use super::{
    HEARTBEAT, begin,
    body::Body,
    http::Endpoint,
    initialize::discover,
    response::{events, json, status},
};
use crate::{
    call::Visit,
    mcp::{Frame, Kind, List, Method, Part, Revision, fields, header, message, sse},
    pipeline::{Listening, Pipeline},
    refusal::Refusal,
    session::Session,
};

/// Whether a message claims to stand for itself; a claim that is wrong is a claim too.
pub(super) fn claims(frame: &Frame, headers: &HeaderMap) -> bool {
    frame.raw(Part::Version).is_some() || claims_in_header(headers)
}

fn claims_in_header(headers: &HeaderMap) -> bool {
    let version = headers.get(header::VERSION);
    let version = version.and_then(|version| version.to_str().ok());
    version.is_some_and(|version| {
        Revision::named(version).is_some_and(Revision::is_stateless) || Revision::is_later(version)
    })
}

/// Whether the header of a request on a session names a revision. Which one does not matter: what
/// was agreed at `initialize` holds, and a later one is no reason to refuse.
///
/// # Errors
/// When it names none (2025-11-25, Transports, Protocol Version Header).
pub(super) fn known(headers: &HeaderMap) -> Result<(), Refusal> {
    let names_one = |version: &HeaderValue| {
        let version = version.to_str().unwrap_or_default();
        Revision::named(version).is_some() || Revision::is_later(version)
    };
    let mut versions = headers.get_all(header::VERSION).iter();
    versions
        .find(|version| !names_one(version))
        .map_or(Ok(()), |wrong| {
            let wrong = String::from_utf8_lossy(wrong.as_bytes());
            Err(Refusal::Version(wrong.chars().take(100).collect()))
        })
}

impl Endpoint {
    /// Answers one request.
    pub(super) async fn stateless(
        &self,
        visit: Visit,
        frame: Frame,
        headers: &HeaderMap,
    ) -> Response<Body> {
        if frame.kind() != Kind::Request {
            return status(StatusCode::ACCEPTED);
        }
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let answered = self.stateless_request(visit, frame, headers).await;
        answered.unwrap_or_else(|refusal| {
            let id = std::str::from_utf8(&id).ok();
            self.refused(&refusal, id)
        })
    }

    async fn stateless_request(
        &self,
        mut visit: Visit,
        frame: Frame,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Refusal> {
        agree(&frame, headers)?;
        mirror(self.pipeline(), &visit, &frame, headers)?;
        visit.headers = visit
            .headers
            .iter()
            .cloned()
            .chain(params(headers))
            .collect();
        let session = open(self.pipeline(), &visit, &frame)?;
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        match frame.method() {
            Some(Method::ServerDiscover) => {
                let result = discover(self.pipeline(), &visit).map_err(Refusal::stateless)?;
                Ok(json(
                    StatusCode::OK,
                    message::result(&id, result.as_bytes()),
                ))
            }
            Some(Method::SubscriptionsListen) => {
                let listening = self.pipeline().listen(&session, &frame, &visit).await?;
                Ok(events(listen(listening)))
            }
            _ => {
                let begun = begin(self.pipeline(), &session, frame, visit);
                let response = self.answer(&session, begun, id, headers).await;
                Ok(with_status(response))
            }
        }
    }
}

/// The status that goes with some of a server's errors (Request Metadata, Error Codes).
fn with_status(mut response: Response<Body>) -> Response<Body> {
    let Body::Whole(message) = response.body() else {
        return response;
    };
    // An error is small; a large answer need not be looked at.
    let Some(frame) = Some(message).filter(|message| message.len() < 64 * 1024) else {
        return response;
    };
    let code = Frame::parse(frame.clone()).ok().and_then(|frame| {
        fields::field(frame.raw(Part::Error)?, "code").and_then(|code| code.parse::<i32>().ok())
    });
    match code {
        Some(-32022..=-32020) => *response.status_mut() = StatusCode::BAD_REQUEST,
        Some(-32601) => *response.status_mut() = StatusCode::NOT_FOUND,
        _ => {}
    }
    response
}

/// What stands for the requests of this client.
///
/// # Errors
/// When the request does not say what it must, or asks for another revision.
pub(super) fn open(
    pipeline: &Pipeline,
    visit: &Visit,
    frame: &Frame,
) -> Result<Arc<Session>, Refusal> {
    let version = frame.text(Part::Version).unwrap_or_default();
    if version != Revision::V2026_07_28.as_str() {
        return Err(Refusal::Revision(version.into_owned()));
    }
    let capabilities = frame
        .raw(Part::Capabilities)
        .filter(|raw| raw.starts_with('{'));
    let capabilities =
        capabilities.ok_or(Refusal::Params("`_meta` lacks `clientCapabilities`").stateless())?;
    let info = frame.raw(Part::Info).unwrap_or("{}");
    pipeline.sessions.stateless(visit, capabilities, info)
}

/// Whether headers and body say the same (Server Validation).
fn agree(frame: &Frame, headers: &HeaderMap) -> Result<(), Refusal> {
    let version = one(headers, &header::VERSION)?;
    let claimed = frame.text(Part::Version);
    if claimed.as_deref().is_none_or(|claimed| claimed != version) {
        // Without a word in `_meta` there is nothing to agree with.
        let body = claimed.unwrap_or_default().into_owned();
        if body.is_empty() {
            return Err(Refusal::Params("`_meta` lacks `protocolVersion`").stateless());
        }
        return Err(mismatch("MCP-Protocol-Version", &version, &body));
    }
    if version != Revision::V2026_07_28.as_str() {
        return Err(Refusal::Revision(version));
    }
    let method = one(headers, &header::METHOD)?;
    if method != frame.method_name() {
        return Err(mismatch("Mcp-Method", &method, &frame.method_name()));
    }
    let named = match frame.method() {
        Some(Method::ToolsCall | Method::PromptsGet) => frame.text(Part::Name),
        Some(Method::ResourcesRead) => frame.text(Part::Uri),
        _ => return Ok(()),
    };
    let name = one(headers, &header::NAME)?;
    match named {
        Some(named) if named != name => Err(mismatch("Mcp-Name", &name, &named)),
        _ => Ok(()),
    }
}

/// The value of a header that must be there once.
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<String, Refusal> {
    let mut values = headers.get_all(name).iter();
    let missing = || Refusal::Mismatch(format!("the header {name} is missing"));
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(Refusal::Mismatch(format!("the header {name} stands twice")));
    }
    header::decode(value)
        .ok_or_else(|| Refusal::Mismatch(format!("the header {name} is not well encoded")))
}

fn mismatch(name: &str, said: &str, body: &str) -> Refusal {
    let short = |text: &str| text.chars().take(100).collect::<String>();
    let (said, body) = (short(said), short(body));
    Refusal::Mismatch(format!(
        "the header {name} says `{said}`, the body `{body}`"
    ))
}

/// Whether the headers that mirror arguments say what the arguments do.
fn mirror(
    pipeline: &Pipeline,
    visit: &Visit,
    frame: &Frame,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    if frame.method() != Some(Method::ToolsCall) {
        return Ok(());
    }
    let (_, view) = pipeline.look(visit).map_err(Refusal::stateless)?;
    let name = frame.text(Part::Name).unwrap_or_default();
    let Some(way) = view.way(List::Tools, &name) else {
        return Ok(());
    };
    let arguments = frame.raw(Part::Arguments);
    for mirror in way.mirrors.as_deref().unwrap_or_default() {
        let argument = arguments.and_then(|arguments| mirror.raw(arguments));
        if argument.is_none() && !headers.contains_key(&mirror.header) {
            continue;
        }
        let said = one(headers, &mirror.header)?;
        // A header without its argument says what the body does not.
        if !argument.is_some_and(|argument| header::Mirror::agrees(&said, argument)) {
            let argument = argument.unwrap_or("null");
            return Err(mismatch(mirror.header.as_str(), &said, argument));
        }
    }
    Ok(())
}

/// The headers that mirror arguments, to be passed on as they are.
fn params(headers: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let mirrors = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str()
            .starts_with(header::PARAM)
            .then(|| (name.clone(), value.clone()))
    };
    headers.iter().filter_map(mirrors)
}

/// The events of a stream of notifications.
fn listen(listening: Listening) -> Body {
    let first = sse::event(None, &listening.acknowledged);
    let rest = stream::unfold(Some(listening), |listening| async move {
        let mut listening = listening?;
        tokio::select! {
            message = listening.next() => match message {
                Some(message) => Some((sse::event(None, &message), Some(listening))),
                None => Some((sse::event(None, &listening.answer()), None)),
            },
            () = sleep(HEARTBEAT) => Some((sse::HEARTBEAT, Some(listening))),
        }
    });
    let first: Bytes = first;
    Body::Events(Box::pin(stream::iter([first]).chain(rest)))
}
