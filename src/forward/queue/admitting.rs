//! How a call gets its place.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Asker, Place, Queue, Turned};
use crate::{
    forward::{link::Link, server::Server},
    refusal::Refusal,
    route::Routed,
};

/// When to try again: nobody can tell when a call ends.
const A_MOMENT: Duration = Duration::from_secs(1);

impl Server {
    /// Lets a call through: unless the server has failed too often, and when it has a place.
    ///
    /// # Errors
    /// When it has failed, or when too many wait, or for too long.
    pub(in crate::forward) async fn place(
        &self,
        routed: &Routed,
        link: &Link,
    ) -> Result<Place<&Arc<Queue>>, Refusal> {
        self.admit(link).await?;
        match self.queue.try_enter() {
            Some(place) => Ok(place),
            // Boxed: every call pays for the size of its future.
            None => Box::pin(self.turn(routed, link)).await,
        }
    }

    async fn turn(&self, routed: &Routed, link: &Link) -> Result<Place<&Arc<Queue>>, Refusal> {
        let begun = Instant::now();
        let asker = Asker::of(&routed.call().visit.caller);
        let entered = self.queue.enter(asker).await;
        if let Some(trace) = routed.trace() {
            let waited = || begun.elapsed().as_secs_f64().to_string();
            trace.note("queued", || ("seconds", waited()));
        }
        if let Some(upward) = self.upward.get().and_then(std::sync::Weak::upgrade) {
            upward.waited(&self.name, begun.elapsed());
        }
        let place = entered.map_err(|Turned(setting)| Refusal::Crowded {
            server: self.name.to_string(),
            setting,
            retry_after: A_MOMENT,
        })?;
        // Meanwhile those inside may have found that it is not there.
        self.admit(link).await?;
        Ok(place)
    }
}
