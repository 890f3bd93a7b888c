//! All limits of a policy, with their counts.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{
    LimitConfig, LimitName, applying::Applying, concurrency::Concurrency, keys::Keys, rate::Rate,
};

/// One limit, with its counts.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) name: LimitName,
    pub(super) config: LimitConfig,
    pub(super) keys: Keys,
    pub(super) measure: Measure,
}

/// What it counts.
#[derive(Debug)]
pub(super) enum Measure {
    Concurrency(Arc<Concurrency>),
    Rate(Rate),
}

impl Limit {
    fn new(name: LimitName, config: LimitConfig) -> Self {
        // `check` has seen to it that there is one of the two. Without: one at a time, for no
        // mistake may open the door.
        let measure = match config.calls {
            Some(calls) => {
                let per = config.per.unwrap_or(Duration::MAX);
                Measure::Rate(Rate::new(calls, per, config.burst.unwrap_or(calls)))
            }
            None => {
                let most = config.concurrent.unwrap_or(1);
                Measure::Concurrency(Concurrency::new(most, config.wait.unwrap_or_default()))
            }
        };
        Self {
            keys: Keys::new(config.each.iter().copied()),
            name,
            config,
            measure,
        }
    }

    /// What can be given back comes first, what is gone for good last.
    fn turn(&self) -> u8 {
        match &self.measure {
            Measure::Concurrency(concurrency) if !concurrency.waits() => 0,
            Measure::Concurrency(_) => 1,
            Measure::Rate(_) => 2,
        }
    }
}

/// All limits of a policy, each by its name.
#[derive(Debug, Default)]
pub struct Limits(IndexMap<LimitName, Arc<Limit>>);

impl Limits {
    /// The limits that the files name. One that has neither changed its name nor anything else
    /// keeps its counts: a reload refills nothing.
    ///
    /// They are expected to have passed [`LimitConfig::check`], and to differ in name.
    pub fn new(
        named: impl IntoIterator<Item = (LimitName, LimitConfig)>,
        previous: Option<&Self>,
    ) -> Self {
        let limit = |(name, config): (LimitName, LimitConfig)| {
            let kept = previous
                .and_then(|previous| previous.0.get(&name))
                .filter(|limit| limit.config == config)
                .cloned();
            let limit = kept.unwrap_or_else(|| Arc::new(Limit::new(name.clone(), config)));
            (name, limit)
        };
        Self(named.into_iter().map(limit).collect())
    }

    /// The names, for instance to register a metric for each.
    pub fn names(&self) -> impl Iterator<Item = &LimitName> {
        self.0.keys()
    }

    /// Those that apply together, for instance to a role. To be kept: it is made once at load.
    pub fn applying(&self, applies: impl Fn(&LimitName) -> bool) -> Applying {
        let limits = self.0.iter().filter(|(name, _)| applies(name));
        let mut limits: Vec<_> = limits.map(|(_, limit)| limit.clone()).collect();
        // Stable, so that nobody waits for what another holds who waits for him.
        limits.sort_by_key(|limit| limit.turn());
        Applying::new(limits)
    }

    /// Forgets what need not be remembered. To be called every few seconds.
    pub fn sweep(&self) {
        for limit in self.0.values() {
            match &limit.measure {
                Measure::Rate(rate) => rate.sweep(),
                // A count that nobody holds is gone already.
                Measure::Concurrency(_) => {}
            }
        }
    }
}
