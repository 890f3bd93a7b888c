//! Word to all connections that the gateway closes.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use tokio_util::sync::CancellationToken;

/// Told once, to all. Every connection waits for it all its life, and is polled several times for
/// each call: to ask a token takes two locks that all share, so it is asked once.
#[derive(Default)]
pub(super) struct Closing {
    told: CancellationToken,
    is: AtomicBool,
}

impl Closing {
    /// Tells it.
    pub(super) fn tell(&self) {
        self.is.store(true, Ordering::Release);
        self.told.cancel();
    }

    /// Carries something on until then; nothing, if it is not over by then. Always in one task,
    /// which is the one that is woken.
    pub(super) async fn before<F: Future>(&self, mut done: Pin<&mut F>) -> Option<F::Output> {
        let mut told = pin!(self.told.cancelled());
        let mut waits = false;
        poll_fn(|cx| {
            if let Poll::Ready(output) = done.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let is = match waits {
                true => self.is.load(Ordering::Acquire),
                false => told.as_mut().poll(cx).is_ready(),
            };
            waits = true;
            if is { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Arc};

    use super::*;

    #[tokio::test]
    async fn who_waits_hears_of_it_and_so_does_who_comes_later() {
        let closing = Arc::new(Closing::default());
        let waits = closing.clone();
        let waiting = tokio::spawn(async move { waits.before(pin!(pending::<()>())).await });
        assert_eq!(closing.before(pin!(async { 7 })).await, Some(7));
        tokio::task::yield_now().await;

        closing.tell();

        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(closing.before(pin!(pending::<()>())).await, None);
    }
}
