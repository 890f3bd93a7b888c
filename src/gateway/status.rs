//! The line that `systemctl status` shows: how many servers are up, and at the end how many calls
//! are under way.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::sleep;

use super::systemd;
use crate::pipeline::Pipeline;

/// How often it is looked whether the line is another one.
const LOOK: Duration = Duration::from_secs(1);

/// Tells systemd whenever the line changes, for as long as this is polled.
pub(super) async fn tell(pipeline: Arc<Pipeline>, address: SocketAddr) {
    if !systemd::is_there() {
        return;
    }
    let (stopping, mut told) = (&pipeline.stopping, String::new());
    loop {
        let is_stopping = stopping.is_cancelled();
        let line = line(&pipeline, address, is_stopping);
        if line != told {
            systemd::status(&line);
            told = line;
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = stopping.cancelled(), if !is_stopping => {}
        }
    }
}

fn line(pipeline: &Pipeline, address: SocketAddr, is_stopping: bool) -> String {
    if is_stopping {
        let calls = pipeline.metrics.underway();
        let plural = if calls == 1 { "" } else { "s" };
        return format!("Draining: {calls} call{plural} under way");
    }
    let plan = pipeline.plan();
    let states = plan.servers.iter().map(|(_, server)| server.state());
    let (up, all) = states.fold((0, 0), |(up, all), state| {
        (up + usize::from(state.serves()), all + 1)
    });
    format!("Serving on {address}; {up} of {all} servers up")
}
