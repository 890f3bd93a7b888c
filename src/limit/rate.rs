//! So many calls in a while, with `governor`.
//!
//! A rate lets `burst` calls through at once; after that they come back one by one, `calls` in
//! each `per`. What a key has used is forgotten when all of it has come back.

use std::{
    fmt,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{self, Clock as _},
    middleware::NoOpMiddleware,
    nanos::Nanos,
};
use tokio::time::Instant;

use super::{cells::Cells, keys::Key, places};

/// A rate, counted for each key.
pub(super) struct Rate {
    limiter: RateLimiter<Key, Cells, Clock, NoOpMiddleware<Nanos>>,
    cells: Cells,
    /// How far ahead of its due time a call may come: the burst.
    ahead: Nanos,
    /// When a full table was last swept, in nanoseconds of the clock.
    swept: AtomicU64,
}

/// Between two sweeps of a full table; each looks at every key.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// A hundred years, in nanoseconds: what `governor` adds up stays far inside 64 bits.
const LONGEST: u64 = 100 * 366 * 24 * 60 * 60 * 1_000_000_000;

impl Rate {
    /// `calls` in each `per`, of which `burst` at once.
    pub(super) fn new(calls: u32, per: Duration, burst: u32) -> Self {
        Self::with_room(calls, per, burst, places::MOST)
    }

    /// The same, for so many keys.
    fn with_room(calls: u32, per: Duration, burst: u32, most: usize) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let longest = LONGEST / u64::from(burst.get());
        let each =
            (per / calls.max(1)).clamp(Duration::from_nanos(1), Duration::from_nanos(longest));
        let quota = Quota::with_period(each)
            .unwrap_or(Quota::per_second(NonZeroU32::MIN)) // never: `each` is not zero
            .allow_burst(burst);
        let cells = Cells::new(most);
        Self {
            limiter: RateLimiter::new(quota, cells.clone(), Clock::new()),
            cells,
            ahead: Nanos::from(each * (burst.get() - 1)),
            swept: AtomicU64::new(0),
        }
    }

    /// Counts a call, if there is room for it.
    ///
    /// # Errors
    /// With the time until there is. A call that is refused is not counted.
    pub(super) fn take(&self, key: Key) -> Result<(), Duration> {
        self.make_room();
        let refused = self.limiter.check_key(&key).err();
        refused.map_or(Ok(()), |until| {
            Err(until.wait_time_from(self.limiter.clock().now()))
        })
    }

    /// Whether there is room for a call, without counting one.
    ///
    /// # Errors
    /// With the time until there is.
    pub(super) fn look(&self, key: Key) -> Result<(), Duration> {
        let Some(due) = self.cells.due(key) else {
            return Ok(());
        };
        // `governor` has its own zero, taken from the same clock a moment later: too little to see.
        let earliest = due.saturating_sub(self.ahead);
        let wait = earliest.saturating_sub(self.limiter.clock().now());
        match wait.as_u64() {
            0 => Ok(()),
            nanos => Err(Duration::from_nanos(nanos)),
        }
    }

    /// Forgets the keys that have nothing left to come back.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
    }

    /// Sweeps a full table, though not for every newcomer.
    fn make_room(&self) {
        if !self.cells.is_full() {
            return;
        }
        let now = self.limiter.clock().now().as_u64();
        let last = self.swept.load(Ordering::Relaxed);
        let is_due = u128::from(now.saturating_sub(last)) >= SWEEP_PAUSE.as_nanos();
        let ours = |swept: &AtomicU64| {
            swept
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        if is_due && ours(&self.swept) {
            self.sweep();
        }
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate")
            .field("keys", &self.limiter.len())
            .finish_non_exhaustive()
    }
}

/// Tokio's clock, which tests can stop.
struct Clock {
    start: Instant,
}

impl Clock {
    fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl clock::Clock for Clock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let nanos = u64::try_from(self.start.elapsed().as_nanos());
        Nanos::from(nanos.unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// How many of `tries` calls pass.
    fn passing(rate: &Rate, key: Key, tries: usize) -> usize {
        (0..tries).filter(|_| rate.take(key).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_comes_back_one_by_one() {
        let rate = Rate::new(60, MINUTE, 20);

        assert_eq!(passing(&rate, 1, 100), 20);
        assert_eq!(rate.take(1), Err(Duration::from_secs(1)));
        assert_eq!(rate.look(1), Err(Duration::from_secs(1)));
        advance(Duration::from_millis(2500)).await;
        assert_eq!(rate.look(1), Ok(()));
        assert_eq!(passing(&rate, 1, 100), 2);
        assert_eq!(rate.take(1), Err(Duration::from_millis(500)));
        advance(MINUTE * 60).await;
        assert_eq!(passing(&rate, 1, 100), 20, "no more than the burst adds up");
    }

    #[tokio::test(start_paused = true)]
    async fn over_a_long_time_as_many_pass_as_are_allowed() {
        let rate = Rate::new(100, MINUTE, 100);
        let mut passed = 0;
        for _ in 0..600 {
            passed += passing(&rate, 1, 10);
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(passed, 100 + 998); // the last second brings nothing before the end
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_counted_apart() {
        let rate = Rate::new(3, MINUTE, 3);
        assert_eq!(passing(&rate, 1, 5), 3);
        assert_eq!(passing(&rate, 2, 5), 3);
        assert_eq!(rate.look(3), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn looking_counts_nothing() {
        let rate = Rate::new(1, MINUTE, 1);
        assert!((0..10).all(|_| rate.look(1).is_ok()));
        assert_eq!(rate.limiter.len(), 0);
        assert_eq!(passing(&rate, 1, 2), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_million_keys_need_the_memory_of_the_most() {
        let rate = Rate::new(1, MINUTE, 1);
        let known = 0;
        assert_eq!(rate.take(known), Ok(()));
        let passed = (1..=1_000_000)
            .filter(|key| rate.take(*key).is_ok())
            .count();

        // Each that has a cell, and one for all the others together.
        assert_eq!(passed, places::MOST - 1 + 1);
        assert_eq!(rate.cells_kept(), places::MOST);
        advance(MINUTE * 2).await;
        assert_eq!(
            rate.take(known),
            Ok(()),
            "who is known keeps a count of his own"
        );
        rate.sweep();
        assert_eq!(rate.cells_kept(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_table_is_swept_for_a_newcomer() {
        let rate = Rate::with_room(60, MINUTE, 1, 3);
        advance(SWEEP_PAUSE).await;
        assert!((1..=3).all(|key| rate.take(key).is_ok()));
        assert_eq!(rate.take(4), Ok(()), "the shared cell");
        assert!(rate.take(5).is_err(), "the same");
        assert!(rate.look(6).is_err(), "the same");
        advance(Duration::from_secs(3)).await;

        assert_eq!(passing(&rate, 5, 3), 1);
        assert_eq!(rate.cells_kept(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_key_has_used_is_not_swept_away() {
        let rate = Rate::new(60, MINUTE, 60);
        assert_eq!(passing(&rate, 1, 100), 60);
        advance(Duration::from_secs(30)).await;
        rate.sweep();
        assert_eq!(passing(&rate, 1, 100), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn extremes_neither_panic_nor_open_the_door() {
        for (calls, per, burst) in [
            (0, Duration::ZERO, 0),
            (1, Duration::MAX, 1),
            (1, Duration::MAX, u32::MAX),
            (u32::MAX, MINUTE, u32::MAX),
        ] {
            let rate = Rate::new(calls, per, burst);
            assert_eq!(rate.take(1), Ok(()));
            assert_eq!(rate.take(1).is_ok(), burst > 1);
            advance(MINUTE).await;
            rate.sweep();
        }
    }

    impl Rate {
        /// Counted where they are, not by who counts them.
        fn cells_kept(&self) -> usize {
            let kept = self.cells.kept();
            assert_eq!(kept, self.limiter.len());
            kept
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn not_one_too_many_from_many_threads() {
        let rate = std::sync::Arc::new(Rate::with_room(1, MINUTE * 60, 100, 2));
        let tasks = (0..64).map(|task| {
            let rate = rate.clone();
            tokio::spawn(async move { passing(&rate, task % 4, 100) })
        });
        let passed: usize = futures_util::future::join_all(tasks)
            .await
            .into_iter()
            .map(Result::unwrap)
            .sum();
        assert_eq!(passed, 3 * 100, "two keys of their own, two that share");
        assert_eq!(rate.cells_kept(), 2);
    }
}
