//! What is, read when somebody looks, and the page with all numbers.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, UNIX_EPOCH},
};

use super::{
    Metrics, OWN,
    calls::Calls,
    page::Page,
    process,
    table::{self, Metric},
};
use crate::{
    call::{ServerName, Transport},
    forward::State,
    mcp::{List, Revision},
    observe::{Outcome, audit::AuditCounters},
    session::Census,
};

/// The states of a server.
const STATES: [&str; 5] = ["connecting", "up", "idle", "down", "disabled"];

/// What only others know, as it is now.
#[derive(Default)]
pub struct Look<'a> {
    /// The sessions.
    pub sessions: Census,
    /// The servers of the plan.
    pub servers: Vec<Doing<'a>>,
    /// What the audit log has counted, if there is one.
    pub audit: Option<&'a AuditCounters>,
}

/// How a server is doing.
pub struct Doing<'a> {
    /// Which one.
    pub name: &'a ServerName,
    /// How.
    pub state: State,
    /// How many calls it serves at once.
    pub max_in_flight: usize,
    /// How many items of each list it offers, as [`List::ALL`] has it.
    pub offers: [usize; 4],
}

impl Metrics {
    /// The page that Prometheus reads.
    pub fn render(&self, look: &Look<'_>) -> String {
        let mut page = Page(self.handle.render());
        self.write_gateway(&mut page);
        self.write_requests(&mut page);
        self.counted.write(&mut page);
        self.write_servers(&mut page, &look.servers);
        self.write_clients(&mut page, &look.sessions);
        let [written, dropped, failed] = look.audit.map_or([0; 3], |audit| {
            [audit.written(), audit.dropped(), audit.failed()]
        });
        page.one(&table::AUDITED, written as f64);
        page.one(&table::AUDIT_DROPPED, dropped as f64);
        page.one(&table::AUDIT_FAILED, failed as f64);
        process::write(&mut page);
        page.0
    }

    fn write_gateway(&self, page: &mut Page) {
        let since = self.since.duration_since(UNIX_EPOCH).unwrap_or_default();
        page.one(&table::UPTIME, self.uptime().as_secs_f64());
        page.one(&table::STARTED, since.as_secs_f64());
    }

    fn write_requests(&self, page: &mut Page) {
        let ok = |outcome: &Outcome| *outcome == Outcome::Ok;
        let outcomes = Outcome::ALL.iter().zip(self.outcomes());
        let failed = outcomes.filter(|(outcome, _)| !ok(outcome));
        let failed: u64 = failed.map(|(_, count)| count).sum();
        page.one(&table::FAILED, failed as f64);
        let average = self.average().unwrap_or(Duration::ZERO);
        page.one(&table::AVERAGE, average.as_secs_f64());
        page.one(&table::IN_FLIGHT, self.underway() as f64);
        page.head(&table::REQUESTS);
        self.each(|server, calls| {
            for (outcome, count) in Outcome::ALL.iter().zip(calls.outcomes()) {
                page.sample(&table::REQUESTS, &[server, outcome.name()], count as f64);
            }
        });
        page.head(&table::DURATION);
        self.each(|server, calls| page.histogram(&table::DURATION, &[server], &calls.duration));
        page.head(&table::SIZE_IN);
        self.each(|server, calls| page.histogram(&table::SIZE_IN, &[server], &calls.size_in));
        page.head(&table::SIZE_OUT);
        self.each(|server, calls| page.histogram(&table::SIZE_OUT, &[server], &calls.size_out));
    }

    /// The calls of each server that was ever there, and the gateway's own.
    fn each(&self, mut tell: impl FnMut(&str, &Calls)) {
        tell(OWN, &self.own);
        let mut names: Vec<(&ServerName, &Calls)> = self.calls.iter().collect();
        names.sort_by_key(|(name, _)| *name);
        for (name, calls) in names {
            tell(name.as_str(), calls);
        }
        for calls in &self.joined {
            tell(calls.key().as_str(), &calls);
        }
    }

    fn write_servers(&self, page: &mut Page, servers: &[Doing<'_>]) {
        type Reading = fn(&Doing<'_>) -> f64;
        let readings: [(&Metric, Reading); 8] = [
            (&table::UP, |one| f64::from(u8::from(one.state.serves()))),
            (&table::RESTARTS, |one| f64::from(one.state.restarts)),
            (&table::RETRIES, |one| one.state.retries as f64),
            (&table::BREAKER, |one| {
                f64::from(u8::from(one.state.refuses_calls))
            }),
            (&table::AT_SERVER, |one| one.state.in_flight as f64),
            (&table::MOST_AT_SERVER, |one| one.max_in_flight as f64),
            (&table::WAITING, |one| one.state.waiting as f64),
            (&table::CROWDED, |one| one.state.crowded_out as f64),
        ];
        if servers.is_empty() {
            return;
        }
        for (metric, read) in readings {
            let all = servers.iter().map(|one| ([one.name.as_str()], read(one)));
            page.all(metric, all);
        }
        let states = servers.iter().flat_map(|one| {
            let is = |state| f64::from(u8::from(one.state.state == state));
            STATES.map(|state| ([one.name.as_str(), state], is(state)))
        });
        page.all(&table::STATE, states);
        let offers = servers.iter().flat_map(|one| {
            let lists = List::ALL.into_iter().zip(one.offers);
            lists.map(|(list, count)| ([one.name.as_str(), list.key()], count as f64))
        });
        page.all(&table::OFFERS, offers);
        page.head(&table::FAILURES);
        self.healths(servers, |server, health| {
            health.write_failures(page, server)
        });
        page.head(&table::QUEUE_WAIT);
        self.healths(servers, |server, health| {
            page.histogram(&table::QUEUE_WAIT, &[server], &health.queue_wait);
        });
    }

    fn healths(
        &self,
        servers: &[Doing<'_>],
        mut tell: impl FnMut(&str, &crate::observe::health::Health),
    ) {
        for one in servers {
            if let Some(health) = self.servers.get(one.name) {
                tell(one.name.as_str(), &health);
            }
        }
    }

    fn write_clients(&self, page: &mut Page, sessions: &Census) {
        let kinds = Transport::ALL.iter().flat_map(|transport| {
            let spoken = Revision::ALL.iter().filter(|revision| {
                sessions.sessions.contains_key(&(*transport, **revision))
                    // What is usual shows as 0 too, so that a query always has something to add up.
                    || (*transport, **revision) == (Transport::Http, Revision::LATEST)
            });
            spoken.map(|revision| (*transport, *revision))
        });
        let counts = kinds.map(|kind| {
            let count = sessions.sessions.get(&kind).copied().unwrap_or_default();
            ([kind.0.name(), kind.1.as_str()], count as f64)
        });
        page.all(&table::SESSIONS, counts);
        page.one(&table::MOST_SESSIONS, sessions.most as f64);
        page.one(&table::OPENED, sessions.opened as f64);
        page.one(&table::DISPLACED, sessions.displaced as f64);
        page.one(&table::STREAMS, sessions.streams as f64);
        page.one(&table::CONNECTIONS, self.connections() as f64);
        page.one(
            &table::MOST_CONNECTIONS,
            self.most_open.load(Relaxed) as f64,
        );
        page.one(&table::BUFFERED, self.buffered.load(Relaxed) as f64);
        page.one(
            &table::MOST_BUFFERED,
            self.most_buffered.load(Relaxed) as f64,
        );
    }
}
