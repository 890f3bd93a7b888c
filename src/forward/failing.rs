//! What a server's calls tell of it, and whether the next one is carried.

use std::{convert::Infallible, future::pending, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    breaker::{Breaker, Open},
    link::Link,
    server::{COURTESY, Server},
};
use crate::{call::Reply, refusal::Refusal};

/// What lies between two questions at least.
const LEAST: Duration = Duration::from_millis(10);

impl Server {
    /// Has a replica asked whether it is back that calls are no longer sent to: the others carry
    /// them, so that none would ask.
    pub(super) async fn recover(&self, link: &Link) -> Infallible {
        let Some(breaker) = self.breaker.as_ref().filter(|_| self.at.is_some()) else {
            return pending().await;
        };
        loop {
            breaker.opened().await;
            while let Some(open) = breaker.open() {
                sleep(open.wait.max(LEAST)).await;
                drop(self.ask(breaker, link).await);
            }
        }
    }

    /// Whether calls are refused.
    pub(super) fn refuses_calls(&self) -> bool {
        self.breaker.as_ref().is_some_and(Breaker::is_open)
    }

    /// Lets a call through, unless the server has failed too often.
    ///
    /// # Errors
    /// When it has.
    pub(super) async fn admit(&self, link: &Link) -> Result<(), Refusal> {
        match &self.breaker {
            // Boxed: every call pays for the size of its future.
            Some(breaker) if breaker.is_open() => Box::pin(self.ask(breaker, link)).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Asks the server whether it is back, if it is time for that and nobody else does.
    async fn ask(&self, breaker: &Breaker, link: &Link) -> Result<(), Refusal> {
        let asking = match breaker.ask() {
            Ok(Some(asking)) => asking,
            Ok(None) => return Ok(()),
            Err(open) => return Err(self.refused(&open)),
        };
        match timeout(COURTESY, link.absent()).await {
            Ok(None) => {
                asking.answered();
                Ok(())
            }
            Ok(Some(_)) | Err(_) => Err(self.refused(&asking.unanswered())),
        }
    }

    fn refused(&self, open: &Open) -> Refusal {
        Refusal::BreakerOpen {
            server: self.name.to_string(),
            failures: open.failures,
            retry_after: open.wait,
        }
    }

    /// Why calls are refused, if they are.
    pub(super) fn refuses(&self) -> Option<String> {
        let open = self.breaker.as_ref()?.open()?;
        Some(self.refused(&open).to_string())
    }

    /// Takes note of how a call has ended. What the server itself says is an answer; what nobody has
    /// sent to it, or could not be read, tells neither way.
    pub(super) fn heard(&self, answer: &Result<Reply, Refusal>) {
        let Some(breaker) = &self.breaker else { return };
        match answer {
            Ok(_) => breaker.succeeded(),
            Err(Refusal::Unavailable { .. } | Refusal::Stopped { .. }) => breaker.failed(),
            Err(_) => {}
        }
    }

    /// A call has waited for too long, and heard nothing.
    pub(super) fn hung(&self) {
        if let Some(breaker) = &self.breaker {
            breaker.failed();
        }
    }
}
