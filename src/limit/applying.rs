//! The way through the limits that apply to a call.

use std::{sync::Arc, time::Duration};

use super::{
    LimitConfig, LimitName,
    concurrency::Seat,
    keys::Facts,
    limits::{Limit, Measure},
};
use crate::refusal::whole_seconds;

/// Limits that apply together, in the order in which they are asked.
#[derive(Debug, Clone, Default)]
pub struct Applying(Arc<[Arc<Limit>]>);

impl Applying {
    /// In the order of their turns.
    pub(super) fn new(limits: Vec<Arc<Limit>>) -> Self {
        Self(limits.into())
    }

    /// Them, by their names.
    pub fn limits(&self) -> impl Iterator<Item = (&LimitName, &LimitConfig)> {
        self.0.iter().map(|limit| (&limit.name, &limit.config))
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets a call through if every limit has room for it.
    ///
    /// Concurrency is asked first and given back when a later limit refuses. Rates are asked last
    /// and counted only when all have room; should another call take the room in between, what
    /// was counted is not given back. To drop the future is to give up.
    ///
    /// # Errors
    /// The first limit that has no room.
    pub async fn admit(&self, facts: &Facts<'_>) -> Result<Held, Limited> {
        let mut held = Held::default();
        for limit in self.0.iter() {
            // They come first.
            let Measure::Concurrency(concurrency) = &limit.measure else {
                break;
            };
            let seat = concurrency.enter(limit.keys.key(facts)).await;
            held.keep(seat.ok_or_else(|| Limited::by(limit, A_MOMENT))?);
        }
        self.count(facts)?;
        Ok(held)
    }

    /// Whether a call may have to wait for room.
    pub(super) fn has_waits(&self) -> bool {
        let first = self.0.first();
        first.is_some_and(|limit| matches!(limit.measure, Measure::Concurrency(_)))
    }

    /// The same where nothing is waited for: counts a call if every rate has room for it.
    ///
    /// # Errors
    /// The first limit that has no room.
    pub(super) fn count(&self, facts: &Facts<'_>) -> Result<(), Limited> {
        let rates = || {
            self.0.iter().filter_map(|limit| match &limit.measure {
                Measure::Rate(rate) => Some((limit, rate)),
                Measure::Concurrency(_) => None,
            })
        };
        // Who is stopped by one rate must not use up another, which others may share.
        if rates().nth(1).is_some() {
            for (limit, rate) in rates() {
                let looked = rate.look(limit.keys.key(facts));
                looked.map_err(|wait| Limited::by(limit, wait))?;
            }
        }
        for (limit, rate) in rates() {
            let taken = rate.take(limit.keys.key(facts));
            taken.map_err(|wait| Limited::by(limit, wait))?;
        }
        Ok(())
    }
}

/// When to try again where nobody can tell: a call ends when it ends.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The room that a call takes while it is under way. Dropping it gives it back.
#[derive(Debug, Default)]
#[must_use]
pub struct Held {
    /// Apart from the others, so that the usual one needs no allocation.
    first: Option<Seat>,
    others: Vec<Seat>,
}

impl Held {
    fn keep(&mut self, seat: Seat) {
        match self.first {
            None => self.first = Some(seat),
            Some(_) => self.others.push(seat),
        }
    }
}

/// A limit has no room for a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("too many calls (limit `{limit}`); try again in {} s", self.seconds())]
pub struct Limited {
    /// Which one.
    pub limit: LimitName,
    /// When there may be room again.
    pub retry_after: Duration,
}

impl Limited {
    fn by(limit: &Limit, retry_after: Duration) -> Self {
        Self {
            limit: limit.name.clone(),
            retry_after,
        }
    }

    /// [`Self::retry_after`] as it is shown: whole seconds, rounded up, at least one.
    pub fn seconds(&self) -> u64 {
        whole_seconds(self.retry_after)
    }
}
