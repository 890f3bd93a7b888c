//! The last requests: who asked which server for what, and how it ended. Never with what arguments.
//!
//! They cost a call next to nothing: each thread writes into a ring of its own, and where somebody
//! reads that ring at this moment, the request is left out rather than waited for.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::Outcome;
use crate::call::ServerName;

/// How many are shown.
const RECENT: usize = 100;
/// As many rings as there are, more threads share them.
const RINGS: usize = 16;

/// A request that is over.
#[derive(Debug, Clone)]
pub struct Finished {
    /// When it ended.
    pub ended: Instant,
    /// How long it took.
    pub duration: Duration,
    /// The caller, as the log has it.
    pub caller: Arc<str>,
    /// The method, if it is one of the protocol's.
    pub method: Option<&'static str>,
    /// Who was to answer.
    pub server: Option<ServerName>,
    /// The tool, by its server's own name, if it is one that is there.
    pub tool: Option<Arc<str>>,
    /// How it ended.
    pub outcome: Outcome,
}

/// The last requests of a gateway.
#[derive(Default)]
pub struct Recent {
    rings: [Mutex<VecDeque<Finished>>; RINGS],
}

impl Recent {
    /// Keeps one more, if that costs no waiting.
    pub(super) fn add(&self, finished: Finished) {
        let ring = self.rings.get(own_ring()).map(Mutex::try_lock);
        let Some(Ok(mut ring)) = ring else {
            return;
        };
        if ring.len() >= RECENT {
            ring.pop_front();
        }
        ring.push_back(finished);
    }

    /// The last hundred of all, the latest first, each with the time of day at which it ended.
    pub fn list(&self) -> Vec<(SystemTime, Finished)> {
        let mut all: Vec<Finished> = Vec::new();
        for ring in &self.rings {
            let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(ring.iter().cloned());
        }
        all.sort_by_key(|finished| std::cmp::Reverse(finished.ended));
        all.truncate(RECENT);
        let now = (SystemTime::now(), Instant::now());
        let placed = all.into_iter().map(|finished| {
            let since = now.1.saturating_duration_since(finished.ended);
            (now.0.checked_sub(since).unwrap_or(now.0), finished)
        });
        placed.collect()
    }
}

/// The ring of this thread.
fn own_ring() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.with(|own| {
        own.get().unwrap_or_else(|| {
            let ring = NEXT.fetch_add(1, Ordering::Relaxed) % RINGS;
            own.set(Some(ring));
            ring
        })
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn finished(ended: Instant, caller: &str) -> Finished {
        Finished {
            ended,
            duration: Duration::from_millis(3),
            caller: caller.into(),
            method: Some("tools/call"),
            server: None,
            tool: None,
            outcome: Outcome::Ok,
        }
    }

    #[test]
    fn the_latest_of_all_threads_come_first_and_no_more_than_a_hundred() {
        let (recent, start) = (Recent::default(), Instant::now());
        thread::scope(|threads| {
            for thread in 0..3_u64 {
                let recent = &recent;
                threads.spawn(move || {
                    for index in 0..150 {
                        let ended = start + Duration::from_millis(index * 3 + thread);
                        recent.add(finished(ended, &(index * 3 + thread).to_string()));
                    }
                });
            }
        });

        let list = recent.list();

        let callers: Vec<&str> = list.iter().map(|(_, one)| &*one.caller).collect();
        let latest: Vec<String> = (350..450).rev().map(|index| index.to_string()).collect();
        assert_eq!(callers, latest);
        assert!(list.is_sorted_by(|(one, _), (next, _)| one >= next));
    }

    #[test]
    fn a_ring_that_is_being_read_is_not_waited_for() {
        let recent = Recent::default();
        let reading: Vec<_> = recent
            .rings
            .iter()
            .map(|ring| ring.lock().unwrap())
            .collect();

        recent.add(finished(Instant::now(), "sam"));

        drop(reading);
        assert!(recent.list().is_empty());
        recent.add(finished(Instant::now(), "sam"));
        assert_eq!(recent.list().len(), 1);
    }
}
