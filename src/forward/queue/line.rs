//! Calls in line: one turn for each caller in each round, and the longest tail goes first when there
//! is no room.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use tokio::sync::oneshot;

use crate::call::{Caller, Identity, network};

/// For whom a call waits. Strangers are not one caller: each address (IPv6: each /64) is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::forward) enum Asker {
    Known(Arc<str>),
    Stranger(Option<u128>),
}

impl Asker {
    pub(super) fn of(caller: &Caller) -> Self {
        match &caller.identity {
            Identity::Anonymous => Self::Stranger(caller.address.map(network)),
            Identity::Local
            | Identity::Key(_)
            | Identity::Certificate(_)
            | Identity::Token(..)
            | Identity::User(..) => Self::Known(caller.name.clone()),
        }
    }
}

/// What one in line is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A place is yours.
    Enter,
    /// Yours was the last of too many.
    Go,
}

/// Who waits.
#[derive(Debug, Default)]
pub(super) struct Line {
    each: HashMap<Asker, Own>,
    /// Whose turn it is next: the first.
    turns: BTreeMap<u64, Asker>,
    /// How many calls each has in line: the last has most.
    shares: BTreeSet<(usize, Asker)>,
    next: u64,
    waiting: usize,
}

/// The calls of one caller, in their order.
#[derive(Debug)]
struct Own {
    turn: u64,
    calls: BTreeMap<u64, oneshot::Sender<Word>>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Stands in line, where `most` may: with a number, and what tells when to go where. In a full
    /// one the last call of the caller with most is put out, unless the newcomer's own would have as
    /// many: then there is nothing that it could be given fairly.
    pub(super) fn join(
        &mut self,
        asker: &Asker,
        most: usize,
    ) -> Option<(u64, oneshot::Receiver<Word>)> {
        if self.waiting >= most {
            let (largest, longest) = self.shares.last()?.clone();
            let own = self.each.get(asker).map_or(0, |own| own.calls.len());
            if own + 1 >= largest {
                return None;
            }
            self.put_out(&longest);
        }
        let number = self.number();
        let (tell, word) = oneshot::channel();
        match self.each.get_mut(asker) {
            Some(own) => {
                own.calls.insert(number, tell);
            }
            None => {
                let (turn, calls) = (number, BTreeMap::from([(number, tell)]));
                self.turns.insert(turn, asker.clone());
                self.each.insert(asker.clone(), Own { turn, calls });
            }
        }
        self.waiting += 1;
        self.counted(asker, 1);
        Some((number, word))
    }

    /// Gives a place to whose turn it is; false where nobody takes it.
    pub(super) fn let_in(&mut self) -> bool {
        while let Some((_, asker)) = self.turns.first_key_value() {
            let asker = asker.clone();
            let own = self.each.get(&asker);
            let first = own.and_then(|own| own.calls.keys().next().copied());
            // There is none without calls.
            let Some(tell) = first.and_then(|first| self.take(&asker, first)) else {
                return false;
            };
            self.next_turn(&asker);
            // Who has just given up takes nothing.
            if tell.send(Word::Enter).is_ok() {
                return true;
            }
        }
        false
    }

    /// One leaves the line; false where it does not stand in it any more.
    pub(super) fn remove(&mut self, asker: &Asker, number: u64) -> bool {
        self.take(asker, number).is_some()
    }

    fn put_out(&mut self, asker: &Asker) {
        let own = self.each.get(asker);
        let last = own.and_then(|own| own.calls.keys().next_back().copied());
        if let Some(tell) = last.and_then(|last| self.take(asker, last)) {
            // Who has just given up need not be told.
            tell.send(Word::Go).ok();
        }
    }

    /// The caller's next call waits until all others had their turn.
    fn next_turn(&mut self, asker: &Asker) {
        let turn = self.number();
        if let Some(own) = self.each.get_mut(asker) {
            self.turns.remove(&own.turn);
            own.turn = turn;
            self.turns.insert(turn, asker.clone());
        }
    }

    fn take(&mut self, asker: &Asker, number: u64) -> Option<oneshot::Sender<Word>> {
        let own = self.each.get_mut(asker)?;
        let tell = own.calls.remove(&number)?;
        let (turn, over) = (own.turn, own.calls.is_empty());
        self.waiting -= 1;
        self.counted(asker, -1);
        if over {
            self.turns.remove(&turn);
            self.each.remove(asker);
        }
        Some(tell)
    }

    /// The caller has `more` in line than before.
    fn counted(&mut self, asker: &Asker, more: isize) {
        let now = self.each.get(asker).map_or(0, |own| own.calls.len());
        self.shares
            .remove(&(now.saturating_add_signed(-more), asker.clone()));
        if now > 0 {
            self.shares.insert((now, asker.clone()));
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
impl Line {
    /// Everything says the same.
    pub(super) fn check(&self) {
        let calls: usize = self.each.values().map(|own| own.calls.len()).sum();
        assert_eq!(calls, self.waiting);
        let turns: HashMap<_, _> = self
            .turns
            .iter()
            .map(|(turn, asker)| (asker, *turn))
            .collect();
        let shares: HashMap<_, _> = self
            .shares
            .iter()
            .map(|(share, asker)| (asker, *share))
            .collect();
        for (asker, own) in &self.each {
            assert_eq!(turns.get(asker), Some(&own.turn));
            assert_eq!(shares.get(asker), Some(&own.calls.len()));
        }
        assert_eq!(
            (turns.len(), shares.len()),
            (self.each.len(), self.each.len())
        );
    }
}
