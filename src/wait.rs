//! Waits that are nearly always given up: limits in time of what ends well before them.
//!
//! A timer costs most when it is entered among the others, and when it is taken out again. One that
//! stands there already, and is only to ring later than it would, costs next to nothing. So timers
//! are not thrown away: each thread keeps some of its runtime's, to be set anew. One that nobody
//! uses rings once for nothing.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    runtime::Id,
    time::{Instant, Sleep, sleep_until},
};

use crate::home;

/// Timers that a thread keeps of one kind.
const MOST: usize = 64;
/// Kinds: by how long they last, each about twice as long as the one before. A timer that is to
/// ring earlier than it would has to be entered anew.
const KINDS: usize = 8;

type Timer = Pin<Box<Sleep>>;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept::NONE) };
}

/// Timers of one runtime, which no other can use.
struct Kept {
    of: Option<Id>,
    timers: [Vec<Timer>; KINDS],
}

impl Kept {
    const NONE: Self = Self {
        of: None,
        timers: [const { Vec::new() }; KINDS],
    };

    /// Those of a kind, in this runtime.
    fn of(&mut self, runtime: Id, kind: usize) -> Option<&mut Vec<Timer>> {
        if self.of != Some(runtime) {
            *self = Self::NONE;
            self.of = Some(runtime);
        }
        self.timers.get_mut(kind)
    }

    /// Keeps one, or gives it back.
    fn keep(&mut self, timer: Timer, of: Option<Id>, kind: usize) -> Option<Timer> {
        let same = of.is_some() && self.of == of;
        match self.timers.get_mut(kind) {
            Some(timers) if same && timers.len() < MOST => {
                timers.push(timer);
                None
            }
            _ => Some(timer),
        }
    }
}

/// Ends at a time, if it is not given up before.
pub struct Wait {
    timer: Option<Timer>,
    of: Option<Id>,
    kind: usize,
}

impl Wait {
    /// One that lasts so long from now.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn lasting(time: Duration) -> Self {
        Self::until(Instant::now() + time, time)
    }

    /// One that ends then, which is about so long from now.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn until(due: Instant, about: Duration) -> Self {
        let (of, kind) = (home::here(), kind(about));
        let kept = KEPT.try_with(|kept| kept.borrow_mut().of(of?, kind)?.pop());
        let timer = match kept.ok().flatten() {
            Some(mut timer) => {
                timer.as_mut().reset(due);
                timer
            }
            None => Box::pin(sleep_until(due)),
        };
        Self {
            timer: Some(timer),
            of,
            kind,
        }
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(timer) = self.timer.take() else {
            return;
        };
        // It may end on another thread than it began on, even one that is ending itself, or one of
        // another runtime: then it is thrown away.
        let given_back = KEPT.try_with(|kept| match kept.try_borrow_mut() {
            Ok(mut kept) => kept.keep(timer, self.of, self.kind),
            Err(_in_use) => Some(timer),
        });
        drop(given_back);
    }
}

fn kind(time: Duration) -> usize {
    let seconds = time.as_secs().max(1);
    (seconds.ilog2() as usize).min(KINDS - 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::poll;
    use tokio::{
        runtime::Builder,
        time::{Instant, advance},
    };

    use super::*;

    fn kept(kind: usize) -> usize {
        KEPT.with_borrow(|kept| kept.timers[kind].len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_it_is_due_and_not_before_new_or_used_again() {
        let time = Duration::from_secs(15);
        for _ in 0..3 {
            let start = Instant::now();
            Wait::lasting(time).await;
            assert_eq!(start.elapsed(), time);
            let mut given_up = Wait::lasting(time);
            assert!(poll!(&mut given_up).is_pending());
        }
        assert_eq!(kept(kind(time)), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_kept_may_be_due_earlier_than_before() {
        let mut given_up = Wait::lasting(Duration::from_secs(60));
        assert!(poll!(&mut given_up).is_pending());
        drop(given_up);
        let start = Instant::now();
        Wait::lasting(Duration::from_secs(33)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(33));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_rung_for_nothing_rings_again() {
        let time = Duration::from_secs(15);
        let mut given_up = Wait::lasting(time);
        assert!(poll!(&mut given_up).is_pending());
        drop(given_up);
        advance(time * 2).await;
        let start = Instant::now();
        let mut wait = Wait::lasting(time);
        assert!(poll!(&mut wait).is_pending());
        wait.await;
        assert_eq!(start.elapsed(), time);
    }

    #[tokio::test]
    async fn no_more_are_kept_than_so_many() {
        let time = Duration::from_secs(15);
        let waits: Vec<Wait> = (0..MOST * 2).map(|_| Wait::lasting(time)).collect();
        drop(waits);
        assert_eq!(kept(kind(time)), MOST);
    }

    #[test]
    fn one_runtime_does_not_get_what_another_has_kept() {
        let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
        let (one, other) = (runtime(), runtime());
        let time = Duration::from_millis(1);
        let held = {
            let _entered = one.enter();
            drop(Wait::lasting(time));
            Wait::lasting(time * 5000) // of another kind
        };
        assert_eq!(kept(0), 1);
        drop(one);
        other.block_on(async {
            Wait::lasting(time).await;
            drop(held);
        });
        assert_eq!(kept(0), 1);
        // Were it the one of the runtime that has ended, this would panic.
        other.block_on(async { Wait::lasting(time).await });
    }
}
