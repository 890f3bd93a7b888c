//! What is recorded of one call, as the pipeline hands it over: names and numbers, nothing
//! formatted.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;

use super::line::key;
use crate::{
    call::{Call, Caller, ServerName, Target},
    mcp::Part,
    observe::Outcome,
    refusal::Stage,
};

/// The longest text that a line repeats, in bytes.
pub(super) const LONGEST: usize = 1024;

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A tool: as its server spells it once that is known, before as the client does.
    Tool(Arc<str>),
    /// A prompt, spelled like a tool.
    Prompt(Arc<str>),
    /// A resource or a template, by its URI.
    Resource(Arc<str>),
    /// A task, by its id.
    Task(Arc<str>),
}

impl Subject {
    fn of(target: &Target) -> Option<Self> {
        Some(match target {
            Target::Tool(name) => Self::Tool(name.as_str().into()),
            Target::Prompt(name) | Target::PromptArgument(name) => {
                Self::Prompt(name.as_str().into())
            }
            Target::Resource(uri)
            | Target::Subscription(uri, _)
            | Target::TemplateArgument(uri) => Self::Resource(uri.as_str().into()),
            Target::Task(id) => Self::Task(id.as_str().into()),
            Target::Ping | Target::List(_) | Target::LogLevel(_) | Target::Other(_) => return None,
        })
    }

    /// Its key in the line, and its name.
    pub(super) fn parts(&self) -> (&'static str, &Arc<str>) {
        match self {
            Self::Tool(name) => (key!("tool"), name),
            Self::Prompt(name) => (key!("prompt"), name),
            Self::Resource(uri) => (key!("resource"), uri),
            Self::Task(id) => (key!("task"), id),
        }
    }
}

/// The gateway's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which stage said it.
    pub stage: Stage,
    /// In which words.
    pub words: Arc<str>,
}

/// What is recorded of one call.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who called, in which role, with whose key, from where.
    pub caller: Caller,
    /// The method, such as `tools/call`.
    pub method: Cow<'static, str>,
    /// What was asked for.
    pub subject: Option<Subject>,
    /// Who was to answer.
    pub server: Option<ServerName>,
    /// The rule that allowed or refused it, and where it stands.
    pub rule: Option<Arc<str>>,
    /// The decision: refused if there is one.
    pub refusal: Option<Refused>,
    /// How it ended.
    pub outcome: Outcome,
    /// From the request to the end of the answer.
    pub duration: Duration,
    /// The size of the request.
    pub bytes_in: u64,
    /// The size of the answer.
    pub bytes_out: u64,
    /// `params.arguments` as written; the line has them redacted.
    pub arguments: Option<Bytes>,
}

impl Entry {
    /// A call of which nothing else is known. Until something else is noted, the client has gone
    /// away.
    pub fn new(caller: Caller, method: impl Into<Cow<'static, str>>) -> Self {
        Self {
            caller,
            method: method.into(),
            subject: None,
            server: None,
            rule: None,
            refusal: None,
            outcome: Outcome::Cancelled,
            duration: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            arguments: None,
        }
    }

    /// A call that has just come in: who calls, and what is asked for.
    pub(in crate::observe) fn of(call: &Call) -> Self {
        let method = match call.frame.method() {
            Some(method) => Cow::Borrowed(method.name()),
            None => call.frame.method_name().into_owned().into(),
        };
        Self {
            subject: Subject::of(&call.target),
            bytes_in: call.frame.bytes().len() as u64,
            arguments: call.frame.raw_bytes(Part::Arguments),
            ..Self::new(call.visit.caller.clone(), method)
        }
    }
}

/// The beginning of a text that is longer than `most` bytes, with a mark that says so.
pub(super) fn shortened(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| {
        let beginning = text.get(..text.floor_char_boundary(most));
        format!("{}… ({} bytes)", beginning.unwrap_or_default(), text.len())
    })
}
