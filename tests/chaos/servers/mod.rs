//! The servers over HTTP: tasks of ours, each on a port of its own, that do as they are told.

mod answers;
mod house;
mod legacy;
mod peer;

pub(crate) use house::House;
pub(crate) use peer::Mood;

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};

use crate::{
    cast::{Actor, CAST},
    ledger::Ledger,
};

/// All that serve over HTTP, by name.
pub(crate) struct Servers(HashMap<&'static str, Arc<House>>);

impl Servers {
    /// Starts them.
    pub(crate) fn start(ledger: &Arc<Ledger>) -> io::Result<Self> {
        let mut all = HashMap::new();
        for actor in CAST.iter().filter(|actor| actor.is_ours()) {
            all.insert(actor.name, Arc::new(House::open(actor, ledger.clone())?));
        }
        Ok(Self(all))
    }

    /// The one that an actor is.
    pub(crate) fn of(&self, actor: &Actor) -> Option<&Arc<House>> {
        self.0.get(actor.name)
    }

    /// Where each listens.
    pub(crate) fn addresses(&self) -> HashMap<&'static str, SocketAddr> {
        let all = self.0.iter();
        all.map(|(name, house)| (*name, house.address)).collect()
    }
}
