//! Traces: a span for each request of a client and one for each call to a server, sent to a
//! collector by OpenTelemetry's protocol (OTLP over HTTP) in the words of its conventions for MCP.
//!
//! Whether anything is traced is one flag. Whether a call is, is decided when it comes in; one that
//! is not is no different from then on. Spans that are over wait in a bounded queue; a task sends
//! them, and a collector that is slow or gone costs spans, which are counted, and never a call.

mod attributes;
mod config;
mod counters;
mod environment;
mod exporter;
mod otlp;
mod outlet;
mod post;
mod recording;
mod sampling;
mod span;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;

pub use config::{TracesConfig, Trust};
pub use counters::SpanCounters;
pub(super) use recording::Closing;
pub use recording::{Asked, Tracing};

use crate::{
    call::{Client, Visit},
    mcp::Frame,
};
use exporter::Exporter;
use outlet::Outlet;
use sampling::Sampler;

/// Traces, if there are any.
#[derive(Default)]
pub struct Traces {
    /// What every call asks: no more than a flag.
    on: AtomicBool,
    tracer: ArcSwapOption<Tracer>,
}

/// How calls are traced.
struct Tracer {
    config: TracesConfig,
    sampler: Sampler,
    outlet: Arc<Outlet>,
}

impl Traces {
    /// Traces as the config says from now on. Calls under way end as they have begun; what waits is
    /// still sent where it was to go.
    pub fn set(&self, config: Option<&TracesConfig>, counters: &SpanCounters) {
        let before = self.tracer.load_full();
        let tracer = config.map(|config| {
            let same = before.filter(|before| before.config.sends_as(config));
            let outlet = match same {
                Some(same) => same.outlet.clone(),
                None => Exporter::start(config, counters),
            };
            Arc::new(Tracer {
                config: config.clone(),
                sampler: Sampler::new(config),
                outlet,
            })
        });
        self.on.store(tracer.is_some(), Ordering::Relaxed);
        self.tracer.store(tracer);
    }

    /// Whether any call is traced.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// A request has come in: what is recorded of it, if anything is.
    #[inline]
    pub fn open(&self, frame: &Frame, visit: &Visit, client: &Client) -> Option<Box<Tracing>> {
        match self.is_on() {
            true => self.begin(frame, visit, client),
            false => None,
        }
    }

    #[cold]
    fn begin(&self, frame: &Frame, visit: &Visit, client: &Client) -> Option<Box<Tracing>> {
        let tracer = self.tracer.load();
        let tracer = tracer.as_ref()?;
        Tracing::open((tracer.sampler, &tracer.outlet), frame, visit, client)
    }

    /// Ends it: what waits is sent, if that does not take long.
    pub async fn close(&self) {
        self.on.store(false, Ordering::Relaxed);
        if let Some(tracer) = self.tracer.swap(None) {
            tracer.outlet.close().await;
        }
    }
}
