//! Another plan comes into force, and those are told whose lists it changes.
//!
//! Whoever makes one from the one in force holds `catalogs` meanwhile, so that no plan is ever put
//! back by another that was begun before it.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use bytes::Bytes;
use indexmap::IndexMap;

use super::{Pipeline, Plan, Policy};
use crate::{
    call::{ServerName, Sight},
    forward::{Server, Servers},
    mcp::{Method, message},
    route::{self, Catalog, ServerPart, Views},
    session::Session,
};

impl Pipeline {
    /// Puts another policy and other servers in force, all at once. Calls under way go on with what
    /// they were judged by. What is known of a server stays until the one that has its name now says
    /// what it offers.
    pub fn replace(&self, policy: Arc<Policy>, servers: Arc<Servers>) {
        let mut catalogs = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        catalogs.retain(|name, _| servers.get(name).is_some());
        let parts = parts(&servers, &catalogs);
        let views = Arc::new(Views::new(policy.sights.clone(), parts));
        let before = self.plan.load_full();
        for (name, _) in before.servers.iter() {
            if servers.get(name).is_none() {
                self.start.settled(name);
            }
        }
        self.metrics.serve(servers.iter().map(|(name, _)| name));
        self.publish(
            &before,
            Plan {
                policy,
                servers,
                views,
            },
        );
    }

    /// Merges what the servers of a plan offer by now.
    pub(super) fn merge(&self, plan: &Plan, catalogs: &IndexMap<ServerName, Arc<Catalog>>) {
        let parts = parts(&plan.servers, catalogs);
        let views = Arc::new(Views::new(plan.policy.sights.clone(), parts));
        let after = Plan {
            views,
            ..Plan::clone(plan)
        };
        self.publish(plan, after);
    }

    /// Puts a plan in force in place of the one before.
    fn publish(&self, before: &Plan, after: Plan) {
        let told = &before.views.whole().warnings;
        for warning in &after.views.whole().warnings {
            if !told.contains(warning) {
                tracing::warn!("{warning}");
            }
        }
        let after = Arc::new(after);
        self.plan.store(after.clone());
        // Many see the same: what has changed there is found out once, and said in the same bytes,
        // which streams keep for a while.
        let mut changed: HashMap<(Sight, Sight), Vec<(Method, Bytes)>> = HashMap::new();
        for session in self.sessions.all() {
            let Some(sights) = sights(&session, before, &after) else {
                continue;
            };
            let kinds = changed.entry(sights).or_insert_with_key(|(saw, sees)| {
                let kinds = route::views::changed((&before.views, saw), (&after.views, sees));
                let said = |kind| (kind, message::notification(kind, None));
                kinds.into_iter().map(said).collect()
            });
            for (_, said) in kinds.iter().filter(|(kind, _)| session.hears(*kind)) {
                session.outbox.push_once(said.clone());
            }
        }
    }
}

/// What a session saw, and what it sees now.
fn sights(session: &Session, before: &Plan, after: &Plan) -> Option<(Sight, Sight)> {
    let seen = session.seen()?;
    if Arc::ptr_eq(&before.policy, &after.policy) {
        return Some((seen.sight.clone(), seen.sight));
    }
    let now = after.look_again(session.identity(), &seen);
    session.sees_instead(&seen, now.clone());
    Some((seen.sight, now?))
}

/// What servers offer, as far as they have said, in their order.
fn parts(servers: &Servers, catalogs: &IndexMap<ServerName, Arc<Catalog>>) -> Vec<ServerPart> {
    let part = |(name, server): (&ServerName, &Arc<Server>)| {
        let prefix = server.config().prefix.as_deref().unwrap_or(name.as_str());
        Some(ServerPart {
            server: name.clone(),
            prefix: prefix.to_owned(),
            catalog: catalogs.get(name)?.clone(),
        })
    };
    servers.iter().filter_map(part).collect()
}
