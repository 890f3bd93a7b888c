//! What a client sees: the servers' items under exposed names, as ready bytes, and the way
//! back from each name to its server.

mod filter;
mod merge;
mod shown;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

pub use filter::{Filter, Selection};

use super::template::Template;
use crate::{
    authorise::Source,
    call::{Ready, ServerName},
    map::Map,
    mcp::{List, header::Mirror, object},
    route::Catalog,
};

/// Where an exposed name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The server that has it.
    pub server: ServerName,
    /// The name it has there, as JSON; nothing where it is the same.
    pub name: Option<Bytes>,
    /// The name or URI it has there, as text.
    pub key: Arc<str>,
    /// The headers that mirror arguments of a tool; nothing where none do.
    pub mirrors: Option<Arc<[Mirror]>>,
    /// Whether a tool may be called twice where once was meant.
    pub repeatable: bool,
    /// What allows its use.
    pub grant: Grant,
}

/// What allows the use of what a view shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// No rule was asked.
    Open,
    /// This rule.
    Allowed(Source),
    /// A rule that looks at the arguments.
    Conditional,
}

/// One server's part of a view.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its name.
    pub server: &'a ServerName,
    /// What its names are prefixed with.
    pub prefix: &'a str,
    /// What it offers.
    pub catalog: &'a Catalog,
}

/// The merged lists and the ways back.
#[derive(Debug, Default)]
pub struct View {
    /// The four `…/list` results.
    lists: [Arc<Ready>; 4],
    /// The same for requests that stand for themselves, made when the first of them comes.
    stateless: [OnceLock<Arc<Ready>>; 4],
    counts: [usize; 4],
    names: [Map<String, Way>; 4],
    /// What is there and not for the caller, and the rule that denies it.
    hidden: [Map<String, Option<Source>>; 4],
    /// The first server that has a name keeps it, also where the caller does not see that.
    taken: [Map<String, ServerName>; 4],
    filter: Filter,
    templates: Vec<(Template, ServerName)>,
    /// The servers of which the caller may read resources that no list has.
    resource_servers: Vec<ServerName>,
    /// The servers whose own methods the caller may use.
    method_servers: Vec<ServerName>,
    /// The servers that have been up and of which the caller sees something.
    seen: Vec<ServerName>,
    /// Capabilities that pass through, as members of an object: tasks, extensions.
    pub capabilities: String,
    /// The servers' instructions, each under its server's name.
    pub instructions: Option<String>,
    /// Items that a client does not see, and how to mend that.
    pub warnings: Vec<String>,
}

impl View {
    /// A list, as a session gets it.
    pub fn list(&self, list: List) -> &Bytes {
        static EMPTY: Bytes = Bytes::from_static(b"{}");
        let ready = self.lists.get(list as usize);
        ready.map_or(&EMPTY, |ready| ready.bytes())
    }

    /// The result of a list request on a session.
    pub fn session_list(&self, list: List) -> Arc<Ready> {
        let ready = self.lists.get(list as usize);
        ready.cloned().unwrap_or_default()
    }

    /// The server that gets what nobody else understands: the only one.
    pub fn only_server(&self) -> Option<&ServerName> {
        match self.method_servers.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether the caller may use anything of a server, and so hear what it says.
    pub fn knows(&self, server: &ServerName) -> bool {
        // What no list has leads to a server only where that is the only one of its kind.
        self.seen.contains(server)
            || self.resource_servers.as_slice() == [server.clone()]
            || self.only_server() == Some(server)
    }

    /// The result of a list request that stands for itself.
    pub fn stateless_list(&self, list: List) -> Arc<Ready> {
        let make = || {
            let text = std::str::from_utf8(self.list(list)).unwrap_or("{}");
            let scope = self.cache_scope();
            let more = format!(r#""resultType":"complete","ttlMs":0,"cacheScope":"{scope}""#);
            Arc::new(Bytes::from(object::with(text, &more)).into())
        };
        match self.stateless.get(list as usize) {
            Some(made) => made.get_or_init(make).clone(),
            None => make(),
        }
    }

    /// For whom an answer about this may be kept: where rules decide, or addresses, the next
    /// caller may see something else.
    pub fn cache_scope(&self) -> &'static str {
        match self.filter.is_open() {
            true => "public",
            false => "private",
        }
    }

    /// How many items a list has.
    pub fn count(&self, list: List) -> usize {
        self.counts.get(list as usize).copied().unwrap_or_default()
    }

    /// The exposed names of a list, sorted.
    pub fn names(&self, list: List) -> Vec<&str> {
        let names = self
            .names
            .get(list as usize)
            .into_iter()
            .flat_map(Map::keys);
        let mut names: Vec<&str> = names.map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The way to a tool, prompt, resource or template by its exposed name.
    pub fn way(&self, list: List, name: &str) -> Option<&Way> {
        self.names.get(list as usize)?.get(name)
    }

    /// The server of a URI: the one that lists it, else the first whose template it fits, else
    /// the only one that has resources at all (tool results mention URIs that no list has).
    pub fn server_of(&self, uri: &str) -> Option<&ServerName> {
        if let Some(server) = self
            .taken(List::Resources, uri)
            .or_else(|| self.taken(List::Templates, uri))
        {
            return Some(server);
        }
        let fits = self
            .templates
            .iter()
            .find(|(template, _)| template.matches(uri));
        match (fits, self.resource_servers.as_slice()) {
            (Some((_, server)), _) => Some(server),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    fn taken(&self, list: List, name: &str) -> Option<&ServerName> {
        self.taken.get(list as usize)?.get(name)
    }
}
