//! How a server ends that stands in the plan no longer: calls under way first.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::{Instant, interval, timeout};

use super::{
    Servers,
    link::Link,
    server::{COURTESY, Server},
};

/// How often it is looked whether a call is still under way: calls pay nothing for being counted.
const LOOK: Duration = Duration::from_millis(20);
/// How long it waits for calls that may yet come: those that were judged when it still stood in the
/// plan, and wait for room under a limit, or are under way to another server.
const LATE: Duration = Duration::from_secs(10);

impl Server {
    /// It has been taken out of the plan: only calls that have begun before find it, in `before`.
    pub fn dismiss(&self, before: &Arc<Servers>) {
        // Nobody is dismissed twice; if so, the first word holds.
        for one in self.each() {
            drop(one.left.set(Arc::downgrade(before)));
        }
    }

    /// Waits for the calls under way, if it has been dismissed: as long as one may take by its own
    /// settings (`timeout_total`), and no longer.
    pub async fn drain(&self) {
        join_all(self.each().into_iter().map(Self::drain_one)).await;
    }

    async fn drain_one(&self) {
        let Some(before) = self.left.get() else {
            return;
        };
        let idle = self.idle(before);
        if timeout(self.config.timeout_total, idle).await.is_err() {
            tracing::warn!(server = %self.name, "calls in flight are cut off");
        }
    }

    /// Ends what stands. A child's own task sees it out.
    pub async fn leave(&self) {
        join_all(self.each().into_iter().map(Self::leave_one)).await;
    }

    async fn leave_one(&self) {
        let Some(link) = self.link.swap(None) else {
            return;
        };
        let words = match self.left.get() {
            Some(_) => "it has been taken out of the configuration, or changed there",
            None => "the gateway stopped it",
        };
        if self.left.get().is_some() {
            self.set(|state| state.error = Some(words.to_owned()));
            tracing::info!(server = %self.name, "server is let go");
        }
        link.leave(words).await;
        if self.left.get().is_some() {
            // A call that has found the link just before may have opened something behind it.
            drop(timeout(COURTESY, unused(&link, 1)).await);
            link.leave(words).await;
        }
    }

    async fn idle(&self, before: &Weak<Servers>) {
        let latest = Instant::now() + LATE;
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let may_come = before.strong_count() > 0 && Instant::now() < latest;
            if !may_come && self.link.load_full().is_none_or(|link| is_unused(&link, 2)) {
                return;
            }
        }
    }
}

/// Waits until nobody holds a link but so many.
async fn unused(link: &Arc<Link>, held: usize) {
    let mut looks = interval(LOOK);
    while !is_unused(link, held) {
        looks.tick().await;
    }
}

/// Each call holds the link on which it is carried.
fn is_unused(link: &Arc<Link>, held: usize) -> bool {
    Arc::strong_count(link) <= held && link.streaming() == 0
}
