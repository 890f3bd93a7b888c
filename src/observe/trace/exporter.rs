//! The task that sends spans: many at once, and again where that may help.
//!
//! A collector that does not answer is told of once, and once when it does again.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use prost::Message;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    SpanCounters, TracesConfig,
    otlp::{KeyValue, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span},
    outlet::{Outlet, Words},
    post::{Post, Unsent},
};

/// The most spans in one request.
const MOST: usize = 1024;
/// How long spans wait for others to be sent with.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a request is sent, the first pause between two, and the longest.
const TRIES: usize = 5;
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Sends spans to one collector.
pub(super) struct Exporter {
    spans: mpsc::Receiver<Span>,
    words: Arc<Words>,
    post: Post,
    resource: Resource,
    counters: SpanCounters,
    /// Those lost since the collector last took some; nothing while all is well.
    lost: Option<u64>,
}

impl Exporter {
    /// Starts to send what is handed over.
    pub(super) fn start(config: &TracesConfig, counters: &SpanCounters) -> Arc<Outlet> {
        let (outlet, spans, words) = Outlet::new(config.queue, counters);
        let facts = config.facts().into_iter();
        let exporter = Self {
            spans,
            words,
            post: Post::new(config),
            resource: Resource {
                attributes: facts
                    .map(|(key, value)| KeyValue::text(key, value))
                    .collect(),
            },
            counters: counters.clone(),
            lost: None,
        };
        tokio::spawn(exporter.run());
        outlet
    }

    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.next(&mut batch).await {
            self.gather(&mut batch).await;
            while !batch.is_empty() {
                self.send(std::mem::take(&mut batch)).await;
                self.fill(&mut batch);
            }
        }
        if let Some(lost @ 1..) = self.lost {
            tracing::warn!("{lost} spans could not be sent ([traces] endpoint)");
        }
        self.words.done.cancel();
    }

    /// Waits for a span; false when none comes any more.
    async fn next(&mut self, batch: &mut Vec<Span>) -> bool {
        tokio::select! {
            biased;
            count = self.spans.recv_many(batch, MOST) => return count > 0,
            () = self.words.over.cancelled() => self.spans.close(),
        }
        self.spans.recv_many(batch, MOST).await > 0
    }

    /// Waits for more, unless there is no time or no room.
    async fn gather(&mut self, batch: &mut Vec<Span>) {
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = self.words.hurry.notified() => {}
            () = self.words.over.cancelled() => {}
        }
        self.fill(batch);
    }

    fn fill(&mut self, batch: &mut Vec<Span>) {
        while batch.len() < MOST
            && let Ok(span) = self.spans.try_recv()
        {
            batch.push(span);
        }
    }

    async fn send(&mut self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        let body = self.body(spans);
        let mut pause = FIRST;
        for left in (0..TRIES).rev() {
            let unsent = match self.post.send(body.clone()).await {
                Ok(rejected) => return self.taken(count, rejected),
                Err(unsent) => unsent,
            };
            self.failed(&unsent);
            let Unsent::Later(_, after) = unsent else {
                break;
            };
            if left == 0 || self.words.over.is_cancelled() {
                break;
            }
            let wait = after.unwrap_or(pause).min(LONGEST);
            // At the end there is time for one more try.
            drop(timeout(wait, self.words.over.cancelled()).await);
            pause *= 2;
        }
        self.lose(count);
    }

    fn taken(&mut self, count: u64, rejected: Option<(u64, String)>) {
        if let Some(lost) = self.lost.take() {
            tracing::info!("traces are sent again; {lost} spans were lost meanwhile");
        }
        let (rejected, why) = rejected.unwrap_or_default();
        self.counters.sent.increment(count.saturating_sub(rejected));
        if rejected > 0 {
            let place = self.post.place();
            tracing::warn!("{place} has not taken {rejected} of {count} spans: {why} ([traces])");
            self.counters.dropped.increment(rejected);
        }
    }

    /// It is told once.
    fn failed(&mut self, unsent: &Unsent) {
        if self.lost.is_none() {
            self.lost = Some(0);
            tracing::warn!(
                "traces cannot be sent to {}: {unsent} ([traces] endpoint); calls are served all \
                 the same",
                self.post.place()
            );
        }
    }

    fn lose(&mut self, count: u64) {
        self.counters.dropped.increment(count);
        self.lost = Some(self.lost.unwrap_or_default() + count);
    }

    fn body(&self, spans: Vec<Span>) -> Bytes {
        let scope = Scope {
            name: "mcpgate".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let scope_spans = ScopeSpans {
            scope: Some(scope),
            spans,
        };
        let resource_spans = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![scope_spans],
        };
        let request = Request {
            resource_spans: vec![resource_spans],
        };
        request.encode_to_vec().into()
    }
}
