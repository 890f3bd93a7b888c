//! Nouns in flight: who calls, what they call, what comes back.

mod behalf;
mod caller;
mod certificate;
mod client;
mod level;
mod name;
mod networks;
mod packed;
mod pieces;
mod ready;
mod sight;
mod template;
mod trace;
mod transport;
mod visit;

use std::{borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

pub use behalf::{Behalf, RoleHeaders};
pub use caller::{Caller, Identity, Standing, Who};
pub use certificate::{AltName, Certificate, ClientCertificate, NameKind, Subject};
pub use client::{Client, Question};
pub use level::Level;
pub(crate) use name::name;
pub use name::{CertificateName, KeyName, RoleName, ServerName};
pub use networks::{Networks, network};
pub use pieces::Pieces;
pub use ready::Ready;
pub use sight::{Extent, Sight};
pub use template::Template;
pub use trace::{Note, TraceContext, Traced};
pub use transport::Transport;
pub use visit::Visit;

use crate::{
    mcp::{Frame, List, Method, Part, fields},
    refusal::Refusal,
};

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
    /// A task, by its id.
    Task(String),
    /// What only its server understands, by its method.
    Other(String),
}

impl Target {
    /// The exposed name of the tool that is called, if one is.
    pub fn tool(&self) -> Option<&str> {
        if let Self::Tool(name) = self {
            return Some(name);
        }
        None
    }

    /// The URI of the resource that it is about, if it is a resource.
    pub fn resource(&self) -> Option<&str> {
        if let Self::Resource(uri) | Self::Subscription(uri, _) = self {
            return Some(uri);
        }
        None
    }
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
            Self::Task(id) => write!(f, "task `{id}`"),
            Self::Other(method) => write!(f, "method `{method}`"),
        }
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
    /// Who makes it, from where.
    pub visit: Visit,
}

impl Call {
    /// Reads what a request is about. Boxed, because one stage hands it to the next.
    ///
    /// # Errors
    /// When the method is not known, or its target is missing.
    pub fn read(frame: Frame, client: Arc<Client>, visit: Visit) -> Result<Box<Self>, Refusal> {
        let target = target(&frame, &client)?;
        Ok(Box::new(Self {
            frame,
            target,
            client,
            visit,
        }))
    }
}

fn target(frame: &Frame, client: &Client) -> Result<Target, Refusal> {
    let need = |part: Part, name: &'static str| {
        frame
            .text(part)
            .map(Cow::into_owned)
            .ok_or(Refusal::Params(name))
    };
    let Some(method) = frame.method() else {
        let method = frame.method_name().into_owned();
        // A server that several callers share would list everybody's.
        if method == "tasks/list" {
            return Err(Refusal::UnknownMethod(method));
        }
        let task = frame
            .text(Part::TaskId)
            .filter(|_| method.starts_with("tasks/"));
        return Ok(task.map_or(Target::Other(method), |id| Target::Task(id.into_owned())));
    };
    let stateless = client.revision.is_stateless();
    match method {
        // 2026-07-28 has neither sessions nor what goes with them.
        Method::Ping
        | Method::LoggingSetLevel
        | Method::ResourcesSubscribe
        | Method::ResourcesUnsubscribe
        | Method::Initialize
            if stateless =>
        {
            Err(Refusal::UnknownMethod(method.name().to_owned()))
        }
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
        Method::CompletionComplete => reference(frame),
        Method::Initialize => Err(Refusal::Initialized),
        Method::SamplingCreateMessage
        | Method::ServerDiscover
        | Method::SubscriptionsListen
        | Method::SubscriptionsAcknowledged
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

/// What an argument to be completed belongs to.
fn reference(frame: &Frame) -> Result<Target, Refusal> {
    let uri = frame.raw(Part::RefUri).filter(|uri| *uri != "null");
    match (frame.text(Part::RefName), uri) {
        // We would judge the prompt, and its server could go by the template.
        (Some(_), Some(_)) => Err(Refusal::Params("`ref` has both a `name` and a `uri`")),
        (Some(name), None) => Ok(Target::PromptArgument(name.into_owned())),
        (None, _) => {
            let uri = frame.text(Part::RefUri).map(Cow::into_owned);
            uri.map(Target::TemplateArgument)
                .ok_or(Refusal::Params("`ref` is missing"))
        }
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
    /// A whole message of the gateway's own, with a result that stood ready, in pieces.
    Pieces(Pieces),
    /// One message that is still arriving. Its id is the client's own.
    Streamed(Body),
    /// Nothing: the client has cancelled the request.
    Silence,
}

impl Reply {
    /// The id of the task that a server has made of a call.
    pub fn task(&self) -> Option<String> {
        let Self::Whole(message) = self else {
            return None;
        };
        memchr::memmem::find(message, br#""taskId""#)?;
        let frame = Frame::parse(message.clone()).ok()?;
        let result = frame.raw(Part::Result).unwrap_or_default();
        // 2025-11-25 has it in `task`, the extension in the result itself.
        let within = fields::field(result, "task").unwrap_or(result);
        let id = fields::field(within, "taskId").and_then(fields::string)?;
        Some(id.into_owned())
    }
}
