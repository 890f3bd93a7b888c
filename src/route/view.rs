//! What a client sees: every server's items under exposed names, as ready bytes, and the way
//! back from each name to its server.

use std::{collections::HashMap, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{catalog::Item, names::Naming, template::Template};
use crate::{
    call::{ServerName, Target},
    mcp::{List, header::Mirror, message::json, object},
    route::Catalog,
};

/// Where an exposed name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The server that has it.
    pub server: ServerName,
    /// The name it has there, as JSON; nothing where it is the same.
    pub name: Option<Bytes>,
    /// The headers that mirror arguments of a tool.
    pub mirrors: Arc<[Mirror]>,
}

/// One server's part of a view.
#[derive(Debug)]
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
    lists: [Bytes; 4],
    counts: [usize; 4],
    names: [HashMap<String, Way>; 4],
    templates: Vec<(Template, ServerName)>,
    resource_servers: Vec<ServerName>,
    /// The servers that have been up.
    servers: Vec<ServerName>,
    /// Capabilities that pass through, as members of an object: tasks, extensions.
    pub capabilities: String,
    /// The servers' instructions, each under its server's name.
    pub instructions: Option<String>,
    /// Items that a client does not see, and how to mend that.
    pub warnings: Vec<String>,
}

impl View {
    /// Merges servers; the one that stands first in the file keeps a name that two have.
    pub fn merge(naming: Naming, members: &[Member<'_>]) -> Self {
        let mut view = Self::default();
        for list in List::ALL {
            let mut items = BytesMut::new();
            for member in members {
                view.add(naming, list, member, &mut items);
            }
            let result = [b"{\"", list.key().as_bytes(), b"\":[", &items[..], b"]}"].concat();
            if let Some(slot) = view.lists.get_mut(list as usize) {
                *slot = Bytes::from(result);
            }
        }
        let with_resources = members.iter().filter(|member| member.catalog.has_resources);
        view.resource_servers = with_resources.map(|member| member.server.clone()).collect();
        view.servers = members.iter().map(|member| member.server.clone()).collect();
        view.capabilities = super::capabilities::merge(members);
        view.instructions = instructions(members);
        view
    }

    /// The result of a list request.
    pub fn list(&self, list: List) -> &Bytes {
        static EMPTY: Bytes = Bytes::from_static(b"{}");
        self.lists.get(list as usize).unwrap_or(&EMPTY)
    }

    /// The server that gets what nobody else understands: the only one.
    pub fn only_server(&self) -> Option<&ServerName> {
        match self.servers.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The result of a list request that stands for itself.
    pub fn stateless_list(&self, list: List) -> Bytes {
        let text = std::str::from_utf8(self.list(list)).unwrap_or("{}");
        object::with(
            text,
            r#""resultType":"complete","ttlMs":0,"cacheScope":"public""#,
        )
        .into()
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
            .flat_map(HashMap::keys);
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
        if let Some(way) = self
            .way(List::Resources, uri)
            .or_else(|| self.way(List::Templates, uri))
        {
            return Some(&way.server);
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

    /// Whether somebody answers calls about `target`.
    pub fn offers(&self, target: &Target) -> bool {
        match target {
            Target::Ping | Target::List(_) | Target::LogLevel(_) | Target::Task(_) => true,
            Target::Other(_) => self.only_server().is_some(),
            Target::Tool(name) => self.way(List::Tools, name).is_some(),
            Target::Prompt(name) | Target::PromptArgument(name) => {
                self.way(List::Prompts, name).is_some()
            }
            Target::Resource(uri)
            | Target::Subscription(uri, _)
            | Target::TemplateArgument(uri) => self.server_of(uri).is_some(),
        }
    }

    fn add(&mut self, naming: Naming, list: List, member: &Member<'_>, out: &mut BytesMut) {
        let items = member.catalog.items(list);
        for (item, name) in items.iter().zip(exposed(naming, list, member)) {
            let Some(names) = self.names.get_mut(list as usize) else {
                return;
            };
            if let Some(taken) = names.get(&name) {
                self.warnings.push(hidden(list, item, member, taken, &name));
                continue;
            }
            if !out.is_empty() {
                out.extend_from_slice(b",");
            }
            let original = item.raw.get(item.span.clone()).map(Bytes::copy_from_slice);
            let same = name == item.key;
            write_item(out, item, (!same).then_some(&name));
            let way = Way {
                server: member.server.clone(),
                name: original.filter(|_| !same),
                mirrors: item.mirrors.clone(),
            };
            names.insert(name, way);
            if list == List::Templates {
                self.templates
                    .push((Template::new(&item.key), member.server.clone()));
            }
            if let Some(count) = self.counts.get_mut(list as usize) {
                *count += 1;
            }
        }
    }
}

/// The exposed names of a member's items. URIs stay: tool results mention them.
fn exposed(naming: Naming, list: List, member: &Member<'_>) -> Vec<String> {
    let keys: Vec<&str> = member
        .catalog
        .items(list)
        .iter()
        .map(|item| item.key.as_str())
        .collect();
    match list {
        List::Tools | List::Prompts => naming.expose(member.prefix, &keys),
        List::Resources | List::Templates => keys.into_iter().map(str::to_owned).collect(),
    }
}

fn write_item(out: &mut BytesMut, item: &Item, name: Option<&String>) {
    let Some(name) = name else {
        return out.extend_from_slice(&item.raw);
    };
    out.extend_from_slice(item.raw.get(..item.span.start).unwrap_or_default());
    out.extend_from_slice(json(name).as_bytes());
    out.extend_from_slice(item.raw.get(item.span.end..).unwrap_or_default());
}

fn hidden(list: List, item: &Item, member: &Member<'_>, taken: &Way, name: &str) -> String {
    let (server, other, key) = (member.server, &taken.server, &item.key);
    if server == other {
        return format!(
            "server `{server}` lists `{key}` twice in its {}",
            list.key()
        );
    }
    let mend = match list {
        List::Tools | List::Prompts => format!("give [servers.{server}] another `prefix`"),
        List::Resources | List::Templates => "its URI belongs to the first one".to_owned(),
    };
    format!("`{key}` of server `{server}` is hidden: `{other}` already has `{name}`; {mend}")
}

fn instructions(members: &[Member<'_>]) -> Option<String> {
    let told: Vec<String> = members
        .iter()
        .filter_map(|member| Some((member, member.catalog.instructions.as_deref()?)))
        .map(|(member, text)| format!("# {}\n\n{}", member.server, text.trim()))
        .collect();
    (!told.is_empty()).then(|| told.join("\n\n"))
}

/// The lists in which two views differ.
pub fn changed(before: &View, after: &View) -> Vec<List> {
    List::ALL
        .into_iter()
        .filter(|list| before.list(*list) != after.list(*list))
        .collect()
}
