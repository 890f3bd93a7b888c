//! Nouns in flight: who calls, what they call, what comes back.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use serde::Deserialize;

use crate::{
    mcp::{Frame, List, Method, Part, Revision, fields},
    refusal::Refusal,
};

/// Who holds a key: the name of a `[keys.<name>]` table, as the audit log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// The name, as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
        if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err("the name of a key is 1 to 64 letters, digits, `_`, `-`, `.` and `@`")
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for KeyName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The user whose process speaks over stdin.
    Local,
    /// Somebody over HTTP, where no key is configured.
    Anonymous,
    /// The holder of the key of that name.
    Key(KeyName),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Key(name) => write!(f, "key:{name}"),
        }
    }
}

/// The name of a `[servers.<name>]` table: `[a-zA-Z0-9_-]`, at most 32 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerName(Arc<str>);

impl ServerName {
    /// The name, as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServerName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=32).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err("the name of a server is 1 to 32 letters, digits, `_` and `-`")
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for ServerName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The session a call came in on, as far as servers are concerned.
#[derive(Debug)]
pub struct Client {
    /// The session's id. Servers that keep one session for each client go by it.
    pub session: Arc<str>,
    /// What was agreed at `initialize`.
    pub revision: Revision,
    /// The level it set, plus one; nothing yet is zero.
    level: AtomicU8,
    over: AtomicBool,
}

impl Client {
    /// A client that has just initialized.
    pub fn new(session: Arc<str>, revision: Revision) -> Self {
        Self {
            session,
            revision,
            level: AtomicU8::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// Its session has ended: servers need keep nothing for it, and open nothing any more.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether its session has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// The lowest level of log messages it asked for, if it did.
    pub fn level(&self) -> Option<Level> {
        let index = self.level.load(Ordering::Relaxed).checked_sub(1)?;
        Level::ALL.get(usize::from(index)).map(|(level, _)| *level)
    }

    /// Remembers what it asked for.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8 + 1, Ordering::Relaxed);
    }
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `ping`
    Ping,
    /// One of the lists.
    List(List),
    /// `logging/setLevel`
    LogLevel(Level),
    /// A tool, by its exposed name.
    Tool(String),
    /// A prompt, by its exposed name.
    Prompt(String),
    /// A resource, by its URI.
    Resource(String),
    /// A subscription to a resource: true opens it, false ends it.
    Subscription(String, bool),
    /// An argument of a prompt, to be completed.
    PromptArgument(String),
    /// An argument of a resource template, to be completed.
    TemplateArgument(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping => f.write_str("ping"),
            Self::List(list) => f.write_str(list.method().name()),
            Self::LogLevel(_) => f.write_str("logging/setLevel"),
            Self::Tool(name) => write!(f, "tool `{name}`"),
            Self::Prompt(name) | Self::PromptArgument(name) => write!(f, "prompt `{name}`"),
            Self::Resource(uri) | Self::Subscription(uri, _) => write!(f, "resource `{uri}`"),
            Self::TemplateArgument(uri) => write!(f, "resource template `{uri}`"),
        }
    }
}

/// How severe a log message is, least first (RFC 5424).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Detailed.
    Debug,
    /// General.
    Info,
    /// Normal, but significant.
    Notice,
    /// Not yet wrong.
    Warning,
    /// Wrong.
    Error,
    /// Broken.
    Critical,
    /// Act at once.
    Alert,
    /// Unusable.
    Emergency,
}

impl Level {
    const ALL: [(Self, &str); 8] = [
        (Self::Debug, "debug"),
        (Self::Info, "info"),
        (Self::Notice, "notice"),
        (Self::Warning, "warning"),
        (Self::Error, "error"),
        (Self::Critical, "critical"),
        (Self::Alert, "alert"),
        (Self::Emergency, "emergency"),
    ];

    /// The level of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, known)| *known == name)
            .map(|(level, _)| level)
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(level, _)| *level == self)
            .map_or("", |(_, name)| name)
    }
}

/// One request of a client.
#[derive(Debug)]
pub struct Call {
    /// As the client wrote it.
    pub frame: Frame,
    /// What it is about.
    pub target: Target,
    /// Whose session it came in on.
    pub client: Arc<Client>,
}

impl Call {
    /// Reads what a request is about.
    ///
    /// # Errors
    /// When the method is not known, or its target is missing.
    pub fn read(frame: Frame, client: Arc<Client>) -> Result<Self, Refusal> {
        let target = target(&frame)?;
        Ok(Self {
            frame,
            target,
            client,
        })
    }
}

fn target(frame: &Frame) -> Result<Target, Refusal> {
    let need = |part: Part, name: &'static str| {
        frame
            .text(part)
            .map(Cow::into_owned)
            .ok_or(Refusal::Params(name))
    };
    let Some(method) = frame.method() else {
        return Err(Refusal::UnknownMethod(frame.method_name().into_owned()));
    };
    match method {
        Method::Ping => Ok(Target::Ping),
        Method::List(list) => first_page(frame).map(|()| Target::List(list)),
        Method::LoggingSetLevel => level(frame).map(Target::LogLevel),
        Method::ToolsCall => need(Part::Name, "`name` is missing").map(Target::Tool),
        Method::PromptsGet => need(Part::Name, "`name` is missing").map(Target::Prompt),
        Method::ResourcesRead => need(Part::Uri, "`uri` is missing").map(Target::Resource),
        Method::ResourcesSubscribe => {
            need(Part::Uri, "`uri` is missing").map(|uri| Target::Subscription(uri, true))
        }
        Method::ResourcesUnsubscribe => {
            need(Part::Uri, "`uri` is missing").map(|uri| Target::Subscription(uri, false))
        }
        Method::CompletionComplete => match frame.text(Part::RefName) {
            Some(name) => Ok(Target::PromptArgument(name.into_owned())),
            None => need(Part::RefUri, "`ref` is missing").map(Target::TemplateArgument),
        },
        Method::Initialize => Err(Refusal::Initialized),
        Method::SamplingCreateMessage
        | Method::ElicitationCreate
        | Method::RootsList
        | Method::Initialized
        | Method::Cancelled
        | Method::Progress
        | Method::Message
        | Method::ResourcesUpdated
        | Method::ListChanged(_)
        | Method::RootsListChanged => Err(Refusal::UnknownMethod(method.name().to_owned())),
    }
}

/// Our lists have one page, so a cursor is not one of ours.
fn first_page(frame: &Frame) -> Result<(), Refusal> {
    let cursor = frame
        .params()
        .and_then(|params| fields::field(params, "cursor"));
    match cursor {
        None | Some("null") => Ok(()),
        Some(_) => Err(Refusal::Params("unknown `cursor`")),
    }
}

fn level(frame: &Frame) -> Result<Level, Refusal> {
    let raw = frame
        .params()
        .and_then(|params| fields::field(params, "level"));
    let name = raw.and_then(fields::string);
    name.and_then(|name| Level::named(&name))
        .ok_or(Refusal::Params("unknown `level`"))
}

/// The body of a server's answer while it arrives.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What is answered to a request.
pub enum Reply {
    /// The whole message, with a result.
    Whole(Bytes),
    /// The whole message, with the server's own error.
    Failed(Bytes),
    /// One message that is still arriving. Its id is the client's own.
    Streamed(Body),
    /// Nothing: the client has cancelled the request.
    Silence,
}
