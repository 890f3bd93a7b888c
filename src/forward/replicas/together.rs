//! The one server that replicas are.

use std::{cmp::Reverse, sync::Arc};

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{Replica, Replicas, voice::Voice};
use crate::forward::{
    Server, State, Upward,
    state::{ReplicaState, State as Doing},
};

impl Server {
    /// Its replicas; where there are none, the server itself.
    pub(in crate::forward) fn each(&self) -> Vec<&Self> {
        match &self.replicas {
            Some(replicas) => replicas.all.iter().map(|one| one.server.as_ref()).collect(),
            None => vec![self],
        }
    }

    /// Keeps each replica connected.
    pub(in crate::forward) async fn keep_each(
        self: &Arc<Self>,
        replicas: &Replicas,
        upward: &Arc<dyn Upward>,
        stop: &CancellationToken,
    ) {
        let kept = replicas.all.iter().map(|replica| {
            let voice = Arc::new(Voice {
                whole: Arc::downgrade(self),
                index: replica.index,
                upward: upward.clone(),
            });
            replica.server.clone().keep_one(voice, stop.clone())
        });
        join_all(kept).await;
    }
}

impl Replicas {
    /// Whether any does what is wanted of it.
    pub(in crate::forward) fn is_fine(&self) -> bool {
        let mut all = self.all.iter();
        all.clone().any(|one| one.server.stands()) || all.all(|one| one.server.is_fine())
    }

    /// How they are doing: as the best of them, which has calls served.
    pub(in crate::forward) fn state(&self, whole: State) -> State {
        let states: Vec<(&Arc<Replica>, Doing)> = self
            .all
            .iter()
            .map(|one| (one, one.server.state()))
            .collect();
        let all = || states.iter().map(|(_, state)| state);
        // Of equals, the one that has been so for longest.
        let best = all().min_by_key(|state| (rank(state), state.since));
        let Some(best) = best.cloned() else {
            return whole;
        };
        let failed = all().filter(|state| state.last_error.is_some());
        let last = failed.min_by_key(|state| (rank(state) == 0, Reverse(state.since)));
        let serves = best.serves();
        State {
            // What one of them has to complain of is seen below.
            error: best.error.clone(),
            last_error: last.and_then(|state| state.last_error.clone()),
            restarts: whole.restarts + all().map(|state| state.restarts).sum::<u32>(),
            next_attempt: match serves {
                true => None,
                false => all().filter_map(|state| state.next_attempt).min(),
            },
            retries: whole.retries,
            refuses_calls: all().all(|state| state.refuses_calls),
            replicas: states
                .iter()
                .map(|(one, state)| shown(one, state))
                .collect(),
            ..best
        }
    }
}

/// The lower, the better.
fn rank(state: &State) -> u8 {
    match state.state {
        "up" if !state.refuses_calls => 0,
        "up" => 1,
        "idle" => 2,
        "connecting" => 3,
        "down" => 4,
        _ => 5,
    }
}

fn shown(replica: &Replica, state: &State) -> ReplicaState {
    ReplicaState {
        at: replica.server.at.as_deref().unwrap_or_default().to_owned(),
        state: state.state,
        since: state.since,
        error: state.error.clone(),
        last_error: state.last_error.clone(),
        restarts: state.restarts,
        in_flight: replica.load(),
        refuses_calls: state.refuses_calls,
    }
}
