//! What is measured in turns: every kind of server, every size of answer, few and many sessions.

use super::behind::Upstream;
use crate::bed::load::{Aim, Job};

/// One line of the table.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    /// `http-100B-64`.
    pub(super) name: String,
    /// What stands behind.
    pub(super) upstream: Upstream,
    /// Whether the clients speak 2026-07-28.
    pub(super) stateless: bool,
    /// What each turn does.
    pub(super) job: Job,
    /// Bytes of the answer.
    pub(super) size: usize,
    /// Whether the server answers with a stream of events.
    pub(super) events: bool,
    /// Sessions at once.
    pub(super) sessions: usize,
    /// Whether a bar is measured by it, which is worth more rounds.
    pub(super) bar: bool,
}

/// How a family is called, what stands behind, whether its clients are stateless, and whether the
/// server answers with events.
const FAMILIES: [(&str, Upstream, bool, bool); 5] = [
    ("http", Upstream::Http, false, false),
    ("events", Upstream::Http, false, true),
    ("stdio", Upstream::Stdio, false, false),
    ("sse", Upstream::Sse, false, false),
    ("stateless", Upstream::Stateless, true, false),
];

const SIZES: [(&str, usize); 3] = [("100B", 100), ("64KiB", 65_536), ("1MiB", 1_048_576)];

/// What the bars are measured by.
const BARS: [&str; 5] = [
    "http-100B-1",
    "http-100B-64",
    "http-1MiB-16",
    "stdio-100B-64",
    "list-16",
];

/// All of them.
pub(super) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (family, upstream, stateless, events) in FAMILIES {
        for (written, size) in SIZES {
            for sessions in [1, 16, 64] {
                all.push(Scenario {
                    name: format!("{family}-{written}-{sessions}"),
                    upstream,
                    stateless,
                    size,
                    events,
                    sessions,
                    ..Scenario::plain()
                });
            }
        }
    }
    let bridged = |name: &str, upstream, stateless| Scenario {
        name: name.to_owned(),
        upstream,
        stateless,
        ..Scenario::plain()
    };
    all.push(bridged("old-to-new-100B-64", Upstream::Stateless, false));
    all.push(bridged("new-to-old-100B-64", Upstream::Http, true));
    all.push(Scenario {
        name: "churn-16".to_owned(),
        job: Job::Churn,
        sessions: 16,
        ..Scenario::plain()
    });
    for sessions in [1, 16] {
        all.push(Scenario {
            name: format!("list-{sessions}"),
            upstream: Upstream::Ten,
            job: Job::List(500),
            size: 100_000,
            sessions,
            ..Scenario::plain()
        });
    }
    for scenario in &mut all {
        scenario.bar = BARS.contains(&scenario.name.as_str());
    }
    all
}

impl Scenario {
    fn plain() -> Self {
        Self {
            name: String::new(),
            upstream: Upstream::Http,
            stateless: false,
            job: Job::Call,
            size: 100,
            events: false,
            sessions: 64,
            bar: false,
        }
    }

    /// How it is asked of somebody who is called like this.
    pub(super) fn aim(&self, at: &Aim) -> Aim {
        let tool = match (self.events, self.size) {
            (true, size) => format!("events_{size}"),
            (false, 100) => "tool_100".to_owned(),
            (false, size) => format!("large_{size}"),
        };
        let answer = match (self.job, self.size) {
            (Job::List(_), _) => "inputSchema",
            (_, 100) => r#""text":"42""#,
            _ => "xxxx\"}",
        };
        Aim {
            job: self.job,
            tool: at.tool.replace("tool_100", &tool),
            answer: answer.to_owned(),
            // Heads count, too.
            least: self.size,
            ..at.clone()
        }
    }
}
