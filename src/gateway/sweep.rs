//! What has to be looked after now and then.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;

/// How often idle sessions are looked for and metrics are folded.
const SWEEP: Duration = Duration::from_secs(5);

/// Ends idle sessions, and keeps the metrics' memory small.
pub(super) async fn sweep(pipeline: Arc<Pipeline>, stop: CancellationToken) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            gone = pipeline.sessions.gone() => {
                gone.iter().for_each(|session| pipeline.take_leave(session));
                continue;
            }
            () = stop.cancelled() => return,
        }
        for session in pipeline.sessions.expired() {
            tracing::info!(caller = %session.identity(), "session ended: idle");
            pipeline.end(session.id());
        }
        pipeline.sweep();
        pipeline.metrics.upkeep();
    }
}
