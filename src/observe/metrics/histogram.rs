//! How many there were up to each step. To count one costs a look at the steps and two atomics, and
//! no memory: the exporter's own histograms keep each value until somebody folds them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Steps, in whole small units, so that what is counted is a whole number.
#[derive(Debug, PartialEq)]
pub struct Buckets {
    /// What is counted by them.
    pub of: &'static str,
    steps: &'static [u64],
    /// How many of the small units make the one that is shown.
    scale: f64,
}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const KIB: u64 = 1024;

impl Buckets {
    /// From what the gateway answers by itself to a tool that takes minutes.
    pub(super) const REQUESTS: Self = Self {
        of: "requests and waits, in seconds",
        steps: &[
            10 * MICROSECOND,
            50 * MICROSECOND,
            100 * MICROSECOND,
            250 * MICROSECOND,
            500 * MICROSECOND,
            MILLISECOND,
            2_500 * MICROSECOND,
            5 * MILLISECOND,
            10 * MILLISECOND,
            25 * MILLISECOND,
            50 * MILLISECOND,
            100 * MILLISECOND,
            250 * MILLISECOND,
            500 * MILLISECOND,
            SECOND,
            2_500 * MILLISECOND,
            5 * SECOND,
            10 * SECOND,
            30 * SECOND,
            60 * SECOND,
            120 * SECOND,
            300 * SECOND,
            600 * SECOND,
        ],
        scale: 1e9,
    };

    /// Fewer, for there are many tools.
    pub(super) const TOOLS: Self = Self {
        of: "calls of tools, in seconds",
        steps: &[
            100 * MICROSECOND,
            500 * MICROSECOND,
            MILLISECOND,
            5 * MILLISECOND,
            10 * MILLISECOND,
            50 * MILLISECOND,
            100 * MILLISECOND,
            500 * MILLISECOND,
            SECOND,
            5 * SECOND,
            30 * SECOND,
            120 * SECOND,
        ],
        scale: 1e9,
    };

    /// From a word to the largest message.
    pub(super) const SIZES: Self = Self {
        of: "sizes, in bytes",
        steps: &[
            KIB / 4,
            KIB,
            4 * KIB,
            16 * KIB,
            64 * KIB,
            256 * KIB,
            KIB * KIB,
            4 * KIB * KIB,
            16 * KIB * KIB,
            64 * KIB * KIB,
        ],
        scale: 1.0,
    };

    /// Each step in the unit that is shown.
    pub(super) fn steps(&self) -> impl Iterator<Item = f64> {
        self.steps.iter().map(|step| *step as f64 / self.scale)
    }

    /// All steps, for people.
    pub(super) fn listed(&self) -> String {
        let steps: Vec<String> = self.steps().map(|step| step.to_string()).collect();
        steps.join(", ")
    }
}

/// One histogram.
#[derive(Debug)]
pub(in crate::observe) struct Histogram {
    buckets: &'static Buckets,
    /// One for each step, and one beyond.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn new(buckets: &'static Buckets) -> Self {
        Self {
            buckets,
            counts: (0..=buckets.steps.len())
                .map(|_| AtomicU64::new(0))
                .collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts one, in the small unit: nanoseconds, bytes.
    pub(in crate::observe) fn record(&self, value: u64) {
        let at = self.buckets.steps.partition_point(|step| *step < value);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// What they make together, in the unit that is shown.
    pub(super) fn sum(&self) -> f64 {
        self.sum.load(Relaxed) as f64 / self.buckets.scale
    }

    /// How many there were up to each step; and at all.
    pub(super) fn up_to(&self) -> (Vec<(f64, u64)>, u64) {
        let mut all = 0;
        let mut counts = self.counts.iter().map(|count| {
            all += count.load(Relaxed);
            all
        });
        let steps = self.buckets.steps().zip(counts.by_ref()).collect();
        (steps, counts.next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_counts_from_the_first_step_that_is_not_below_it() {
        let histogram = Histogram::new(&Buckets::SIZES);
        for value in [0, 256, 257, 64 * KIB * KIB, 64 * KIB * KIB + 1] {
            histogram.record(value);
        }

        let (steps, all) = histogram.up_to();
        let (first, second, last) = (steps[0], steps[1], steps[9]);
        assert_eq!((first, second), ((256.0, 2), (1024.0, 3)));
        assert_eq!((last, all), ((67_108_864.0, 4), 5));
        assert_eq!(histogram.count(), 5);
    }

    #[test]
    fn steps_are_shown_in_base_units_and_rise() {
        assert!(Buckets::REQUESTS.listed().starts_with("0.00001, 0.00005, "));
        for buckets in [Buckets::REQUESTS, Buckets::TOOLS, Buckets::SIZES] {
            assert!(buckets.steps.is_sorted_by(|one, other| one < other));
        }
    }
}
