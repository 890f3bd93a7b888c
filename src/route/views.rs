//! The views: one for each way to look at the same servers, made when somebody first does.

use std::sync::Arc;

use super::{
    Catalog, Member, Naming, View,
    view::{Filter, Selection},
};
use crate::{
    authorise::Roles,
    call::{Extent, ServerName, Sight},
    map::{Map, Table},
    mcp::{List, Method},
};

/// One server's part of all views.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name.
    pub server: ServerName,
    /// What its names are prefixed with.
    pub prefix: String,
    /// What it offers.
    pub catalog: Arc<Catalog>,
}

/// What views are made by, apart from what servers offer.
#[derive(Debug)]
pub struct Sights {
    /// How names are exposed.
    pub naming: Naming,
    /// What each role may do.
    pub roles: Arc<Roles>,
    /// What each view selects.
    pub views: Map<Arc<str>, Arc<Selection>>,
    /// The servers that look at addresses, in the order of the bits of [`Sight::gates`].
    pub gates: Vec<ServerName>,
}

impl Sights {
    /// Whether what one sees depends on who one is, or on where.
    fn are_personal(&self) -> bool {
        !self.roles.is_empty() || !self.gates.is_empty()
    }
}

/// The views of what servers offer at one time.
#[derive(Debug)]
pub struct Views {
    sights: Arc<Sights>,
    parts: Vec<Part>,
    whole: Arc<View>,
    made: Table<Sight, Arc<View>>,
}

impl Views {
    /// The views of these servers, in the order of the file.
    pub fn new(sights: Arc<Sights>, parts: Vec<Part>) -> Self {
        let filter = Filter {
            personal: sights.are_personal(),
            ..Filter::default()
        };
        let whole = View::filtered(sights.naming, &members(&parts), filter);
        let whole = Arc::new(whole);
        Self {
            sights,
            parts,
            whole,
            made: Table::default(),
        }
    }

    /// The same servers under other rules.
    pub fn under(&self, sights: Arc<Sights>) -> Self {
        Self::new(sights, self.parts.clone())
    }

    /// What there is, whoever looks.
    pub fn whole(&self) -> &Arc<View> {
        &self.whole
    }

    /// What there is under a path, whoever looks.
    pub fn whole_of(&self, extent: &Extent) -> Option<Arc<View>> {
        self.of(&Sight {
            extent: extent.clone(),
            role: None,
            gates: self.all_gates(),
        })
    }

    fn all_gates(&self) -> u64 {
        (1_u64 << self.sights.gates.len()) - 1
    }

    /// What somebody sees; nothing where the path leads nowhere.
    pub fn of(&self, sight: &Sight) -> Option<Arc<View>> {
        let all = self.all_gates();
        if sight.extent == Extent::All && sight.role.is_none() && sight.gates == all {
            return Some(self.whole.clone());
        }
        if let Some(view) = self.made.get(sight) {
            return Some(view.clone());
        }
        // Roles, views and gates are the config's: there are not many to be made.
        let view = Arc::new(self.make(sight)?);
        self.made.insert(sight.clone(), view.clone());
        Some(view)
    }

    fn make(&self, sight: &Sight) -> Option<View> {
        let mut filter = Filter {
            personal: self.sights.are_personal(),
            ..Filter::default()
        };
        if let Some(name) = &sight.role {
            // A role that there is no more allows nothing.
            let rules = self.sights.roles.get(name).map(|role| role.rules.clone());
            filter.rules = Some(rules.unwrap_or_default());
        }
        let shut = |bit: &usize| sight.gates & (1 << bit) == 0;
        let shut = (0..self.sights.gates.len()).filter(shut);
        let shut = shut.filter_map(|bit| self.sights.gates.get(bit));
        filter.closed = shut.cloned().collect();
        let mut parts = self.parts.clone();
        match &sight.extent {
            Extent::All => {}
            Extent::View(name) => filter.selection = Some(self.sights.views.get(name)?.clone()),
            Extent::Server(name) => {
                filter.only = Some(name.clone());
                parts.retain(|part| part.server == *name);
                parts.iter_mut().for_each(|part| part.prefix.clear());
            }
        }
        let naming = self.sights.naming;
        Some(View::filtered(naming, &members(&parts), filter))
    }
}

/// What is to be told to those who saw one and see the other: the lists that have changed.
pub fn changed((before, saw): (&Views, &Sight), (after, sees): (&Views, &Sight)) -> Vec<Method> {
    let (Some(before), Some(after)) = (before.of(saw), after.of(sees)) else {
        return Vec::new();
    };
    let differ = |list: &List| before.list(*list) != after.list(*list);
    let differing = List::ALL.into_iter().filter(differ);
    let mut kinds: Vec<Method> = differing.map(Method::ListChanged).collect();
    kinds.dedup_by_key(|kind| kind.name()); // resources and their templates share a word
    kinds
}

fn members(parts: &[Part]) -> Vec<Member<'_>> {
    let mut members = Vec::with_capacity(parts.len());
    for Part {
        server,
        prefix,
        catalog,
    } in parts
    {
        members.push(Member {
            server,
            prefix,
            catalog,
        });
    }
    members
}
