//! Looking a call up in a view.

use super::{Grant, View, Way, filter::Kept};
use crate::{
    authorise::{Access, Shown, Subject},
    call::{ServerName, Target},
    mcp::List,
};

impl Shown for View {
    fn access<'a>(&'a self, target: &'a Target) -> Access<'a> {
        match target {
            // What the gateway answers itself, and what belongs to whoever asks.
            Target::Ping | Target::List(_) | Target::LogLevel(_) | Target::Task(_) => Access::Open,
            Target::Tool(name) => self.listed(List::Tools, name),
            Target::Prompt(name) | Target::PromptArgument(name) => self.listed(List::Prompts, name),
            Target::Resource(uri) | Target::Subscription(uri, _) => self.resource(uri),
            Target::TemplateArgument(uri) => match self.way(List::Templates, uri) {
                Some(way) => self.granted(List::Templates, way),
                None => self.resource(uri),
            },
            Target::Other(method) => match self.only_server() {
                Some(server) => {
                    let name = method.as_str();
                    let server_name = server.as_str();
                    let subject = Subject::Method {
                        server: server_name,
                        name,
                    };
                    self.judged(server, subject)
                }
                None => Access::Unknown,
            },
        }
    }
}

impl View {
    /// Whether somebody answers calls about `target`.
    pub fn offers(&self, target: &Target) -> bool {
        !matches!(self.access(target), Access::Unknown | Access::Hidden(_))
    }

    /// The server that answers calls about `target`.
    pub fn server(&self, target: &Target) -> Option<&ServerName> {
        match target {
            Target::Ping | Target::List(_) | Target::LogLevel(_) | Target::Task(_) => None,
            Target::Tool(name) => self.way(List::Tools, name).map(|way| &way.server),
            Target::Prompt(name) | Target::PromptArgument(name) => {
                self.way(List::Prompts, name).map(|way| &way.server)
            }
            Target::Resource(uri) | Target::Subscription(uri, _) => self.server_of(uri),
            // By the template that was judged: another server may list that text as a resource.
            Target::TemplateArgument(uri) => match self.way(List::Templates, uri) {
                Some(way) => Some(&way.server),
                None => self.server_of(uri),
            },
            Target::Other(_) => self.only_server(),
        }
    }

    /// The name that its server gave to the tool that is called, if one is.
    pub fn own_tool(&self, target: &Target) -> Option<&str> {
        let way = self.way(List::Tools, target.tool()?)?;
        Some(&way.key)
    }

    /// Whether the caller may use a tool, listed or no longer, by its server's own name.
    pub fn lets_use(&self, server: &ServerName, name: &str) -> bool {
        let subject = Subject::Tool {
            server: server.as_str(),
            name,
        };
        let kept = self.filter.judge(server, subject);
        !matches!(kept, Kept::Hidden(_) | Kept::Gone)
    }

    fn listed(&self, list: List, name: &str) -> Access<'_> {
        if let Some(way) = self.way(list, name) {
            return self.granted(list, way);
        }
        let hidden = self.hidden.get(list as usize);
        match hidden.and_then(|hidden| hidden.get(name)) {
            Some(by) => Access::Hidden(by.as_ref()),
            None => Access::Unknown,
        }
    }

    fn granted<'a>(&'a self, list: List, way: &'a Way) -> Access<'a> {
        match (&way.grant, &self.filter.rules) {
            (Grant::Allowed(rule), _) => Access::Allowed(rule),
            (Grant::Conditional, Some(rules)) => {
                Access::Conditional(rules, super::filter::subject(list, &way.server, &way.key))
            }
            (Grant::Open | Grant::Conditional, _) => Access::Open,
        }
    }

    /// A resource need not be listed to be read.
    fn resource<'a>(&'a self, uri: &'a str) -> Access<'a> {
        if let Some(way) = self.way(List::Resources, uri) {
            return self.granted(List::Resources, way);
        }
        match self.server_of(uri) {
            Some(server) => {
                let name = server.as_str();
                self.judged(server, Subject::Resource { server: name, uri })
            }
            None => Access::Unknown,
        }
    }

    fn judged<'a>(&'a self, server: &'a ServerName, subject: Subject<'a>) -> Access<'a> {
        match (self.filter.judge(server, subject), &self.filter.rules) {
            (Kept::Allowed(rule), _) => Access::Allowed(rule),
            (Kept::Conditional, Some(rules)) => Access::Conditional(rules, subject),
            (Kept::Open | Kept::Conditional, _) => Access::Open,
            (Kept::Hidden(by), _) => Access::Hidden(by),
            (Kept::Gone, _) => Access::Unknown,
        }
    }
}
