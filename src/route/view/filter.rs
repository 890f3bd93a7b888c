//! What the rules leave of the lists.

use std::sync::Arc;

use crate::{
    authorise::{Judgement, Rules, Source, Subject},
    call::ServerName,
    mcp::List,
};

/// What a view leaves out. The default leaves out nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What the caller's role may do; nothing where no rule is asked.
    pub rules: Option<Arc<Rules>>,
    /// What `[views.<name>]` selects; nothing where everything is.
    pub selection: Option<Arc<Selection>>,
    /// Servers that are not there for the caller's address.
    pub closed: Vec<ServerName>,
    /// The only server, where the path names one.
    pub only: Option<ServerName>,
    /// Somebody else may see something else, though nothing is left out here.
    pub personal: bool,
}

/// What `[views.<name>]` selects.
#[derive(Debug)]
pub struct Selection {
    /// Its servers; empty: all.
    pub servers: Vec<ServerName>,
    /// Of what they offer, this.
    pub rules: Rules,
}

/// What a filter makes of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept<'a> {
    /// It stays, and no rule was asked.
    Open,
    /// It stays, because of this rule.
    Allowed(&'a Source),
    /// It stays, and a call of it depends on the arguments.
    Conditional,
    /// A rule takes it away, or none allows it.
    Hidden(Option<&'a Source>),
    /// It is not there at all.
    Gone,
}

impl Filter {
    /// Whether nothing is left out.
    pub(super) fn is_open(&self) -> bool {
        self.rules.is_none() && self.selection.is_none() && self.closed.is_empty() && !self.personal
    }

    /// Whether a server is there at all.
    pub(super) fn reaches(&self, server: &ServerName) -> bool {
        let outside = self.only.as_ref().is_some_and(|only| only != server);
        let selected = self.selection.as_ref().is_none_or(|selection| {
            selection.servers.is_empty() || selection.servers.contains(server)
        });
        !outside && selected && !self.closed.contains(server)
    }

    /// Whether something of that kind may be used there, listed or not, whatever its name.
    pub(super) fn leaves_some(&self, subject: Subject<'_>) -> bool {
        let rules = self.rules.as_deref();
        rules.is_none_or(|rules| rules.leave_some(subject))
    }

    pub(super) fn judge(&self, server: &ServerName, subject: Subject<'_>) -> Kept<'_> {
        let selects = |selection: &Arc<Selection>| {
            !matches!(selection.rules.judge(subject), Judgement::Denied { .. })
        };
        if !self.reaches(server) || !self.selection.as_ref().is_none_or(selects) {
            return Kept::Gone;
        }
        let Some(rules) = &self.rules else {
            return Kept::Open;
        };
        match rules.judge(subject) {
            Judgement::Denied { by } => Kept::Hidden(by),
            Judgement::Allowed(allowance) => {
                allowance.by().map_or(Kept::Conditional, Kept::Allowed)
            }
        }
    }
}

/// An item of a list, as rules see it.
pub(super) fn subject<'a>(list: List, server: &'a ServerName, key: &'a str) -> Subject<'a> {
    let server = server.as_str();
    match list {
        List::Tools => Subject::Tool { server, name: key },
        List::Prompts => Subject::Prompt { server, name: key },
        List::Resources => Subject::Resource { server, uri: key },
        List::Templates => Subject::Template {
            server,
            uri_template: key,
        },
    }
}
