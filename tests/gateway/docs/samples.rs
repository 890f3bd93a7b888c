//! One of each refusal, and the settings that decide it.

use std::time::Duration;

use mcpgate::{call::Target, mcp::Malformed, refusal::Refusal};

/// A refusal, and the settings that decide it, as `table.key`.
pub(super) type Sample = (Refusal, &'static [&'static str]);

const SECOND: Duration = Duration::from_secs(1);

/// All of them, in the order in which the page has them.
pub(super) fn samples() -> Vec<Sample> {
    let all = [at_the_door(), of_policies(), of_messages(), of_servers()];
    all.into_iter().flatten().collect()
}

fn files() -> String {
    "files".to_owned()
}

fn tool() -> Target {
    Target::Tool("files__write_file".to_owned())
}

fn at_the_door() -> Vec<Sample> {
    vec![
        (
            Malformed::Syntax("expected value at line 1 column 1".to_owned()).into(),
            &[],
        ),
        (
            Malformed::Shape("missing field `jsonrpc`".to_owned()).into(),
            &[],
        ),
        (Refusal::TooLarge(67_108_864), &["gateway.max_message"]),
        (Refusal::Overfull, &["gateway.max_buffered"]),
        (
            Refusal::Foreign {
                header: "Host",
                value: "gate.lan".to_owned(),
                setting: "allowed_hosts",
            },
            &["gateway.allowed_hosts"],
        ),
        (
            Refusal::Foreign {
                header: "Origin",
                value: "https://chat.lan".to_owned(),
                setting: "allowed_origins",
            },
            &["gateway.allowed_origins", "gateway.cors_origins"],
        ),
        (Refusal::SessionMissing, &[]),
        (
            Refusal::SessionUnknown,
            &["gateway.session_idle", "gateway.state_dir"],
        ),
        (Refusal::NoPath, &["roles.views"]),
        (Refusal::StreamOver, &[]),
        (Refusal::SessionsFull, &["gateway.max_sessions"]),
        (
            Refusal::SessionsOfCaller,
            &["gateway.max_sessions_per_caller"],
        ),
        (Refusal::Initialized, &[]),
    ]
}

fn of_policies() -> Vec<Sample> {
    vec![
        (
            Refusal::Unauthenticated,
            &[
                "keys.hash",
                "keys.expires",
                "keys.disabled",
                "keys.from",
                "tokens.issuer",
            ],
        ),
        (Refusal::SignIns(SECOND), &["gateway.failed_sign_ins"]),
        (Refusal::Address, &["gateway.allowed_ips"]),
        (Refusal::Scraper, &["gateway.metrics_from"]),
        (Refusal::NoAdmin, &["roles.admin", "gateway.metrics_from"]),
        (
            Refusal::NoRole("the header X-User-Role is missing or empty".into()),
            &[
                "keys.role",
                "trusted_headers.roles",
                "tokens.roles",
                "roles.from",
            ],
        ),
        (
            Refusal::Forbidden(tool(), None),
            &["roles.allow", "roles.deny", "views.allow"],
        ),
        (
            Refusal::Condition(tool(), "roles.analyst".into()),
            &["roles.allow"],
        ),
        (
            Refusal::Limited {
                limit: "overall".into(),
                retry_after: SECOND,
            },
            &["roles.limits", "limits.calls", "limits.concurrent"],
        ),
        (Refusal::Unrecorded, &["audit.required"]),
    ]
}

fn of_messages() -> Vec<Sample> {
    let resource = Target::Resource("file:///srv/x".to_owned());
    vec![
        (Refusal::UnknownMethod("tools/nonsense".to_owned()), &[]),
        (Refusal::Revision("1999-01-01".to_owned()), &[]),
        (Refusal::Version("yesterday".to_owned()), &[]),
        (
            Refusal::Mismatch("Mcp-Name says `a`, the body `b`".to_owned()),
            &[],
        ),
        (Refusal::Params("`name` is not a string"), &[]),
        (
            Refusal::NoRoute(tool()),
            &["servers.prefix", "gateway.names"],
        ),
        (Refusal::NoRoute(resource), &[]),
    ]
}

fn of_servers() -> Vec<Sample> {
    vec![
        (
            Refusal::Unavailable {
                server: files(),
                reason: "it stopped: exit status: 7, after saying `no such module`".to_owned(),
            },
            &["servers.command", "servers.url", "servers.connect_timeout"],
        ),
        (
            Refusal::BreakerOpen {
                server: files(),
                failures: 5,
                retry_after: SECOND,
            },
            &["servers.breaker"],
        ),
        (
            Refusal::Crowded {
                server: files(),
                setting: "queue",
                retry_after: SECOND,
            },
            &[
                "servers.max_in_flight",
                "servers.queue",
                "servers.queue_wait",
            ],
        ),
        (
            Refusal::Unspeakable {
                server: files(),
                setting: "X-User-Email".to_owned(),
            },
            &["servers.headers", "servers.env"],
        ),
        (
            Refusal::Stopped {
                server: files(),
                reason: "signal: 9 (SIGKILL)".to_owned(),
                stderr: Vec::new(),
            },
            &["servers.memory", "servers.cpu"],
        ),
        (
            Refusal::Garbled {
                server: files(),
                reason: "the body ended early".to_owned(),
            },
            &[],
        ),
        (Refusal::Unanswered, &["servers.scope"]),
        (
            Refusal::TimedOut {
                server: files(),
                limit: Duration::from_secs(300),
                setting: "timeout",
            },
            &["servers.timeout", "servers.timeout_total"],
        ),
    ]
}
