//! How the last reload went, for those who ask.

use std::sync::{Mutex, PoisonError};

use metrics::{Counter, Gauge};

use super::metrics::{RELOADED, RELOADED_AT, RELOADS};

/// How a reload went.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reload {
    /// When.
    pub at: jiff::Timestamp,
    /// `ok`, or `failed`: then nothing has changed.
    pub outcome: &'static str,
    /// Why it failed: which file, which line, which setting, and never a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The keys that differ from what runs, until the gateway is started again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_restart: Vec<String>,
}

/// All reloads.
pub struct Reloads {
    last: Mutex<Option<Reload>>,
    ok: Counter,
    failed: Counter,
    well: Gauge,
    at: Gauge,
}

impl Reloads {
    /// Registers what is counted, with the recorder that is in force.
    pub(super) fn new() -> Self {
        let all = Self {
            last: Mutex::default(),
            ok: RELOADS.counter(&["ok"]),
            failed: RELOADS.counter(&["failed"]),
            well: RELOADED.gauge(&[]),
            at: RELOADED_AT.gauge(&[]),
        };
        all.well.set(1.0);
        all.at.set(seconds(jiff::Timestamp::now()));
        all
    }

    /// One has gone well; these keys need a restart.
    pub fn succeeded(&self, needs_restart: Vec<String>) {
        self.ok.increment(1);
        self.well.set(1.0);
        let reload = Reload {
            at: jiff::Timestamp::now(),
            outcome: "ok",
            error: None,
            needs_restart,
        };
        self.at.set(seconds(reload.at));
        self.set(reload);
    }

    /// One has failed.
    pub fn failed(&self, error: String) {
        self.failed.increment(1);
        self.well.set(0.0);
        // They differ still.
        let needs_restart = self.last().map(|last| last.needs_restart);
        self.set(Reload {
            at: jiff::Timestamp::now(),
            outcome: "failed",
            error: Some(error),
            needs_restart: needs_restart.unwrap_or_default(),
        });
    }

    /// The last one, if there was any.
    pub fn last(&self) -> Option<Reload> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn set(&self, reload: Reload) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reload);
    }
}

fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_second() as f64
}
