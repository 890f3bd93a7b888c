//! Servers that nobody needs at the moment: stopped, and launched again by whoever comes next.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    connect::Connection, link::Link, outlet::Outlet, peer::Peer, pool::Pool, server::Server,
};
use crate::refusal::Refusal;

/// Between finding a peer and having a number for a call there is no wait: it takes no longer.
const MOMENT: Duration = Duration::from_millis(100);

/// Whether a server is there, should be, or need not.
#[derive(Debug, Default, PartialEq)]
enum Phase {
    #[default]
    Awake,
    /// It was to be launched again, and could not be.
    Failed(String),
    Asleep,
    Wanted,
}

/// A server's rest.
#[derive(Debug, Default)]
pub(super) struct Rest(watch::Sender<Phase>);

impl Rest {
    /// Waits until somebody needs it.
    pub(super) async fn wanted(&self) {
        // It cannot fail: the sender is here.
        drop(
            self.0
                .subscribe()
                .wait_for(|now| *now != Phase::Asleep)
                .await,
        );
    }

    /// It is there.
    pub(super) fn over(&self) {
        self.0.send_replace(Phase::Awake);
    }

    /// It is to be there, and cannot.
    pub(super) fn failed(&self, reason: &str) {
        self.0.send_replace(Phase::Failed(reason.to_owned()));
    }

    /// Why it is not there, if it has not fallen since.
    pub(super) fn reason(&self) -> String {
        match &*self.0.borrow() {
            Phase::Failed(reason) => reason.clone(),
            Phase::Awake | Phase::Asleep | Phase::Wanted => "it is still starting".to_owned(),
        }
    }

    fn rests(&self) -> bool {
        matches!(*self.0.borrow(), Phase::Asleep | Phase::Wanted)
    }

    fn begin(&self) {
        self.0.send_replace(Phase::Asleep);
    }

    /// Somebody needs it.
    pub(super) fn want(&self) {
        self.0.send_if_modified(|now| {
            let asleep = *now == Phase::Asleep;
            if asleep {
                *now = Phase::Wanted;
            }
            asleep
        });
    }

    /// Somebody needs it, and waits until it is there, or cannot be.
    async fn end(&self) {
        let mut now = self.0.subscribe();
        self.want();
        let awake = |now: &Phase| matches!(now, Phase::Awake | Phase::Failed(_));
        drop(now.wait_for(awake).await);
    }
}

impl Pool {
    /// The gateway's own peer. If it rests, it is launched again, and waited for.
    ///
    /// # Errors
    /// When it is not there, and does not come in time.
    pub(super) async fn awake(&self) -> Result<Arc<Peer>, Refusal> {
        let shared = self.shared();
        if shared.is_ok() || !self.rest.rests() {
            return shared;
        }
        let limit = self.config.connect_timeout;
        // Boxed: it is rare.
        drop(Box::pin(timeout(limit, self.rest.end())).await);
        self.shared()
    }

    pub(super) fn shared(&self) -> Result<Arc<Peer>, Refusal> {
        let unavailable = |reason: String| Refusal::Unavailable {
            server: self.outlet.server.to_string(),
            reason,
        };
        match self.own.load_full() {
            None => Err(unavailable(self.rest.reason())),
            Some(peer) if peer.life.is_over() => Err(unavailable(peer.life.reason())),
            Some(peer) => Ok(peer),
        }
    }

    fn is_busy(&self, peer: &Peer) -> bool {
        // One that has no sessions owes an answer to the stream that it tells of changes on.
        let owes = match self.is_stateless() {
            true => peer
                .pending
                .iter()
                .any(|waiting| waiting.exchange.is_some()),
            false => !peer.pending.is_empty(),
        };
        owes || !self.others.is_empty()
    }

    /// Has nobody find the peer any more; false if somebody has found it meanwhile.
    async fn hide(&self, peer: &Arc<Peer>) -> bool {
        let last = peer.last_number();
        let hidden = Hidden::new(self, peer);
        sleep(MOMENT).await;
        let quiet = peer.last_number() == last && !self.is_busy(peer);
        if quiet {
            hidden.keep();
        }
        quiet
    }
}

/// A peer that nobody finds. It is found again unless it is kept so, also when the wait for that is
/// given up because the gateway stops: what nobody finds nobody would stop.
struct Hidden<'a>(Option<(&'a Pool, &'a Arc<Peer>)>);

impl<'a> Hidden<'a> {
    fn new(pool: &'a Pool, peer: &'a Arc<Peer>) -> Self {
        pool.rest.begin();
        pool.own.store(None);
        Self(Some((pool, peer)))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        if let Some((pool, peer)) = self.0 {
            pool.own.store(Some(peer.clone()));
            pool.rest.over();
        }
    }
}

impl Server {
    /// Waits until nobody has needed the server for so long; from then on, nobody finds its peer.
    /// Never, if it is not to be stopped.
    pub(super) async fn rest(
        &self,
        (link, connection): (&Link, &Connection),
        outlet: &Outlet,
        limit: Option<Duration>,
    ) {
        let (Some(limit), Link::Pool(pool), Connection::Peer(peer)) = (limit, link, connection)
        else {
            return pending().await;
        };
        let (mut since, mut last) = (Instant::now(), peer.last_number());
        loop {
            let needed = pool.is_busy(peer) || outlet.upward.is_watched(&self.name);
            if needed || peer.last_number() != last {
                (since, last) = (Instant::now(), peer.last_number());
            } else if since.elapsed() >= limit && pool.hide(peer).await {
                break;
            }
            // Calls are not timed for that: it is looked at now and then.
            sleep((limit / 4).max(MOMENT)).await;
        }
    }
}
