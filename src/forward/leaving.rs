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

/// Longer than a child has to leave, which is killed then.
const SEEN_OUT: Duration = Duration::from_secs(10);

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
            let gone = join_all(peers.iter().map(|peer| peer.gone.cancelled()));
            drop(timeout(SEEN_OUT, gone).await);
        }
    }
}
