//! How the one who waits for something is told that it may be there.

use std::{future::poll_fn, task::Poll};

use futures_util::task::AtomicWaker;

/// Wakes the one who waits: there is never a second. Every call waits for three such things that
/// hardly ever come, so it costs neither a lock nor a list.
#[derive(Debug, Default)]
pub(super) struct Bell(AtomicWaker);

impl Bell {
    /// Something has come.
    pub(super) fn ring(&self) {
        self.0.wake();
    }

    /// Waits until that gives something.
    pub(super) async fn until<T>(&self, mut given: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| {
            if let Some(thing) = given() {
                return Poll::Ready(thing);
            }
            self.0.register(cx.waker());
            // It may have come before the bell knew whom to wake.
            given().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
