//! Which sessions want to hear of which resources.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use crate::call::ServerName;

type Resource = (ServerName, String);

/// Who has subscribed to what.
#[derive(Debug, Default)]
pub struct Subscriptions(Mutex<HashMap<Resource, HashSet<Arc<str>>>>);

impl Subscriptions {
    /// A session wants to hear of a resource.
    pub fn add(&self, server: &ServerName, uri: &str, session: &Arc<str>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((server.clone(), uri.to_owned()))
            .or_default()
            .insert(session.clone());
    }

    /// A session no longer wants to. True when nobody else does either.
    pub fn remove(&self, server: &ServerName, uri: &str, session: &Arc<str>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (server.clone(), uri.to_owned());
        let Some(sessions) = all.get_mut(&key) else {
            return true;
        };
        sessions.remove(session);
        let last = sessions.is_empty();
        if last {
            all.remove(&key);
        }
        last
    }

    /// A session is over. Gives the resources that nobody wants to hear of any more.
    pub fn forget(&self, session: &str) -> Vec<Resource> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut orphaned = Vec::new();
        all.retain(|resource, sessions| {
            let was_there = sessions.remove(session);
            if was_there && sessions.is_empty() {
                orphaned.push(resource.clone());
            }
            !sessions.is_empty()
        });
        orphaned
    }

    /// The resources of a server that somebody wants to hear of.
    pub fn at(&self, server: &ServerName) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let resources = all.keys().filter(|(of, _)| of == server);
        resources.map(|(_, uri)| uri.clone()).collect()
    }

    /// The sessions that want to hear of a resource.
    pub fn of(&self, server: &ServerName, uri: &str) -> Vec<Arc<str>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = all.get(&(server.clone(), uri.to_owned()));
        sessions
            .map(|sessions| sessions.iter().cloned().collect())
            .unwrap_or_default()
    }
}
