//! How long to wait before a server is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// A connection that stood this long was a good one.
const HEALTHY: Duration = Duration::from_secs(30);
/// The first failure is told of, then, when it is more than a short outage, this one, and then one
/// in so many: the first few come within a second or two.
const TOLD: u32 = 5;
const ONE_IN: u32 = 10;

/// The failures of one server in a row.
pub(super) struct Backoff {
    failures: u32,
    pause: Duration,
    /// From 0 up to 1.
    random: fn() -> f64,
}

impl Backoff {
    /// Nothing has failed yet.
    pub(super) fn new(random: fn() -> f64) -> Self {
        Self {
            failures: 0,
            pause: Duration::ZERO,
            random,
        }
    }

    /// It has failed, again or after it was up for so long. The pause doubles each time; half of
    /// it is left to chance, so that servers which fell together do not come back together.
    pub(super) fn failed(&mut self, up: Duration) {
        if up >= HEALTHY {
            self.failures = 0;
        }
        let doubled = FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.pause = doubled.mul_f64(0.5 + 0.5 * (self.random)().clamp(0.0, 1.0));
    }

    /// How often it has failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How long to wait now.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// Whether this failure is worth a warning.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.failures, 1 | TOLD) || self.failures.is_multiple_of(ONE_IN)
    }
}

/// A number from 0 up to 1.
pub(super) fn chance() -> f64 {
    // Without randomness, all wait equally long.
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(29);

    fn pauses(random: fn() -> f64, times: usize) -> Vec<u128> {
        let mut backoff = Backoff::new(random);
        let pause = |_| {
            backoff.failed(SHORT);
            backoff.pause().as_millis()
        };
        (0..times).map(pause).collect()
    }

    #[test]
    fn the_pause_doubles_up_to_half_a_minute_and_never_ends() {
        let longest = [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        assert_eq!(pauses(|| 1.0, 9), longest);
        let shortest = [125, 250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000];
        assert_eq!(pauses(|| 0.0, 9), shortest);
        assert_eq!(pauses(|| 1.0, 1000).last(), Some(&30_000));
    }

    #[test]
    fn a_server_that_was_healthy_for_a_while_starts_over() {
        let mut backoff = Backoff::new(|| 1.0);
        for _ in 0..7 {
            backoff.failed(SHORT);
        }
        backoff.failed(HEALTHY);
        assert_eq!((backoff.failures(), backoff.pause()), (1, FIRST));
    }

    #[test]
    fn the_first_failure_is_told_of_and_the_fifth_and_then_one_in_ten() {
        let mut backoff = Backoff::new(|| 1.0);
        let told = |count: u32| {
            backoff.failed(SHORT);
            (backoff.is_told()).then_some(count)
        };
        let told: Vec<u32> = (1..=30).filter_map(told).collect();
        assert_eq!(told, [1, 5, 10, 20, 30]);
    }

    #[test]
    fn chance_stays_within_its_bounds() {
        assert!((0..1000).all(|_| (0.0..=1.0).contains(&chance())));
    }
}
