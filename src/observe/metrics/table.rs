//! Every metric there is: its name, type, labels, unit and meaning. `docs/METRICS.md` is made of
//! this table, and what `/metrics` shows is registered by it: nothing is shown that does not stand
//! here.

use std::fmt::Write;

use metrics::{Counter, Gauge, Label};

use super::histogram::{Buckets, Histogram as Counts};
use crate::refusal::Reason;

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name, after the rules of Prometheus: base units, `_total` for what only grows.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its labels, in their order.
    pub labels: &'static [&'static str],
    /// In what it is counted.
    pub unit: &'static str,
    /// What it says.
    pub help: &'static str,
}

/// What kind of number a metric is.
#[derive(Debug)]
pub enum Kind {
    /// It only grows, until the process ends.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many there were up to each of these.
    Histogram(&'static Buckets),
}

impl Kind {
    /// As `# TYPE` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

macro_rules! table {
    ($($section:literal { $($name:ident: $kind:expr, $metric:literal [$($label:literal),*] in $unit:literal = $help:literal;)* })*) => {
        $($(pub(in crate::observe) static $name: Metric = Metric {
            name: $metric,
            kind: $kind,
            labels: &[$($label),*],
            unit: $unit,
            help: $help,
        };)*)*

        /// All metrics, in the order of their sections.
        pub static SECTIONS: &[(&str, &[&Metric])] = &[$(($section, &[$(&$name),*])),*];
    };
}

use Kind::{Counter as Count, Gauge as Now, Histogram};

table! {
    "The gateway" {
        BUILD: Now, "mcp_build_info" ["version"] in "1" = "Always 1; the label says which version runs.";
        UPTIME: Now, "mcp_uptime_seconds" [] in "seconds" = "Time since the start.";
        CERTIFICATE: Now, "mcp_certificate_expiry_timestamp_seconds" [] in "seconds since 1970" = "When the gateway's certificate expires ([gateway.tls] cert); absent without TLS.";
        RELOADS: Count, "mcpgate_reloads_total" ["outcome"] in "reloads" = "Reloads of the configuration; `failed` ones have changed nothing.";
        RELOADED: Now, "mcpgate_last_reload_successful" [] in "0 or 1" = "Whether the last reload went well; 1 before the first.";
        RELOADED_AT: Now, "mcpgate_last_reload_success_timestamp_seconds" [] in "seconds since 1970" = "When the configuration in force was read.";
    }
    "Requests" {
        REQUESTS: Count, "mcp_requests_total" ["server", "outcome"] in "requests" = "Requests of clients that are over.";
        FAILED: Count, "mcp_requests_failed" [] in "requests" = "Of all requests, those that ended other than `ok`. For queries by the old name; mcp_requests_total says more.";
        AVERAGE: Now, "mcp_response_time_avg" [] in "seconds" = "The mean time of all requests since the start. For queries by the old name; mcp_request_duration_seconds says more.";
        DURATION: Histogram(&Buckets::REQUESTS), "mcp_request_duration_seconds" ["server"] in "seconds" = "From a request to the last byte of its answer.";
        SIZE_IN: Histogram(&Buckets::SIZES), "mcp_request_size_bytes" ["server"] in "bytes" = "The size of requests, as the client wrote them.";
        SIZE_OUT: Histogram(&Buckets::SIZES), "mcp_response_size_bytes" ["server"] in "bytes" = "The size of answers, before compression.";
        IN_FLIGHT: Now, "mcp_requests_in_flight" [] in "requests" = "Requests under way.";
        REFUSALS: Count, "mcp_refusals_total" ["stage", "reason"] in "refusals" = "What the gateway itself refused, with where on its way and why. A server's own error is none.";
    }
    "Tools and callers" {
        TOOLS: Count, "mcp_tool_calls_total" ["tool_name", "server", "role", "outcome"] in "calls" = "Calls of tools that are over.";
        TOOL_DURATION: Histogram(&Buckets::TOOLS), "mcp_tool_call_duration_seconds" ["tool_name", "server"] in "seconds" = "From a call of a tool to the last byte of its answer, in whatever role. Steps are wider than for servers.";
        DENIALS: Count, "mcp_permission_denials_total" ["tool_name", "role"] in "calls" = "Calls of tools that are there, and not for the caller's role.";
        LIMITED: Count, "mcp_rate_limited_total" ["limit"] in "calls" = "Calls that a limit refused.";
        SIGN_INS: Count, "mcp_auth_failures_total" ["scheme", "reason"] in "requests" = "Requests of nobody known: what they showed, and what was wrong with it.";
    }
    "Servers" {
        UP: Now, "mcp_server_up" ["server"] in "0 or 1" = "Whether calls to the server are served. One that is stopped until somebody needs it counts as up.";
        STATE: Now, "mcp_server_state" ["server", "state"] in "0 or 1" = "1 for the state that the server is in.";
        RESTARTS: Count, "mcp_server_restarts_total" ["server"] in "connections" = "Connections lost or not made.";
        RETRIES: Count, "mcp_server_retries_total" ["server"] in "requests" = "Requests sent to the server a second time.";
        BREAKER: Now, "mcp_server_breaker_open" ["server"] in "0 or 1" = "Whether calls to the server fail at once, as too many have failed; of replicas, at all.";
        FAILURES: Count, "mcp_server_failures_total" ["server", "reason"] in "requests" = "Requests that the gateway refused because of this server.";
        AT_SERVER: Now, "mcp_server_calls_in_flight" ["server"] in "calls" = "Calls at the server.";
        MOST_AT_SERVER: Now, "mcp_server_max_in_flight" ["server"] in "calls" = "How many it serves at once ([servers.*] max_in_flight).";
        WAITING: Now, "mcp_server_calls_waiting" ["server"] in "calls" = "Calls that wait for a place there.";
        CROWDED: Count, "mcp_server_calls_crowded_out_total" ["server"] in "calls" = "Calls refused because too many waited for a place, or one for too long.";
        QUEUE_WAIT: Histogram(&Buckets::REQUESTS), "mcp_server_queue_wait_seconds" ["server"] in "seconds" = "How long calls waited that found no place. Those that found one at once are not counted.";
        OFFERS: Now, "mcp_server_offers" ["server", "list"] in "items" = "How many items of each list the server offers; 0 before it was up.";
    }
    "Sessions, streams and connections" {
        SESSIONS: Now, "mcp_sessions" ["transport", "revision"] in "sessions" = "Sessions open. What stands for clients without one counts as it takes room.";
        MOST_SESSIONS: Now, "mcp_max_sessions" [] in "sessions" = "Room for so many ([gateway] max_sessions).";
        OPENED: Count, "mcp_sessions_opened_total" [] in "sessions" = "Sessions opened.";
        DISPLACED: Count, "mcp_sessions_displaced_total" [] in "sessions" = "Idle sessions that ended because others needed room.";
        STREAMS: Now, "mcp_streams" [] in "streams" = "Streams of notifications that clients read: GET streams, those of HTTP+SSE, and subscriptions/listen.";
        CONNECTIONS: Now, "mcp_connections" [] in "connections" = "Client connections open.";
        MOST_CONNECTIONS: Now, "mcp_max_connections" [] in "connections" = "Room for so many ([gateway] max_connections).";
        CONNECTED: Count, "mcp_connections_total" [] in "connections" = "Client connections accepted.";
        HANDSHAKES: Count, "mcp_tls_handshakes_total" ["outcome"] in "handshakes" = "TLS handshakes of clients that are over ([gateway.tls]).";
        TURNED_AWAY: Count, "mcp_connections_refused_total" ["setting"] in "connections" = "Client connections for which there was no room, by the key of [gateway] that says so.";
        BUFFERED: Now, "mcp_buffered_bytes" [] in "bytes" = "Large requests in memory.";
        MOST_BUFFERED: Now, "mcp_max_buffered_bytes" [] in "bytes" = "Room for so much of them ([gateway] max_buffered).";
    }
    "The audit log" {
        AUDITED: Count, "mcp_audit_written_total" [] in "records" = "Records written.";
        AUDIT_DROPPED: Count, "mcp_audit_dropped_total" [] in "records" = "Records for which the queue had no room.";
        AUDIT_FAILED: Count, "mcp_audit_failed_total" [] in "records" = "Records that could not be written.";
    }
    "Traces" {
        SPANS: Count, "mcp_spans_sent_total" [] in "spans" = "Spans that the collector has taken ([traces]).";
        SPANS_DROPPED: Count, "mcp_spans_dropped_total" [] in "spans" = "Spans that were lost: no room in the queue, or not taken.";
    }
    "The process (Linux)" {
        STARTED: Now, "process_start_time_seconds" [] in "seconds since 1970" = "When the process started.";
        CPU: Count, "process_cpu_seconds_total" [] in "seconds" = "Time on processors, of its threads and not of servers that it launched.";
        MEMORY: Now, "process_resident_memory_bytes" [] in "bytes" = "Memory in use, without that of servers that it launched.";
        FILES: Now, "process_open_fds" [] in "files" = "Files, pipes and sockets open.";
        MOST_FILES: Now, "process_max_fds" [] in "files" = "How many may be open.";
    }
}

/// What each label says.
static LABELS: &[(&str, &str)] = &[
    (
        "server",
        "the `<name>` of a `[servers.<name>]` table; `mcpgate`: the gateway itself answered",
    ),
    (
        "outcome",
        "of requests: `ok`, `error` (the server's own error; a tool's result with `isError` is `ok`, for it is an answer), `refused` (by the gateway), `cancelled` (by the client, or it hung up). Of reloads: `ok`, `failed`. Of handshakes: `ok`, `plain` (HTTP without TLS), `timeout`, `gone` (the client hung up), `client_certificate` (missing or not accepted), `own_certificate` (the client does not accept the gateway's), `incompatible`, `failed`",
    ),
    (
        "stage",
        "where the gateway refused: `accept`, `authenticate`, `authorise`, `limit`, `route`, `forward`, `observe`",
    ),
    (
        "reason",
        "why, in one word; of refusals and failures from the list below, of sign-ins what was wrong (`missing`, `unknown`, `expired`, …)",
    ),
    (
        "tool_name",
        "the tool's own name, as its server has it; `other`: more than `[metrics] max_tools`",
    ),
    (
        "role",
        "the caller's role; `none`: no policy says what one may do",
    ),
    (
        "limit",
        "the name of a `[limits.<name>]` table, or `analyst.1` for the first in the list of a role",
    ),
    (
        "scheme",
        "what was shown: `key`, `token`, `certificate`, `none`, …",
    ),
    (
        "state",
        "`connecting`, `up`, `idle` (stopped until somebody needs it), `down`, `disabled` (by an operator)",
    ),
    (
        "list",
        "`tools`, `resources`, `resourceTemplates`, `prompts`",
    ),
    (
        "transport",
        "how clients come in: `http`, `sse` (legacy HTTP+SSE), `plain` (without MCP), `stdio`",
    ),
    ("revision", "the revision of MCP that was agreed"),
    (
        "setting",
        "`max_connections`, `max_connections_per_address`",
    ),
    ("version", "the gateway's own version"),
];

impl Metric {
    /// Its labels with these values.
    fn labels(&self, values: &[&str]) -> Vec<Label> {
        debug_assert_eq!(self.labels.len(), values.len(), "{}", self.name);
        let pairs = self.labels.iter().zip(values);
        let label = |(name, value): (&&'static str, &&str)| Label::new(*name, (*value).to_owned());
        pairs.map(label).collect()
    }

    /// Its counter with these values of its labels, at the recorder in force.
    pub(in crate::observe) fn counter(&self, values: &[&str]) -> Counter {
        metrics::describe_counter!(self.name, self.help);
        metrics::counter!(self.name, self.labels(values))
    }

    /// A histogram of its own.
    pub(in crate::observe) fn histogram(&self) -> Counts {
        Counts::new(match self.kind {
            Kind::Histogram(buckets) => buckets,
            Kind::Counter | Kind::Gauge => &Buckets::REQUESTS,
        })
    }

    /// Its gauge, likewise.
    pub(in crate::observe) fn gauge(&self, values: &[&str]) -> Gauge {
        metrics::describe_gauge!(self.name, self.help);
        metrics::gauge!(self.name, self.labels(values))
    }
}

/// The reference of all metrics, as Markdown.
pub fn reference() -> String {
    let mut page = String::new();
    for (section, metrics) in SECTIONS {
        let head = "| metric | type | labels | unit | meaning |\n|---|---|---|---|---|";
        // Writing to a string cannot fail.
        writeln!(page, "### {section}\n\n{head}").unwrap_or_default();
        for metric in *metrics {
            let labels = metric.labels.iter().map(|label| format!("`{label}`"));
            let labels = labels.collect::<Vec<_>>().join(" ");
            let Metric {
                name, unit, help, ..
            } = metric;
            let kind = metric.kind.name();
            writeln!(page, "| `{name}` | {kind} | {labels} | {unit} | {help} |")
                .unwrap_or_default();
        }
        page.push('\n');
    }
    page.push_str("### Labels\n\n| label | says |\n|---|---|\n");
    for (label, says) in LABELS {
        writeln!(page, "| `{label}` | {says} |").unwrap_or_default();
    }
    page.push_str("\n### Reasons of refusals\n\n| stage | reason |\n|---|---|\n");
    for reasons in Reason::ALL.chunk_by(|one, other| one.stage() == other.stage()) {
        let names = reasons.iter().map(|reason| format!("`{}`", reason.name()));
        let names = names.collect::<Vec<_>>().join(", ");
        let stage = reasons.first().map_or("", |reason| reason.stage().name());
        writeln!(page, "| `{stage}` | {names} |").unwrap_or_default();
    }
    page.push_str("\n### Steps of the histograms\n\n");
    for buckets in [&Buckets::REQUESTS, &Buckets::TOOLS, &Buckets::SIZES] {
        writeln!(page, "- {}: {}", buckets.of, buckets.listed()).unwrap_or_default();
    }
    page
}
