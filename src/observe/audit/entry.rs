//! What is recorded of one call, as the pipeline hands it over: names and numbers, nothing
//! formatted. The writer makes the line.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::{
    call::{KeyName, ServerName},
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
    /// What it is, which is the key in the line, and its name.
    pub(super) fn parts(&self) -> (&'static str, &Arc<str>) {
        match self {
            Self::Tool(name) => ("tool", name),
            Self::Prompt(name) => ("prompt", name),
            Self::Resource(uri) => ("resource", uri),
            Self::Task(id) => ("task", id),
        }
    }

    fn name_mut(&mut self) -> &mut Arc<str> {
        match self {
            Self::Tool(text) | Self::Prompt(text) | Self::Resource(text) | Self::Task(text) => text,
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
    /// Who called.
    pub caller: Arc<str>,
    /// In which role.
    pub role: Option<Arc<str>>,
    /// With whose key.
    pub key: Option<KeyName>,
    /// From where.
    pub address: Option<IpAddr>,
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
    /// `params.arguments` as written; redacted by the writer.
    pub arguments: Option<Bytes>,
}

impl Entry {
    /// A call of which nothing else is known. Until something else is noted, the client has gone
    /// away.
    pub fn new(caller: Arc<str>, method: impl Into<Cow<'static, str>>) -> Self {
        Self {
            caller,
            role: None,
            key: None,
            address: None,
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

    /// Cuts what others wrote to a length that may wait in memory by the thousand.
    pub(super) fn cut(&mut self) {
        cut(&mut self.caller);
        if let Some(short) = shortened(&self.method, LONGEST) {
            self.method = Cow::Owned(short);
        }
        let optional = [&mut self.role, &mut self.rule];
        for text in optional.into_iter().flatten() {
            cut(text);
        }
        if let Some(subject) = &mut self.subject {
            cut(subject.name_mut());
        }
        if let Some(refusal) = &mut self.refusal {
            cut(&mut refusal.words);
        }
    }
}

fn cut(text: &mut Arc<str>) {
    if let Some(short) = shortened(text, LONGEST) {
        *text = short.into();
    }
}

/// The beginning of a text that is longer than `most` bytes, with a mark that says so.
pub(super) fn shortened(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| {
        let beginning = text.get(..text.floor_char_boundary(most));
        format!("{}… ({} bytes)", beginning.unwrap_or_default(), text.len())
    })
}

/// A record in the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The request's id in the log.
    pub(super) request: u64,
    /// When the call came in.
    pub(super) time: SystemTime,
    /// What is known of it; nothing if whoever held the slot lost it.
    pub(super) entry: Option<Entry>,
    /// The size of arguments that are too large to wait.
    pub(super) left_out: Option<usize>,
    /// What its arguments keep in memory, in bytes.
    pub(super) weight: usize,
}
