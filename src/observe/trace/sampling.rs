//! Which calls are traced, and the ids of their spans.

use std::cell::RefCell;

use super::{TracesConfig, config::Trust};
use crate::call::{Caller, Identity, TraceContext};

/// Random bytes that are asked for at once.
const DRAWN: usize = 1024;

/// Decides which calls are traced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sampler {
    ratio: f64,
    trust: Trust,
}

impl Sampler {
    pub(super) fn new(config: &TracesConfig) -> Self {
        Self {
            ratio: config.sample,
            trust: config.trust_parent,
        }
    }

    /// Whether a call is traced: whoever has decided not to trace it is always heard, whoever has
    /// decided to only if that counts.
    pub(super) fn takes(self, parent: Option<&TraceContext>, caller: &Caller) -> bool {
        match parent {
            Some(parent) if !parent.is_sampled() => false,
            Some(_) if self.trusts(caller) => true,
            Some(_) | None => self.draws(),
        }
    }

    fn trusts(self, caller: &Caller) -> bool {
        match self.trust {
            Trust::All => true,
            Trust::None => false,
            Trust::Known => caller.identity != Identity::Anonymous,
        }
    }

    fn draws(self) -> bool {
        // 53 bits are what a float tells apart.
        let drawn = || random().map(|bytes| u64::from_ne_bytes(bytes) >> 11);
        let below = |drawn: u64| (drawn as f64) < self.ratio * (1_u64 << 53) as f64;
        self.ratio > 0.0 && (self.ratio >= 1.0 || drawn().is_some_and(below))
    }
}

/// The id of a span.
pub(super) fn span_id() -> Option<[u8; 8]> {
    random().filter(|id| *id != [0; 8])
}

/// The id of a trace.
pub(super) fn trace_id() -> Option<[u8; 16]> {
    let (high, low) = (
        u64::from_ne_bytes(span_id()?),
        u64::from_ne_bytes(random()?),
    );
    Some((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

/// Eight bytes out of those that the system was asked for, each once.
fn random() -> Option<[u8; 8]> {
    thread_local! {
        static POOL: RefCell<(Vec<u8>, usize)> = const { RefCell::new((Vec::new(), 0)) };
    }
    POOL.with_borrow_mut(|(pool, used)| {
        if *used >= pool.len() {
            pool.resize(DRAWN, 0);
            *used = pool.len();
            getrandom::fill(pool).ok()?;
            *used = 0;
        }
        let bytes = pool.get(*used..*used + 8)?.try_into().ok();
        *used += 8;
        bytes
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::*;
    use crate::call::{KeyName, Standing, Who};

    fn taken(config: &str, parent: Option<u8>, identity: Identity) -> usize {
        let sampler = Sampler::new(&toml::from_str(config).unwrap());
        let caller = Caller::new(Arc::new(Who::of(identity, Standing::Everything)), None);
        let parent = parent.map(|flags| TraceContext {
            flags,
            ..TraceContext::first([1; 16], [1; 8])
        });
        let takes = |_: &usize| sampler.takes(parent.as_ref(), &caller);
        (0..10_000).filter(takes).count()
    }

    #[test]
    fn so_many_are_taken_as_the_ratio_says() {
        let root = |config: &str| taken(config, None, Identity::Anonymous);
        assert_eq!(root(""), 10_000);
        assert_eq!(root("sample = 0"), 0);
        // Ten times as far off as chance goes.
        assert!((2_500 - 433..2_500 + 433).contains(&root("sample = 0.25")));
    }

    #[test]
    fn who_has_decided_is_heard_and_a_stranger_cannot_make_us_trace() {
        let key = || Identity::Key(KeyName::try_from("sam".to_owned()).unwrap());
        let none = "sample = 0";
        assert_eq!(taken(none, Some(1), key()), 10_000);
        assert_eq!(taken(none, Some(1), Identity::Local), 10_000);
        assert_eq!(taken(none, Some(1), Identity::Anonymous), 0);
        let all = "sample = 0\ntrust_parent = 'all'";
        assert_eq!(taken(all, Some(1), Identity::Anonymous), 10_000);
        assert_eq!(
            taken("sample = 0\ntrust_parent = 'none'", Some(1), key()),
            0
        );
        for identity in [key(), Identity::Anonymous] {
            assert_eq!(taken("", Some(0), identity), 0);
        }
    }

    #[test]
    fn no_id_comes_twice() {
        let ids: HashSet<_> = (0..10_000).map(|_| (trace_id(), span_id())).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(
            ids.iter()
                .all(|(trace, span)| trace.is_some() && span.is_some())
        );
    }
}
