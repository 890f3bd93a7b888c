//! Spans, and what is put into them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    attributes::RESOURCE,
    otlp::{Event, KeyValue, Kind, Link, Span, Status},
};
use crate::{
    call::{Note, TraceContext},
    observe::one_line,
};

/// The status of a span that failed.
const FAILED: i32 = 2;

/// A span at that place in a trace.
pub(super) fn span_of(context: &TraceContext, kind: Kind) -> Span {
    Span {
        trace_id: context.trace.to_vec(),
        span_id: context.span.to_vec(),
        trace_state: context.state.as_deref().unwrap_or_default().to_owned(),
        kind: kind.into(),
        flags: context.flags.into(),
        ..Span::default()
    }
}

/// Says what a span is about: in its name only what is one of few.
pub(super) fn aim(span: &mut Span, key: &str, target: &str, is_known: bool) {
    if is_known && key != RESOURCE {
        span.name = format!("{} {target}", span.name);
    }
    span.attributes.push(KeyValue::text(key, target));
}

/// Says that it failed.
pub(super) fn fail(span: &mut Span, kind: &str, message: String) {
    span.attributes.push(KeyValue::text("error.type", kind));
    span.status = Some(Status {
        message,
        code: FAILED,
    });
}

/// Points at another span.
pub(super) fn link(context: &TraceContext) -> Link {
    Link {
        trace_id: context.trace.to_vec(),
        span_id: context.span.to_vec(),
        trace_state: context.state.as_deref().unwrap_or_default().to_owned(),
    }
}

/// Something that happened meanwhile.
pub(super) fn event(note: Note) -> Event {
    let (key, value) = note.detail;
    Event {
        time: nanoseconds(note.at),
        name: format!("mcpgate.{}", note.what),
        attributes: vec![KeyValue::text(&format!("mcpgate.{key}"), one_line(&value))],
    }
}

/// A time as spans have it.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
