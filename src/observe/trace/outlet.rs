//! Where spans wait that are over.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{SpanCounters, otlp::Span};

/// How long what waits may take to be sent at the end.
const CLOSE: Duration = Duration::from_secs(5);

/// Where spans wait that are over. Nobody waits here for a collector.
pub(super) struct Outlet {
    spans: mpsc::Sender<Span>,
    most: usize,
    words: Arc<Words>,
    counters: SpanCounters,
}

/// What the exporter is told.
#[derive(Default)]
pub(super) struct Words {
    /// Much waits.
    pub(super) hurry: Notify,
    /// Nothing more comes.
    pub(super) over: CancellationToken,
    /// The exporter says so: everything is sent, or lost.
    pub(super) done: CancellationToken,
}

impl Outlet {
    /// Room for so many, and what comes out.
    pub(super) fn new(
        most: usize,
        counters: &SpanCounters,
    ) -> (Arc<Self>, mpsc::Receiver<Span>, Arc<Words>) {
        let (spans, waiting) = mpsc::channel(most);
        let words = Arc::new(Words::default());
        let outlet = Self {
            spans,
            most,
            words: words.clone(),
            counters: counters.clone(),
        };
        (Arc::new(outlet), waiting, words)
    }

    /// Hands a span over, if there is room.
    pub(super) fn send(&self, span: Span) {
        match self.spans.try_send(span) {
            Ok(()) if self.spans.capacity() < self.most / 2 => self.words.hurry.notify_one(),
            Ok(()) => {}
            Err(_full) => self.counters.dropped.increment(1),
        }
    }

    /// Has what waits sent, if that does not take long.
    pub(super) async fn close(&self) {
        self.words.over.cancel();
        if timeout(CLOSE, self.words.done.cancelled()).await.is_err() {
            tracing::warn!("the last spans could not be sent within {CLOSE:?} ([traces])");
        }
    }
}
