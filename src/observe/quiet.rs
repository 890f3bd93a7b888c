//! What the log says once a second at most: whoever floods the gateway does not flood the log.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::refusal::Reason;

/// Refusals in the log: one of a kind in a second, and how many like it were left out. The audit and
/// the numbers have each.
#[derive(Debug)]
pub struct Quiet {
    started: Instant,
    kinds: [Kind; Reason::ALL.len()],
}

/// Those of one kind.
#[derive(Debug, Default)]
struct Kind {
    /// The second of the last that was shown, from 1 on.
    shown: AtomicU64,
    left_out: AtomicU64,
}

impl Quiet {
    /// Nothing has been said yet.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            kinds: Reason::ALL.map(|_| Kind::default()),
        }
    }

    /// One more. Whether it is shown, and if so, how many were left out since the last that was, if
    /// any.
    pub fn shows(&self, reason: Reason) -> Option<Option<u64>> {
        let second = self.started.elapsed().as_secs() + 1;
        let kind = self.kinds.get(reason as usize)?;
        if kind.shown.swap(second, Ordering::Relaxed) == second {
            kind.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let left_out = kind.left_out.swap(0, Ordering::Relaxed);
        Some((left_out > 0).then_some(left_out))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_of_a_kind_is_shown_in_a_second_and_the_next_says_how_many_were_not() {
        let quiet = Quiet::new();
        let (one, other) = (Reason::ALL[0], Reason::ALL[1]);
        assert_eq!(quiet.shows(one), Some(None));
        for _ in 0..3 {
            assert_eq!(quiet.shows(one), None);
        }
        assert_eq!(quiet.shows(other), Some(None));
        advance(Duration::from_secs(1)).await;
        assert_eq!(quiet.shows(one), Some(Some(3)));
        assert_eq!(quiet.shows(one), None);
        advance(Duration::from_secs(9)).await;
        assert_eq!(quiet.shows(one), Some(Some(1)));
        advance(Duration::from_secs(1)).await;
        assert_eq!(quiet.shows(one), Some(None));
    }
}
