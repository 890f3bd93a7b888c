//! The sealed ids that no longer stand for a session, although they open.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::sealed;

/// How many are remembered. The oldest is forgotten first: its owner could then come back to it,
/// and finds an empty session.
const MOST: usize = 10_000;
/// How much of an id is remembered: the version, the nonce, and some of what is sealed.
const MARK: usize = 24;

type Mark = [u8; MARK];

/// The sealed ids of sessions that were ended by their clients, or of idleness.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    all: HashSet<Mark>,
    oldest: VecDeque<Mark>,
}

impl Ended {
    pub(super) fn add(&self, id: &str) {
        let Some(mark) = mark(id) else { return };
        let mut marks = self.marks();
        if marks.all.insert(mark) {
            marks.oldest.push_back(mark);
        }
        if marks.oldest.len() > MOST
            && let Some(oldest) = marks.oldest.pop_front()
        {
            marks.all.remove(&oldest);
        }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        mark(id).is_some_and(|mark| self.marks().all.contains(&mark))
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark(id: &str) -> Option<Mark> {
    let mark = sealed::may_be(id).then(|| id.as_bytes().first_chunk());
    mark.flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_ids_are_remembered_and_the_oldest_goes() {
        let ended = Ended::default();
        let id = |number: usize| format!("{number:064}").chars().rev().collect::<String>();
        for number in 0..=MOST {
            ended.add(&id(number));
        }
        ended.add(&id(MOST));
        ended.add("0123456789abcdef0123456789abcdef");

        assert!(!ended.has(&id(0)) && ended.has(&id(1)) && ended.has(&id(MOST)));
        assert_eq!(ended.marks().all.len(), MOST);
        assert_eq!(ended.marks().oldest.len(), MOST);
    }
}
