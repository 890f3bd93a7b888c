//! What a call takes along to its server of the trace that it is a part of.

use std::sync::Arc;

use super::{Pipeline, Plan};
use crate::{
    call::Traced,
    mcp::trace,
    observe::{
        Record,
        trace::{Asked, TracesConfig},
    },
    route::Routed,
};

impl Pipeline {
    /// Traces as the config says, from now on.
    pub fn trace_as(&self, config: Option<&TracesConfig>) {
        self.traces.set(config, &self.metrics.spans);
    }

    /// Has a call say of which trace it is a part, where calls are traced: that of its own span, or, if
    /// it has none, what the client's headers said. What stands in its `_meta` stays then.
    pub(super) fn trace(&self, plan: &Plan, routed: &mut Routed, record: &mut Record) {
        if self.traces.is_on() {
            self.trace_on(plan, routed, record);
        }
    }

    #[cold]
    fn trace_on(&self, plan: &Plan, routed: &mut Routed, record: &mut Record) {
        let traced = record.departs(&Asked {
            frame: &routed.call().frame,
            server: routed.server(),
            behind: plan.servers.get(routed.server()).map(Arc::as_ref),
            name: routed.own_name().as_deref(),
        });
        let Some(traced) = traced else {
            let said = routed.call().visit.trace.as_deref();
            if let Some(said) = said.cloned() {
                routed.trace_as(Arc::new(Traced::passing(said)));
            }
            return;
        };
        let context = traced.context();
        let state = context.state.as_deref();
        let told = trace::told(&routed.call().frame, &context.parent(), state);
        if let Some(frame) = told {
            *routed = routed.reworded(frame);
        }
        routed.trace_as(traced);
    }
}
