//! What a server says that nobody wants to read line by line.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::call::ServerName;

/// Lines that are no messages, counted.
#[derive(Debug, Default)]
pub(super) struct Garbage(AtomicU64);

impl Garbage {
    /// One more, and why it is none.
    pub(super) fn skip(&self, server: &ServerName, error: &dyn fmt::Display) {
        if let Some(count) = self.add() {
            tracing::warn!(%server, count, "not a message, skipped: {error}");
        }
    }

    /// One more; its number, if it is worth a word: the first few, and then ever fewer.
    fn add(&self) -> Option<u64> {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        (count <= 4 || count.is_power_of_two()).then_some(count)
    }
}

/// Lines in a second that go into the log.
const SHOWN: u32 = 200;
const SECOND: Duration = Duration::from_secs(1);

/// Keeps a log from being flooded.
pub(super) struct Flood {
    since: Instant,
    seen: u32,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is shown; so many were left out before it.
    Shown(u32),
    /// It is left out.
    LeftOut,
}

impl Flood {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            seen: 0,
        }
    }

    /// One more line.
    pub(super) fn line(&mut self) -> Fate {
        let mut left_out = 0;
        if self.since.elapsed() >= SECOND {
            left_out = self.seen.saturating_sub(SHOWN);
            *self = Self::new();
        }
        self.seen = self.seen.saturating_add(1);
        match self.seen <= SHOWN {
            true => Fate::Shown(left_out),
            false => Fate::LeftOut,
        }
    }

    /// How many were left out last.
    pub(super) fn left_out(&self) -> u32 {
        self.seen.saturating_sub(SHOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ever_fewer_lines_of_garbage_are_told_of() {
        let garbage = Garbage::default();
        let told: Vec<u64> = (0..100).filter_map(|_| garbage.add()).collect();
        assert_eq!(told, [1, 2, 3, 4, 8, 16, 32, 64]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_cut_off_and_its_rest_counted() {
        let mut flood = Flood::new();
        let shown = (0..1000).filter(|_| flood.line() != Fate::LeftOut).count();
        assert_eq!((shown, flood.left_out()), (200, 800));

        tokio::time::advance(SECOND).await;
        assert_eq!(flood.line(), Fate::Shown(800));
        assert_eq!(flood.line(), Fate::Shown(0));
    }
}
