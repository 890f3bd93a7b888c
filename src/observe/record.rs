//! The record of one request, closed exactly once: also when the client hangs up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio::time::Instant;

use super::{
    Finished, Metrics, Outcome,
    audit::{Audit, Entry, Refused, Slot, Subject},
    counted::ToolCall,
    health::is_of_server,
    metrics::Ended,
    trace::{Closing, Tracing},
};
use crate::{
    call::{Call, RoleName, ServerName, Target},
    mcp::Method,
    refusal::{Reason, Refusal},
};

/// The record of one request.
pub struct Record {
    metrics: Arc<Metrics>,
    id: u64,
    started: Instant,
    server: Option<ServerName>,
    /// The tool that is called, by its server's own name, once that is known.
    tool: Option<Arc<str>>,
    role: Option<RoleName>,
    /// Who asks for what, once that is known.
    asked: Option<(Arc<str>, Option<&'static str>)>,
    outcome: Outcome,
    bytes_in: u64,
    bytes_out: u64,
    /// What the audit gets, and where.
    audit: Option<(Slot, Box<Entry>)>,
    /// What is recorded of it as a span.
    pub(super) trace: Option<Box<Tracing>>,
}

impl Record {
    /// Opens a record. Until something else is noted, the client has gone away.
    pub fn open(metrics: &Arc<Metrics>) -> Self {
        Self::since(metrics, Instant::now())
    }

    /// The same, of one that has come in at that time.
    pub fn since(metrics: &Arc<Metrics>, started: Instant) -> Self {
        metrics.begun();
        Self {
            metrics: metrics.clone(),
            id: request_id(),
            started,
            server: None,
            tool: None,
            role: None,
            asked: None,
            outcome: Outcome::Cancelled,
            bytes_in: 0,
            bytes_out: 0,
            audit: None,
            trace: None,
        }
    }

    /// The request's id in the log.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What is asked for. What the gateway answers itself, such as a list, is not for the audit.
    ///
    /// # Errors
    /// When it is, cannot be recorded, and has to be.
    pub fn call(&mut self, call: &Call, audit: Option<&Arc<Audit>>) -> Result<(), Refusal> {
        tracing::trace!(request = %self.id, what = %call.target, "called");
        let caller = &call.visit.caller;
        self.role = caller.standing.role().cloned();
        self.asked = Some((caller.name.clone(), call.frame.method().map(Method::name)));
        self.bytes_in = call.frame.bytes().len() as u64;
        let Some(audit) = audit.filter(|_| is_for_a_server(&call.target)) else {
            return Ok(());
        };
        let slot = audit.reserve(self.id).map_err(|unrecorded| {
            if let Some(left_out) = self.metrics.log.shows(Reason::Unrecorded) {
                tracing::error!(
                    left_out,
                    "calls are refused ([audit] required): {unrecorded}"
                );
            }
            Refusal::Unrecorded
        })?;
        self.audit = Some((slot, Box::new(Entry::of(call))));
        Ok(())
    }

    /// The rule that allows it.
    pub fn rule(&mut self, rule: Arc<str>) {
        if let Some(audit) = &mut self.audit {
            audit.1.rule = Some(rule);
        }
    }

    /// The tool or prompt it is about, by its server's own name.
    pub fn found(&mut self, server: &ServerName, key: &Arc<str>, is_tool: bool) {
        self.server = Some(server.clone());
        self.tool = is_tool.then(|| key.clone());
        if let Some(trace) = &mut self.trace {
            trace.found();
        }
        if let Some(Subject::Tool(name) | Subject::Prompt(name)) = self
            .audit
            .as_mut()
            .and_then(|audit| audit.1.subject.as_mut())
        {
            name.clone_from(key);
        }
    }

    /// Who is to answer.
    pub fn server(&mut self, server: &ServerName) {
        if self.server.is_none() {
            self.server = Some(server.clone());
        }
    }

    /// How it ended.
    pub fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// So much of the answer has been given to the client.
    pub fn sent(&mut self, bytes: usize) {
        self.bytes_out += bytes as u64;
    }

    /// That it ended with a refusal.
    pub fn refuse(&mut self, refusal: &Refusal) {
        self.outcome = Outcome::Refused;
        let reason = refusal.reason();
        self.metrics.refused(reason);
        if let Some(server) = self.server.as_ref().filter(|_| is_of_server(reason)) {
            self.metrics.failed(server, reason);
        }
        if let Refusal::Limited { limit, .. } = refusal {
            self.metrics.counted.limited(limit);
        }
        let words = one_line(&refusal.to_string());
        let role = self.role.as_ref().map(RoleName::as_str);
        let rule = refusal.rule().map(ToString::to_string);
        let stage = reason.stage();
        let (request, stage_name) = (self.id, stage.name());
        let caller = self.asked.as_ref().map(|(caller, _)| &**caller);
        let server = self.server.as_ref().map(ServerName::as_str);
        // That it cannot be recorded has been said.
        let shown = (reason != Reason::Unrecorded).then(|| self.metrics.log.shows(reason));
        match shown.flatten() {
            Some(left_out) => tracing::info!(
                request,
                stage = stage_name,
                caller,
                role,
                rule,
                server,
                left_out,
                "refused: {words}"
            ),
            None => tracing::debug!(
                request,
                stage = stage_name,
                caller,
                role,
                rule,
                server,
                "refused: {words}"
            ),
        }
        if let Some(trace) = &mut self.trace {
            trace.refused(refusal);
        }
        if let Some(audit) = &mut self.audit {
            audit.1.rule = refusal.rule().cloned().or(audit.1.rule.take());
            audit.1.refusal = Some(Refused {
                stage,
                words: words.into(),
            });
        }
    }

    /// That a tool which is there was refused to the caller's role.
    pub fn denied(&self, tool: &str) {
        self.metrics.counted.denied(tool, self.role.as_ref());
    }
}

/// Whether a call leaves the gateway.
fn is_for_a_server(target: &Target) -> bool {
    !matches!(target, Target::Ping | Target::List(_) | Target::LogLevel(_))
}

/// What a client or a server may have written, as a piece of one line of the log.
pub fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(500).map(plain).collect()
}

impl Drop for Record {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        self.metrics.over();
        let ended = Ended {
            outcome: self.outcome,
            elapsed,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
        };
        self.metrics.answered(self.server.as_ref(), &ended);
        tracing::debug!(
            request = %self.id,
            server = self.server.as_ref().map(ServerName::as_str),
            tool = self.tool.as_deref(),
            outcome = self.outcome.name(),
            microseconds = elapsed.as_micros(),
            "answered"
        );
        if let Some(trace) = self.trace.take() {
            trace.close(&Closing {
                request: self.id,
                server: self.server.as_ref(),
                outcome: self.outcome,
                bytes_out: self.bytes_out,
            });
        }
        // Handed on rather than cloned: this is on the way of every call.
        let (server, tool) = match (self.server.take(), self.tool.take()) {
            (Some(server), Some(tool)) => {
                let role = self.role.take();
                let call = ToolCall { server, tool, role };
                let counted = &self.metrics.counted;
                counted.tool_called(&call, self.outcome, elapsed);
                (Some(call.server), Some(call.tool))
            }
            found => found,
        };
        if let Some((slot, mut entry)) = self.audit.take() {
            entry.server.clone_from(&server);
            entry.outcome = self.outcome;
            entry.duration = elapsed;
            entry.bytes_out = self.bytes_out;
            slot.write(&entry);
        }
        if let Some((caller, method)) = self.asked.take() {
            self.metrics.recent.add(Finished {
                ended: self.started + elapsed,
                duration: elapsed,
                caller,
                method,
                server,
                tool,
                outcome: self.outcome,
            });
        }
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
