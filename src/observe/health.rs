//! How each server is doing, as numbers.

use metrics::{Counter, Gauge, Label};

use crate::{call::ServerName, forward::State};

/// One server's numbers.
pub(super) struct Health {
    up: Gauge,
    restarts: Counter,
    retries: Counter,
    breaker_open: Gauge,
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
            "Whether calls to the server fail at once, as too many have failed."
        );
    }

    /// Those of a server.
    pub(super) fn of(name: &ServerName) -> Self {
        let label = || vec![Label::new("server", name.to_string())];
        Self {
            up: metrics::gauge!("mcp_server_up", label()),
            restarts: metrics::counter!("mcp_server_restarts_total", label()),
            retries: metrics::counter!("mcp_server_retries_total", label()),
            breaker_open: metrics::gauge!("mcp_server_breaker_open", label()),
        }
    }

    /// It is doing like this.
    pub(super) fn note(&self, state: &State) {
        self.up.set(f64::from(u8::from(state.serves())));
        self.restarts.absolute(u64::from(state.restarts));
        self.retries.absolute(state.retries);
        let refuses = u8::from(state.refuses_calls);
        self.breaker_open.set(f64::from(refuses));
    }
}
