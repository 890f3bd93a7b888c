//! Timers for hyper, which wants one for the head of each request.

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

use crate::wait::Wait;

/// They hardly ever end, as all our waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timers;

impl Timer for Timers {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait::lasting(time))
    }

    fn sleep_until(&self, due: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait::until(due.into(), super::serve::HEAD))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Sleep for Wait {}
