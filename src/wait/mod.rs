//! Waits that are nearly always given up: limits in time of what ends well before them.
//!
//! A timer costs most when it is entered among the others, and when it is taken out again. So a wait
//! that lasts for long stands in a list of its thread, if that thread has a runtime for life, and gets
//! a timer when it is nearly over: hardly one ever does.

mod list;

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use list::Place;

/// Ends at a time, if it is not given up before.
pub struct Wait {
    due: Instant,
    stands: Stands,
}

/// Where a wait stands.
enum Stands {
    /// Nowhere yet; whether it lasts for long.
    Nowhere(bool),
    Listed(Place),
    Timed(Pin<Box<Sleep>>),
}

impl Wait {
    /// One that lasts so long from now.
    pub fn lasting(time: Duration) -> Self {
        Self::until(Instant::now() + time, time)
    }

    /// One that ends then, which is about so long from now.
    pub fn until(due: Instant, about: Duration) -> Self {
        let stands = Stands::Nowhere(about >= list::LONG);
        Self { due, stands }
    }

    /// Whether it is long before the end, and has been noted.
    fn is_far(&mut self, cx: &Context<'_>) -> bool {
        match &self.stands {
            Stands::Nowhere(true) => match list::enter(self.due, cx.waker()) {
                Some(place) => {
                    self.stands = Stands::Listed(place);
                    true
                }
                None => false,
            },
            Stands::Listed(place) => list::stands(place, cx.waker()),
            Stands::Nowhere(false) | Stands::Timed(_) => false,
        }
    }
}

impl Future for Wait {
    type Output = ();

    /// # Panics
    /// Outside a runtime.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Stands::Timed(timer) = &mut self.stands {
                return timer.as_mut().poll(cx);
            }
            if self.is_far(cx) {
                return Poll::Pending;
            }
            let timer = Box::pin(sleep_until(self.due));
            self.stands = Stands::Timed(timer);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Stands::Listed(place) = &self.stands {
            list::leave(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread, time::Duration};

    use futures_util::{FutureExt, poll, task::noop_waker_ref};
    use tokio::{
        runtime::Builder,
        time::{Instant, advance, sleep},
    };

    use super::*;
    use crate::home;

    const LONG: Duration = Duration::from_secs(15);

    /// Does that on a thread that has a runtime for life, on whose clock time passes at once.
    fn settled<T: Send + 'static>(work: impl AsyncFnOnce() -> T + Send + 'static) -> T {
        let thread = thread::spawn(|| {
            let mut runtime = Builder::new_current_thread();
            let runtime = runtime.enable_time().start_paused(true).build().unwrap();
            home::settle(runtime.handle().id());
            runtime.block_on(work())
        });
        thread.join().unwrap()
    }

    async fn ends_when_it_is_due(time: Duration) {
        let start = Instant::now();
        Wait::lasting(time).await;
        assert_eq!(start.elapsed(), time);
    }

    #[test]
    fn a_wait_ends_when_it_is_due_and_not_before() {
        settled(async || {
            for milliseconds in [0, 1, 999, 2999, 3000, 3001, 4000, 15_000, 60_123] {
                ends_when_it_is_due(Duration::from_millis(milliseconds)).await;
            }
            assert_eq!(list::length(), 0);
        });
    }

    #[tokio::test(start_paused = true)]
    async fn so_it_does_where_the_thread_may_serve_another_runtime() {
        ends_when_it_is_due(LONG).await;
        let mut wait = Wait::lasting(LONG);
        assert!(poll!(&mut wait).is_pending());
        assert!(matches!(wait.stands, Stands::Timed(_)));
    }

    #[test]
    fn one_that_is_given_up_leaves_nothing_behind_and_no_timer_goes_on() {
        settled(async || {
            let mut waits: Vec<Wait> = (0..5).map(|_| Wait::lasting(LONG)).collect();
            for wait in &mut waits {
                assert!(poll!(wait).is_pending());
            }
            assert_eq!(list::length(), 5);
            drop(waits);
            assert_eq!(list::length(), 0);
            sleep(list::LONG).await;
            let tasks = tokio::runtime::Handle::current().metrics();
            assert_eq!(tasks.num_alive_tasks(), 0, "nobody looks through it");
        });
    }

    #[test]
    fn who_asked_last_is_woken() {
        settled(async || {
            let mut wait = Wait::lasting(LONG);
            let mut nobody = Context::from_waker(noop_waker_ref());
            assert!(wait.poll_unpin(&mut nobody).is_pending());
            let start = Instant::now();
            wait.await;
            assert_eq!(start.elapsed(), LONG);
        });
    }

    #[test]
    fn one_that_ends_elsewhere_is_forgotten_when_it_is_due() {
        settled(async || {
            let mut wait = Wait::lasting(LONG);
            assert!(poll!(&mut wait).is_pending());
            thread::spawn(move || drop(wait)).join().unwrap();
            assert_eq!(list::length(), 1);
            advance(LONG).await;
            ends_when_it_is_due(LONG).await;
            assert_eq!(list::length(), 0);
        });
    }

    #[test]
    fn what_is_dropped_with_the_one_who_waits_may_have_waited_too() {
        struct Both(#[expect(dead_code, reason = "dropped")] Wait);
        impl std::task::Wake for Both {
            fn wake(self: Arc<Self>) {}
        }
        settled(async || {
            let mut other = Wait::lasting(LONG);
            assert!(poll!(&mut other).is_pending());
            let waker = Arc::new(Both(other)).into();
            let mut wait = Wait::lasting(LONG);
            assert!(
                wait.poll_unpin(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            drop(waker);
            assert_eq!(list::length(), 2);
            drop(wait);
            assert_eq!(list::length(), 0);
        });
    }
}
