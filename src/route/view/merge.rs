//! Many lists become one.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{
    Filter, Grant, Member, Template, View, Way,
    filter::{self, Kept},
};
use crate::{
    authorise::Subject,
    call::ServerName,
    mcp::{List, message::json},
    route::{Item, Naming, capabilities},
};

impl View {
    /// Merges servers; the one that stands first in the file keeps a name that two have.
    pub fn merge(naming: Naming, members: &[Member<'_>]) -> Self {
        Self::filtered(naming, members, Filter::default())
    }

    /// Merges servers and leaves out what the filter does. Names do not depend on the filter: one
    /// that somebody does not see is still taken.
    pub fn filtered(naming: Naming, members: &[Member<'_>], filter: Filter) -> Self {
        let mut view = Self {
            filter,
            ..Self::default()
        };
        for list in List::ALL {
            let mut items = BytesMut::new();
            for member in members {
                view.add(naming, list, member, &mut items);
            }
            let result = [b"{\"", list.key().as_bytes(), b"\":[", &items[..], b"]}"].concat();
            if let Some(slot) = view.lists.get_mut(list as usize) {
                *slot = Arc::new(Bytes::from(result).into());
            }
        }
        let there = |member: &&Member<'_>| view.filter.reaches(member.server);
        let there: Vec<_> = members.iter().filter(there).copied().collect();
        let seen = view.seen(&there);
        view.seen = named(&seen, |_| true);
        let (filter, uri, name) = (&view.filter, "", "");
        let resource_servers = named(
            &there,
            |Member {
                 server, catalog, ..
             }| {
                let server = server.as_str();
                catalog.has_resources && filter.leaves_some(Subject::Resource { server, uri })
            },
        );
        let method_servers = named(&there, |Member { server, .. }| {
            let server = server.as_str();
            filter.leaves_some(Subject::Method { server, name })
        });
        view.resource_servers = resource_servers;
        view.method_servers = method_servers;
        view.capabilities = capabilities::merge(&seen);
        view.instructions = instructions(&seen);
        view
    }

    /// Of the servers that are there, those of which the caller may know.
    fn seen<'a>(&self, there: &[Member<'a>]) -> Vec<Member<'a>> {
        let offers = |server: &ServerName| {
            let mut ways = self.names.iter().flat_map(|names| names.values());
            ways.any(|way| way.server == *server)
        };
        let open = self.filter.rules.is_none();
        let known = |member: &&Member<'_>| open || offers(member.server);
        there.iter().filter(known).copied().collect()
    }

    fn add(&mut self, naming: Naming, list: List, member: &Member<'_>, out: &mut BytesMut) {
        let items = member.catalog.items(list);
        let filter = self.filter.clone();
        for (item, name) in items.iter().zip(exposed(naming, list, member)) {
            if let Some(taken) = self.taken(list, &name) {
                let warning = hidden(list, item, member, taken, &name);
                self.warnings.push(warning);
                continue;
            }
            if let Some(taken) = self.taken.get_mut(list as usize) {
                taken.insert(name.clone(), member.server.clone());
            }
            if list == List::Templates {
                let template = (Template::new(&item.key), member.server.clone());
                self.templates.push(template);
            }
            let subject = filter::subject(list, member.server, &item.key);
            let grant = match filter.judge(member.server, subject) {
                Kept::Open => Grant::Open,
                Kept::Allowed(rule) => Grant::Allowed(rule.clone()),
                Kept::Conditional => Grant::Conditional,
                Kept::Hidden(by) => {
                    if let Some(hidden) = self.hidden.get_mut(list as usize) {
                        hidden.insert(name, by.cloned());
                    }
                    continue;
                }
                Kept::Gone => continue,
            };
            self.show(list, member, item, (name, grant), out);
        }
    }

    fn show(
        &mut self,
        list: List,
        member: &Member<'_>,
        item: &Item,
        (name, grant): (String, Grant),
        out: &mut BytesMut,
    ) {
        if !out.is_empty() {
            out.extend_from_slice(b",");
        }
        let original = item.raw.get(item.span.clone()).map(Bytes::copy_from_slice);
        let same = name == item.key;
        write_item(out, item, (!same).then_some(&name));
        let way = Way {
            server: member.server.clone(),
            name: original.filter(|_| !same),
            key: item.key.as_str().into(),
            mirrors: item.mirrors.clone(),
            repeatable: item.repeatable,
            grant,
        };
        if let Some(names) = self.names.get_mut(list as usize) {
            names.insert(name, way);
        }
        if let Some(count) = self.counts.get_mut(list as usize) {
            *count += 1;
        }
    }
}

fn named(members: &[Member<'_>], is: impl Fn(&Member<'_>) -> bool) -> Vec<ServerName> {
    let members = members.iter().filter(|member| is(member));
    members.map(|member| member.server.clone()).collect()
}

/// The exposed names of a member's items. URIs stay: tool results mention them.
pub(super) fn exposed(naming: Naming, list: List, member: &Member<'_>) -> Vec<String> {
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

fn hidden(list: List, item: &Item, member: &Member<'_>, taken: &ServerName, name: &str) -> String {
    let (server, other, key) = (member.server, taken, &item.key);
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
