//! Whether a connection to a server still stands, and why it fell.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::{call::ServerName, refusal::Refusal};

/// Why a connection fell.
#[derive(Debug, Clone)]
pub(super) struct Fall {
    /// For a person.
    pub(super) reason: String,
    /// The server's last lines on stderr.
    pub(super) stderr: Vec<String>,
    /// It had not even begun.
    unstarted: bool,
}

/// One connection's life. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    over: CancellationToken,
    fall: Arc<OnceLock<Fall>>,
    mute: CancellationToken,
    gone: CancellationToken,
}

impl Life {
    /// Ends it; the first reason stays.
    pub(super) fn end(&self, reason: String, stderr: Vec<String>) {
        self.fall(Fall {
            reason,
            stderr,
            unstarted: false,
        });
    }

    /// It never began.
    pub(super) fn never(&self, reason: String) {
        self.fall(Fall {
            reason,
            stderr: Vec::new(),
            unstarted: true,
        });
    }

    fn fall(&self, fall: Fall) {
        // Only the first caller's reason is kept, the others learnt of the end from it.
        drop(self.fall.set(fall));
        self.over.cancel();
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Waits for its end.
    pub(super) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Nothing is left of the process.
    pub(super) fn set_gone(&self) {
        self.gone.cancel();
    }

    /// Waits until nothing is left of the process.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// There is no stream on it that would end with it.
    pub(super) fn set_mute(&self) {
        self.mute.cancel();
    }

    /// Waits until it is known that there is none.
    pub(super) async fn mute(&self) {
        self.mute.cancelled().await;
    }

    /// Why it ended.
    pub(super) fn reason(&self) -> String {
        self.fall.get().map_or_else(
            || "the connection closed".to_owned(),
            |fall| fall.reason.clone(),
        )
    }

    /// The last that it wrote to stderr.
    pub(super) fn last_words(&self) -> Option<&str> {
        self.fall.get()?.stderr.last().map(String::as_str)
    }

    /// What a call hears that was under way.
    pub(super) fn refusal(&self, server: &ServerName) -> Refusal {
        let (server, reason, fall) = (server.to_string(), self.reason(), self.fall.get());
        if fall.is_some_and(|fall| fall.unstarted) {
            return Refusal::Unavailable { server, reason };
        }
        let stderr = fall.map(|fall| fall.stderr.clone()).unwrap_or_default();
        Refusal::Stopped {
            server,
            reason,
            stderr,
        }
    }
}

/// Why a server did not come up, for those who know already which one it is.
pub(super) fn reason(refusal: Refusal) -> String {
    if let Refusal::Stopped { reason, stderr, .. } = refusal {
        let words = stderr.last().map(|line| format!(", after saying `{line}`"));
        return format!("it stopped: {reason}{}", words.unwrap_or_default());
    }
    if let Refusal::Unavailable { reason, .. } | Refusal::Garbled { reason, .. } = refusal {
        return reason;
    }
    refusal.to_string()
}
