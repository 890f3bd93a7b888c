//! How the peers of a pool go.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{
    peer::Peer,
    pool::{Opener, Pool},
};

/// How long a child that was killed may take to be gone.
const SEEN_OUT: Duration = Duration::from_secs(5);

impl Pool {
    /// Lets all of them go, and says why to those who call. Sees their processes out.
    pub(super) async fn leave(&self, why: &str) {
        // First: one that is opening in this moment is not to be kept.
        self.left.store(true, Ordering::Release);
        let mut peers: Vec<Arc<Peer>> = self.own.swap(None).into_iter().collect();
        peers.extend(self.others.take_all());
        for peer in &peers {
            peer.end(why.to_owned(), Vec::new());
        }
        if matches!(self.opener, Opener::Child { .. }) {
            let gone = join_all(peers.iter().map(|peer| peer.life.gone()));
            // It has that long once for its stdin, and once for SIGTERM.
            let limit = self.config.stop_timeout() * 2 + SEEN_OUT;
            drop(timeout(limit, gone).await);
        }
    }
}
