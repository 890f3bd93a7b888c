//! What a traced call takes along to its server, and what is noted on its way.

use std::{
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::TraceContext;
use crate::mcp::trace;

/// Notes of one call: a call has no longer way.
const MOST: usize = 32;

/// What a traced call takes along to its server.
#[derive(Debug)]
pub struct Traced {
    context: TraceContext,
    /// What happens on its way; nothing where nobody wants to know.
    notes: Option<Mutex<Vec<Note>>>,
}

/// Something that happened on the way of a call.
#[derive(Debug)]
pub struct Note {
    /// When.
    pub at: SystemTime,
    /// What.
    pub what: &'static str,
    /// What there is to know of it.
    pub detail: (&'static str, String),
}

impl Traced {
    /// A call that is recorded as this span.
    pub fn recorded(context: TraceContext) -> Self {
        Self {
            context,
            notes: Some(Mutex::default()),
        }
    }

    /// A call that is not recorded here, of a trace that others record.
    pub fn passing(context: TraceContext) -> Self {
        Self {
            context,
            notes: None,
        }
    }

    /// The span that whoever serves it goes on from.
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// Notes what happens now.
    pub fn note(&self, what: &'static str, detail: impl FnOnce() -> (&'static str, String)) {
        let Some(notes) = &self.notes else { return };
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < MOST {
            let (at, detail) = (SystemTime::now(), detail());
            notes.push(Note { at, what, detail });
        }
    }

    /// What was noted since this was last asked.
    pub fn notes(&self) -> Vec<Note> {
        let notes = self.notes.as_ref();
        let taken = notes.map(|notes| {
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *notes)
        });
        taken.unwrap_or_default()
    }

    /// The headers that say so.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let state = self.context.state.as_deref();
        let parent = HeaderValue::try_from(self.context.parent()).ok();
        let state = state.and_then(|state| HeaderValue::from_str(state).ok());
        let parent = parent.map(|value| (HeaderName::from_static(trace::PARENT), value));
        let state = state.map(|value| (HeaderName::from_static(trace::STATE), value));
        parent.into_iter().chain(state)
    }

    /// Puts them over others.
    pub fn put(&self, headers: &mut HeaderMap) {
        headers.remove(trace::STATE);
        for (name, value) in self.headers() {
            headers.insert(name, value);
        }
    }
}
