//! What is recorded of one request: a span of its own, and one of its call to a server.

use std::{sync::Arc, time::SystemTime};

use tokio::time::Instant;

use super::{
    Outlet, Sampler, attributes,
    otlp::{KeyValue, Kind, Span},
    sampling::{span_id, trace_id},
    span::{aim, event, fail, link, nanoseconds, span_of},
};
use crate::{
    call::{Client, Reply, ServerName, TraceContext, Traced, Visit},
    forward::Server,
    mcp::{Frame, Part, fields},
    observe::{Outcome, Record, one_line},
    refusal::Refusal,
};

/// In a span's flags: it is known where its parent is, and that is elsewhere.
const REMOTE: u32 = 0x300;
/// It is known, and is here.
const LOCAL: u32 = 0x100;

/// What is recorded of one request.
pub struct Tracing {
    outlet: Arc<Outlet>,
    /// When it came in, by either clock.
    began: (SystemTime, Instant),
    context: TraceContext,
    span: Span,
    /// What it is about, as the client calls it.
    target: Option<(&'static str, String)>,
    /// Whether that is there.
    found: bool,
    call: Option<Called>,
}

/// Its call to a server.
struct Called {
    span: Span,
    traced: Arc<Traced>,
    open: bool,
}

/// A call that is about to leave.
pub struct Asked<'a> {
    /// The request, in the client's words.
    pub frame: &'a Frame,
    /// Whom it goes to.
    pub server: &'a ServerName,
    /// What stands there.
    pub behind: Option<&'a Server>,
    /// The server's own name for what is asked for.
    pub name: Option<&'a str>,
}

/// What is known of a request at its end.
pub(in crate::observe) struct Closing<'a> {
    pub(in crate::observe) request: u64,
    pub(in crate::observe) server: Option<&'a ServerName>,
    pub(in crate::observe) outcome: Outcome,
    pub(in crate::observe) bytes_out: u64,
}

impl Tracing {
    pub(super) fn open(
        (sampler, outlet): (Sampler, &Arc<Outlet>),
        frame: &Frame,
        visit: &Visit,
        client: &Client,
    ) -> Option<Box<Self>> {
        let said = TraceContext::of_message(frame);
        let around = visit.trace.as_deref();
        let parent = said.as_ref().or(around);
        if !sampler.takes(parent, &visit.caller) {
            return None;
        }
        let id = span_id()?;
        let context = match parent {
            Some(parent) => parent.next(id),
            None => TraceContext::first(trace_id()?, id),
        };
        // The message is about the one, its transport belongs to the other.
        let linked =
            around.filter(|around| parent.is_some_and(|parent| parent.span != around.span));
        let mut span = Span {
            links: linked.map(link).into_iter().collect(),
            attributes: attributes::of_request(frame, visit, client),
            ..span_of(&context, Kind::Server)
        };
        if let Some(parent) = parent {
            span.parent_span_id = parent.span.to_vec();
            span.flags |= REMOTE;
        }
        attributes::method(frame).clone_into(&mut span.name);
        let mut tracing = Self {
            outlet: outlet.clone(),
            began: (SystemTime::now(), Instant::now()),
            context,
            span,
            target: attributes::target(frame),
            found: false,
            call: None,
        };
        tracing.span.start = tracing.now();
        Some(Box::new(tracing))
    }

    /// What it is about is there.
    pub(in crate::observe) fn found(&mut self) {
        self.found = true;
    }

    /// It was refused.
    pub(in crate::observe) fn refused(&mut self, refusal: &Refusal) {
        let code = refusal.code().to_string();
        let attributes = &mut self.span.attributes;
        attributes.push(KeyValue::text("rpc.response.status_code", code.as_str()));
        attributes.push(KeyValue::text("mcpgate.refusal", refusal.reason().name()));
        attributes.push(KeyValue::text("mcpgate.stage", refusal.stage().name()));
        fail(&mut self.span, &code, one_line(&refusal.to_string()));
    }

    fn departs(&mut self, asked: &Asked<'_>) -> Option<Arc<Traced>> {
        let context = self.context.next(span_id()?);
        let mut span = Span {
            parent_span_id: self.context.span.to_vec(),
            start: self.now(),
            attributes: attributes::of_method(asked.frame),
            ..span_of(&context, Kind::Client)
        };
        span.flags |= LOCAL;
        let server = asked.server.as_str();
        span.attributes
            .push(KeyValue::text("mcpgate.server", server));
        attributes::method(asked.frame).clone_into(&mut span.name);
        match (&self.target, asked.name) {
            (Some((key, _)), Some(name)) => aim(&mut span, key, name, true),
            (Some((key, uri)), None) => aim(&mut span, key, uri, false),
            (None, _) => {}
        }
        if let Some(behind) = asked.behind {
            let state = behind.state();
            let url = behind.config().url.as_ref();
            let link = attributes::of_link(state.transport, url.map(|url| url.first()));
            span.attributes.extend(link);
            let revision = state.revision;
            let version = revision.map(|it| KeyValue::text("mcp.protocol.version", it));
            span.attributes.extend(version);
        }
        let traced = Arc::new(Traced::recorded(context));
        self.call = Some(Called {
            span,
            traced: traced.clone(),
            open: true,
        });
        Some(traced)
    }

    /// The answer to its call has come, or begun to.
    fn came(&mut self, answer: &Result<Reply, Refusal>) {
        let now = self.now();
        let Some(call) = &mut self.call else { return };
        call.open = matches!(answer, Ok(Reply::Streamed(_)));
        call.span.end = now;
        match answer {
            Ok(Reply::Whole(message)) if is_tool_error(message) => {
                fail(&mut call.span, "tool_error", String::new());
                fail(&mut self.span, "tool_error", String::new());
            }
            Ok(Reply::Failed(message)) => {
                let code = code(message).unwrap_or_else(|| attributes::OTHER.to_owned());
                for span in [&mut call.span, &mut self.span] {
                    let status = KeyValue::text("rpc.response.status_code", code.as_str());
                    span.attributes.push(status);
                    // In what words is the server's business: they may repeat arguments.
                    fail(span, &code, String::new());
                }
            }
            Ok(Reply::Whole(_) | Reply::Pieces(_) | Reply::Streamed(_) | Reply::Silence) => {}
            Err(refusal) => fail(
                &mut call.span,
                refusal.reason().name(),
                one_line(&refusal.to_string()),
            ),
        }
    }

    /// It is over.
    pub(in crate::observe) fn close(mut self, ended: &Closing<'_>) {
        let now = self.now();
        let outcome = KeyValue::text("mcpgate.outcome", ended.outcome.name());
        if let Some(mut call) = self.call.take() {
            if call.open {
                call.span.end = now;
                call.span.attributes.push(outcome.clone());
            }
            call.span.events = call.traced.notes().into_iter().map(event).collect();
            self.outlet.send(call.span);
        }
        if let Some((key, target)) = self.target.take() {
            aim(&mut self.span, key, &target, self.found);
        }
        let attributes = &mut self.span.attributes;
        if let Some(server) = ended.server {
            attributes.push(KeyValue::text("mcpgate.server", server.as_str()));
        }
        attributes.push(outcome);
        attributes.push(KeyValue::text("mcpgate.request", ended.request.to_string()));
        attributes.push(KeyValue::number("mcpgate.response.size", ended.bytes_out));
        self.span.end = now;
        self.outlet.send(self.span);
    }

    fn now(&self) -> u64 {
        let (began, clock) = self.began;
        nanoseconds(began + clock.elapsed())
    }
}

impl Record {
    /// What is recorded of the request as a span, if anything is.
    pub fn traced(&mut self, trace: Option<Box<Tracing>>) {
        self.trace = trace;
    }

    /// Its call leaves for a server; gives what goes along, if it is traced.
    pub fn departs(&mut self, asked: &Asked<'_>) -> Option<Arc<Traced>> {
        self.trace.as_mut()?.departs(asked)
    }

    /// The answer to its call has come, or begun to.
    pub fn came(&mut self, answer: &Result<Reply, Refusal>) {
        if let Some(trace) = &mut self.trace {
            trace.came(answer);
        }
    }
}

/// Whether a result says that the tool has failed.
fn is_tool_error(message: &bytes::Bytes) -> bool {
    // Few say it, and this is quicker than to read them.
    if memchr::memmem::find(message, b"\"isError\"").is_none() {
        return false;
    }
    let frame = Frame::parse(message.clone());
    let result = frame
        .as_ref()
        .ok()
        .and_then(|frame| frame.raw(Part::Result));
    result.is_some_and(|result| fields::field(result, "isError") == Some("true"))
}

/// The code of a server's error.
fn code(message: &bytes::Bytes) -> Option<String> {
    let frame = Frame::parse(message.clone()).ok()?;
    let code = fields::field(frame.raw(Part::Error)?, "code")?;
    code.parse::<i64>().ok().map(|code| code.to_string())
}
