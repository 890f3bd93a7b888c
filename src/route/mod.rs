//! Which server a call goes to, and under which name.

mod capabilities;
mod catalog;
pub mod names;
pub mod tasks;
mod template;
pub mod view;
pub mod views;

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;

pub use catalog::{Catalog, Item};
pub use names::Naming;
pub use tasks::Tasks;
pub use view::{Filter, Member, Selection, View};
pub use views::{Part as ServerPart, Sights, Views};

use crate::{
    call::{Behalf, Call, Level, Ready, RoleHeaders, ServerName, Target, Traced},
    limit::Admitted,
    mcp::{Frame, List, Part, fields, header::Mirror},
    refusal::Refusal,
};

/// An admitted call that knows its way. Only [`choose`] makes one.
#[derive(Debug)]
pub struct Routed {
    call: Box<Call>,
    server: ServerName,
    rename: Option<(Part, Bytes)>,
    mirrors: Option<Arc<[Mirror]>>,
    repeatable: bool,
    headers: RoleHeaders,
    trace: Option<Arc<Traced>>,
}

impl Routed {
    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The server it goes to.
    pub fn server(&self) -> &ServerName {
        &self.server
    }

    /// The headers that mirror arguments of the tool it calls.
    pub fn mirrors(&self) -> &[Mirror] {
        self.mirrors.as_deref().unwrap_or_default()
    }

    /// Whether the server may carry it out twice where once was meant: it only reads, or its tool
    /// says so.
    pub fn is_repeatable(&self) -> bool {
        match self.call.target {
            Target::Tool(_) => self.repeatable,
            Target::Ping
            | Target::List(_)
            | Target::Prompt(_)
            | Target::Resource(_)
            | Target::PromptArgument(_)
            | Target::TemplateArgument(_) => true,
            Target::LogLevel(_) | Target::Subscription(..) | Target::Task(_) | Target::Other(_) => {
                false
            }
        }
    }

    /// Has it carry what the caller's role sends along.
    pub fn carry(&mut self, headers: RoleHeaders) {
        self.headers = headers;
    }

    /// Has it take along of which trace it is a part.
    pub fn trace_as(&mut self, trace: Arc<Traced>) {
        self.trace = Some(trace);
    }

    /// Of which trace it is a part, where calls are traced.
    pub fn trace(&self) -> Option<&Traced> {
        self.trace.as_deref()
    }

    /// What the caller's role sends along.
    pub fn headers(&self) -> &RoleHeaders {
        &self.headers
    }

    /// On whose behalf it is made.
    pub fn behalf(&self) -> Behalf {
        Behalf {
            visit: self.call.visit.clone(),
            headers: self.headers.clone(),
        }
    }

    /// The same call in other words, on the same way.
    pub fn reworded(&self, frame: Frame) -> Self {
        let call = Call {
            frame,
            target: self.call.target.clone(),
            client: self.call.client.clone(),
            visit: self.call.visit.clone(),
        };
        Self {
            call: Box::new(call),
            server: self.server.clone(),
            rename: self.rename.clone(),
            mirrors: self.mirrors.clone(),
            repeatable: self.repeatable,
            headers: self.headers.clone(),
            trace: self.trace.clone(),
        }
    }

    /// The name that its server gave to the tool or prompt that it calls.
    pub fn own_name(&self) -> Option<Cow<'_, str>> {
        match (&self.rename, &self.call.target) {
            (Some((_, name)), _) => fields::string(std::str::from_utf8(name).ok()?),
            (None, Target::Tool(name) | Target::Prompt(name)) => Some(name.into()),
            (None, _) => None,
        }
    }

    /// The part that holds an exposed name, and the server's own name for it.
    pub fn rename(&self) -> Option<(Part, &[u8])> {
        self.rename
            .as_ref()
            .map(|(part, name)| (*part, name.as_ref()))
    }
}

/// Who answers a call.
#[derive(Debug)]
pub enum Route {
    /// The gateway, with this result.
    Here(Bytes),
    /// The gateway, with a list.
    Listed(Arc<Ready>),
    /// The gateway, once it has passed the level on to every server.
    Level(Level),
    /// A server.
    There(Box<Routed>),
}

/// The server that a call goes to, if it goes to one.
pub fn server(view: &View, tasks: &Tasks, call: &Call) -> Option<ServerName> {
    let Target::Task(id) = &call.target else {
        return view.server(&call.target).cloned();
    };
    let task = tasks.get(id)?;
    let is_theirs = task.identity == call.client.identity;
    (is_theirs && view.lets_use(&task.server, &task.tool)).then_some(task.server)
}

/// Finds who answers a call.
///
/// # Errors
/// When nobody offers what it is about.
pub fn choose(view: &View, tasks: &Tasks, admitted: Admitted) -> Result<Route, Refusal> {
    let call = admitted.into_call();
    let (way, part) = match &call.target {
        Target::Ping => return Ok(Route::Here(Bytes::from_static(b"{}"))),
        Target::List(list) if call.client.revision.is_stateless() => {
            return Ok(Route::Listed(view.stateless_list(*list)));
        }
        Target::List(list) => return Ok(Route::Listed(view.session_list(*list))),
        Target::LogLevel(level) => return Ok(Route::Level(*level)),
        Target::Tool(name) => (view.way(List::Tools, name), Part::Name),
        Target::Prompt(name) => (view.way(List::Prompts, name), Part::Name),
        Target::PromptArgument(name) => (view.way(List::Prompts, name), Part::RefName),
        Target::Resource(_)
        | Target::Subscription(..)
        | Target::TemplateArgument(_)
        | Target::Task(_)
        | Target::Other(_) => {
            let server = server(view, tasks, &call);
            return plainly(call, server);
        }
    };
    let Some(way) = way else {
        return Err(Refusal::NoRoute(call.target));
    };
    let (server, name) = (way.server.clone(), way.name.clone());
    let tool = (way.mirrors.clone(), way.repeatable);
    Ok(there(call, server, name.map(|name| (part, name)), tool))
}

/// To a server, in the client's own words.
fn plainly(call: Box<Call>, server: Option<ServerName>) -> Result<Route, Refusal> {
    match server {
        Some(server) => Ok(there(call, server, None, (None, false))),
        None => Err(Refusal::NoRoute(call.target)),
    }
}

fn there(
    call: Box<Call>,
    server: ServerName,
    rename: Option<(Part, Bytes)>,
    (mirrors, repeatable): (Option<Arc<[Mirror]>>, bool),
) -> Route {
    Route::There(Box::new(Routed {
        call,
        server,
        rename,
        mirrors,
        repeatable,
        headers: RoleHeaders::default(),
        trace: None,
    }))
}
