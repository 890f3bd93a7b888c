//! Replicas of one server: several addresses (`url = […]`), or several copies of a command
//! (`pool`).
//!
//! Each is a [`Server`] of its own with one address, which is kept, retried and broken off by itself,
//! so that it is known of each whether it is there. What they make up together is a `Server`, too,
//! and the only one that others know: it has their calls carried by the one with the fewest in
//! flight, and offers what the one that leads offers.

mod carrying;
mod lead;
mod pins;
mod tasks;
mod together;
mod voice;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lead::Lead;
use pins::Pins;
use tasks::Tasks;

use super::{ServerConfig, link::Link, server::Server, servers::Sharing, urls};
use crate::refusal::Refusal;

/// The replicas of one server.
pub(super) struct Replicas {
    pub(super) all: Box<[Arc<Replica>]>,
    /// Where the search for the next begins: equals take turns.
    turn: AtomicUsize,
    pins: Pins,
    lead: Lead,
    tasks: Tasks,
}

/// One of them.
pub(super) struct Replica {
    pub(super) server: Arc<Server>,
    /// Its place among them.
    index: usize,
    /// Its calls that wait for an answer.
    in_flight: AtomicUsize,
    /// The clients whose sessions are there.
    sessions: AtomicUsize,
}

/// Which replicas a call has been tried at, by their places.
#[derive(Debug, Clone, Copy, Default)]
struct Tried(u64);

impl Tried {
    fn add(&mut self, replica: &Replica) {
        self.0 |= 1 << replica.index;
    }

    fn has(self, replica: &Replica) -> bool {
        self.0 & (1 << replica.index) != 0
    }
}

/// How much is to be hoped for from a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Its connection stands.
    Standing,
    /// It is down.
    Fallen,
    /// It has failed too often.
    Refusing,
}

/// The tables of the replicas that a table stands for, and what each is called; none where it stands
/// for one server.
pub(super) fn split(config: &ServerConfig) -> Vec<(ServerConfig, Arc<str>)> {
    let urls = config.url.iter().flat_map(|urls| urls.iter());
    let urls = urls.map(|url| {
        let one = ServerConfig {
            url: Some(url.into()),
            ..config.clone()
        };
        (one, urls::shown(url).into())
    });
    let copies = (1..=config.pool()).map(|number| {
        let one = ServerConfig {
            pool: None,
            ..config.clone()
        };
        (one, format!("copy {number}").into())
    });
    let all: Vec<_> = match config.url {
        Some(_) => urls.collect(),
        None => copies.collect(),
    };
    match all.len() {
        0 | 1 => Vec::new(),
        _ => all.into_iter().take(urls::MOST).collect(),
    }
}

impl Replicas {
    pub(super) fn new(servers: Vec<Server>) -> Self {
        let replica = |(index, server)| {
            Arc::new(Replica {
                server: Arc::new(server),
                index,
                in_flight: AtomicUsize::new(0),
                sessions: AtomicUsize::new(0),
            })
        };
        let count = servers.len();
        Self {
            all: servers.into_iter().enumerate().map(replica).collect(),
            turn: AtomicUsize::new(0),
            pins: Pins::default(),
            lead: Lead::new(count),
            tasks: Tasks::default(),
        }
    }

    /// The link of the one that leads, or of any that has one.
    ///
    /// # Errors
    /// When none has been reached yet.
    pub(super) fn link(&self) -> Result<Arc<Link>, Refusal> {
        let mut refusal = None;
        let others = self.all.iter().map(Arc::as_ref);
        for replica in self.leader().into_iter().chain(others) {
            match replica.server.link() {
                Ok(link) => return Ok(link),
                Err(error) => refusal = Some(error),
            }
        }
        Err(refusal.unwrap_or(Refusal::Unanswered))
    }

    /// The links of all that have one.
    pub(super) fn links(&self) -> impl Iterator<Item = Arc<Link>> {
        self.all.iter().filter_map(|one| one.server.link().ok())
    }

    /// With whom a client shares what stands behind a replica: where one has sessions, with as few
    /// as there.
    fn sharing(&self) -> Sharing {
        let mut apart = self.links().map(|link| link.sharing());
        let apart = apart.find(|sharing| *sharing != Sharing::Everybody);
        apart.unwrap_or(Sharing::Everybody)
    }

    /// The one that speaks for all.
    fn leader(&self) -> Option<&Replica> {
        let replica = self.all.get(self.lead.index()?)?;
        Some(replica)
    }

    /// The best of those that have not been tried: of those that stand, the one with the fewest calls
    /// in flight, then with the fewest sessions.
    fn best(&self, tried: Tried) -> Option<&Arc<Replica>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len().max(1);
        let (first, rest) = self.all.split_at_checked(turn)?;
        let in_turn = rest.iter().chain(first);
        let untried = in_turn.filter(|replica| !tried.has(replica));
        // Of equals, the first.
        untried.min_by_key(|replica| (replica.worth(), replica.load(), replica.sessions()))
    }
}

impl Replica {
    fn worth(&self) -> Worth {
        match (self.server.refuses_calls(), self.server.stands()) {
            (true, _) => Worth::Refusing,
            (false, true) => Worth::Standing,
            (false, false) => Worth::Fallen,
        }
    }

    /// Its calls that wait for an answer, or the rest of one.
    pub(super) fn load(&self) -> usize {
        let link = self.server.link.load();
        let streaming = link.as_ref().map_or(0, |link| link.streaming());
        self.in_flight.load(Ordering::Relaxed) + streaming
    }

    fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Counts a call as long as what comes of this lives.
    fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }
}

struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
