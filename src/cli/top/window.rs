//! The last moments, from which rates come: what was counted between the oldest and the newest page.

use std::collections::VecDeque;

use super::page::{Page, Timed};
use crate::observe::{Outcomes, quantile};

/// How many pages are kept: with one a second, rates are those of ten seconds.
const PAGES: usize = 11;

/// The last pages of one gateway.
#[derive(Default)]
pub(super) struct Window {
    pages: VecDeque<Page>,
}

/// A count, and how many of it there were a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rate {
    pub(super) count: u64,
    /// Nothing where there is but one page.
    pub(super) per_second: Option<f64>,
}

impl Window {
    /// One more. Those of a gateway that is another one now are forgotten.
    pub(super) fn push(&mut self, page: Page) {
        let same = |last: &Page| last.pid == page.pid && last.uptime_seconds < page.uptime_seconds;
        if !self.pages.back().is_some_and(same) {
            self.pages.clear();
        }
        if self.pages.len() == PAGES {
            self.pages.pop_front();
        }
        self.pages.push_back(page);
    }

    /// The newest.
    pub(super) fn now(&self) -> Option<&Page> {
        self.pages.back()
    }

    /// The one that it is compared with.
    fn then(&self) -> Option<&Page> {
        self.pages.front().filter(|_| self.pages.len() > 1)
    }

    /// A count, and what it was.
    pub(super) fn rate(&self, count: u64, before: impl Fn(&Page) -> Option<u64>) -> Rate {
        let per_second = self.now().zip(self.then()).map(|(now, then)| {
            let more = count.saturating_sub(before(then).unwrap_or(0));
            more as f64 / (now.uptime_seconds - then.uptime_seconds).max(0.001)
        });
        Rate { count, per_second }
    }

    /// How long that share of the requests of these moments took, in seconds; where there is but one
    /// page, of all.
    pub(super) fn quantile(
        &self,
        now: &Timed,
        before: impl Fn(&Page) -> Option<&Timed>,
        share: f64,
    ) -> Option<f64> {
        let before = self.then().and_then(before);
        let buckets = now
            .buckets
            .iter()
            .enumerate()
            .map(|(index, (most, count))| {
                let was = before.and_then(|before| before.buckets.get(index));
                let was = was.map_or(0, |(_, count)| *count);
                (most.unwrap_or(f64::INFINITY), count.saturating_sub(was))
            });
        quantile(&buckets.collect::<Vec<_>>(), share)
    }
}

/// Requests that somebody waited for in vain: a client that called one off is no failure.
pub(super) fn failed(outcomes: &Outcomes) -> u64 {
    outcomes.error + outcomes.refused
}
