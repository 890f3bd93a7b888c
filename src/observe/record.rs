//! The record of one request, closed exactly once: also when the client hangs up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio::time::Instant;

use super::Metrics;
use crate::{
    call::{Call, ServerName},
    refusal::Refusal,
};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// With a result.
    Ok,
    /// With the server's own error.
    Error,
    /// With a refusal of the gateway's.
    Refused,
    /// The client cancelled it, or was gone before the answer.
    Cancelled,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Error, Self::Refused, Self::Cancelled];

    /// Metric label and log field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The record of one request.
pub struct Record {
    metrics: Arc<Metrics>,
    id: u64,
    started: Instant,
    what: String,
    server: Option<ServerName>,
    outcome: Outcome,
}

impl Record {
    /// Opens a record. Until something else is noted, the client has gone away.
    pub fn open(metrics: &Arc<Metrics>) -> Self {
        metrics.in_flight.increment(1.0);
        Self {
            metrics: metrics.clone(),
            id: request_id(),
            started: Instant::now(),
            what: String::new(),
            server: None,
            outcome: Outcome::Cancelled,
        }
    }

    /// The request's id in the log.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What is asked for.
    pub fn call(&mut self, call: &Call) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.what = call.target.to_string();
        }
    }

    /// Who is to answer.
    pub fn server(&mut self, server: &ServerName) {
        self.server = Some(server.clone());
    }

    /// How it ended.
    pub fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// That it ended with a refusal.
    pub fn refuse(&mut self, refusal: &Refusal) {
        self.outcome = Outcome::Refused;
        self.metrics.refused(refusal.stage());
        let words = one_line(&refusal.to_string());
        tracing::info!(request = %self.id, stage = refusal.stage().name(), "refused: {words}");
    }
}

/// What a client or a server may have written, as a piece of one line of the log.
pub fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(500).map(plain).collect()
}

impl Drop for Record {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        self.metrics.in_flight.decrement(1.0);
        self.metrics
            .answered(self.server.as_ref(), self.outcome, elapsed);
        tracing::debug!(
            request = %self.id,
            what = self.what,
            server = self.server.as_ref().map(ServerName::as_str),
            outcome = self.outcome.name(),
            microseconds = elapsed.as_micros(),
            "answered"
        );
    }
}

/// Counts on from the time of the start, so that ids of two runs differ.
fn request_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    if next != 0 {
        return next;
    }
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let base = now.as_secs() << 20;
    NEXT.fetch_max(base + 1, Ordering::Relaxed);
    base
}
