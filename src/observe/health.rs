//! How each server is doing, as numbers.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Label};

use crate::{call::ServerName, forward::State};

/// How long calls wait for a place at a server.
pub(super) const QUEUE_WAIT: &str = "mcp_server_queue_wait_seconds";

/// One server's numbers.
pub(super) struct Health {
    up: Gauge,
    restarts: Counter,
    retries: Counter,
    breaker_open: Gauge,
    in_flight: Gauge,
    waiting: Gauge,
    crowded_out: Counter,
    queue_wait: Histogram,
}

impl Health {
    /// Says what the numbers are.
    pub(super) fn describe() {
        metrics::describe_gauge!("mcp_server_up", "Whether the server is connected.");
        metrics::describe_counter!("mcp_server_restarts_total", "Connections lost or not made.");
        metrics::describe_counter!(
            "mcp_server_retries_total",
            "Requests sent to the server a second time."
        );
        metrics::describe_gauge!(
            "mcp_server_breaker_open",
            "Whether calls to the server fail at once, as too many have failed; of replicas, at all."
        );
        metrics::describe_gauge!("mcp_server_calls_in_flight", "Calls at the server.");
        metrics::describe_gauge!(
            "mcp_server_calls_waiting",
            "Calls that wait for a place there."
        );
        metrics::describe_counter!(
            "mcp_server_calls_crowded_out_total",
            "Calls refused because too many waited for a place, or one for too long."
        );
        metrics::describe_histogram!(QUEUE_WAIT, "How long calls waited that found no place.");
    }

    /// Those of a server.
    pub(super) fn of(name: &ServerName) -> Self {
        let label = || vec![Label::new("server", name.to_string())];
        Self {
            up: metrics::gauge!("mcp_server_up", label()),
            restarts: metrics::counter!("mcp_server_restarts_total", label()),
            retries: metrics::counter!("mcp_server_retries_total", label()),
            breaker_open: metrics::gauge!("mcp_server_breaker_open", label()),
            in_flight: metrics::gauge!("mcp_server_calls_in_flight", label()),
            waiting: metrics::gauge!("mcp_server_calls_waiting", label()),
            crowded_out: metrics::counter!("mcp_server_calls_crowded_out_total", label()),
            queue_wait: metrics::histogram!(QUEUE_WAIT, label()),
        }
    }

    /// It is doing like this.
    pub(super) fn note(&self, state: &State) {
        self.up.set(f64::from(u8::from(state.serves())));
        self.restarts.absolute(u64::from(state.restarts));
        self.retries.absolute(state.retries);
        let refuses = u8::from(state.refuses_calls);
        self.breaker_open.set(f64::from(refuses));
        self.in_flight.set(state.in_flight as f64);
        self.waiting.set(state.waiting as f64);
        self.crowded_out.absolute(state.crowded_out);
    }

    /// A call has waited for a place.
    pub(super) fn waited(&self, time: Duration) {
        self.queue_wait.record(time.as_secs_f64());
    }
}
