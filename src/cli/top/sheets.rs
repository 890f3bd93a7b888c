//! What is shown, one table for each view.

use super::{
    cells::{Cell, Sheet, Tone, lasting},
    page::{Page, Server, Timed, Tool},
    window::{Window, failed},
};
use crate::observe::Outcomes;

/// What can be looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Servers,
    Tools,
    Roles,
    Callers,
    Refusals,
    Sessions,
    Recent,
}

impl View {
    pub(super) const ALL: [Self; 7] = [
        Self::Servers,
        Self::Tools,
        Self::Roles,
        Self::Callers,
        Self::Refusals,
        Self::Sessions,
        Self::Recent,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Servers => "Servers",
            Self::Tools => "Tools",
            Self::Roles => "Roles",
            Self::Callers => "Callers",
            Self::Refusals => "Refusals",
            Self::Sessions => "Sessions",
            Self::Recent => "Recent",
        }
    }

    /// What there is to see; nothing before the first page.
    pub(super) fn sheet(self, window: &Window) -> Sheet {
        let (head, empty): (&[&'static str], _) = match self {
            Self::Servers => (&SERVERS, "no servers"),
            Self::Tools => (
                &[
                    "TOOL", "SERVER", "ROLE", "CALLS", "FAILED", "CALLS/S", "P50", "P90", "P99",
                ],
                "no calls yet",
            ),
            Self::Roles => (&["ROLE", "CALLS", "FAILED", "CALLS/S"], "no calls yet"),
            Self::Callers => (
                &[
                    "CALLER",
                    "SESSIONS",
                    "OF THE LAST 100",
                    "FAILED",
                    "LAST REQUEST",
                ],
                "nobody has a session",
            ),
            Self::Refusals => (&["WHY", "WHAT", "ROLE", "COUNT"], "nothing was refused"),
            Self::Sessions => (&["TRANSPORT", "REVISION", "SESSIONS"], "no sessions"),
            Self::Recent => (
                &["TIME", "CALLER", "SERVER", "WHAT", "OUTCOME", "TOOK"],
                "no requests yet",
            ),
        };
        let rows = window.now().map(|page| self.rows(window, page));
        Sheet {
            head: head.to_vec(),
            rows: rows.unwrap_or_default(),
            empty,
        }
    }

    fn rows(self, window: &Window, page: &Page) -> Vec<Vec<Cell>> {
        match self {
            Self::Servers => servers(window, page),
            Self::Tools => tools(window, page),
            Self::Roles => roles(window, page),
            Self::Callers => callers(page),
            Self::Refusals => refusals(page),
            Self::Sessions => sessions(page),
            Self::Recent => recent(page),
        }
    }
}

const SERVERS: [&str; 13] = [
    "SERVER", "STATE", "CALLS", "CALLS/S", "FAILED", "FAILED/S", "P50", "P90", "P99", "FLIGHT",
    "QUEUE", "RESTARTS", "ERROR",
];

fn servers(window: &Window, page: &Page) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (name, server) in &page.servers {
        let mut row = vec![Cell::words(name), state(server)];
        let of = |page: &Page| {
            page.servers
                .get(name)
                .map(|server| server.requests.outcomes)
        };
        row.extend(outcomes(window, &server.requests.outcomes, of));
        row.extend(times(window, &server.requests, |page| {
            page.servers.get(name).map(|server| &server.requests)
        }));
        row.extend([
            Cell::count(server.in_flight),
            Cell::trouble(server.waiting),
            Cell::count(server.restarts),
            Cell::words(server.error.as_deref().unwrap_or_default()).in_tone(Tone::Bad),
        ]);
        rows.push(row);
    }
    let own = &page.gateway;
    let mut row = vec![
        Cell::words("(gateway)").in_tone(Tone::Faint),
        Cell::words("").in_tone(Tone::Faint),
    ];
    row.extend(outcomes(window, &own.outcomes, |page| {
        Some(page.gateway.outcomes)
    }));
    row.extend(times(window, own, |page| Some(&page.gateway)));
    row.extend([
        Cell::words(""),
        Cell::words(""),
        Cell::words(""),
        Cell::words(""),
    ]);
    rows.push(row);
    rows
}

fn state(server: &Server) -> Cell {
    let tone = match server.state.as_str() {
        "up" => Tone::Good,
        "idle" => Tone::Faint,
        "down" => Tone::Bad,
        _ => Tone::Odd,
    };
    Cell::words(&server.state).in_tone(tone)
}

/// Calls, those of a second, those that failed, and those of a second.
fn outcomes(
    window: &Window,
    now: &Outcomes,
    before: impl Fn(&Page) -> Option<Outcomes>,
) -> [Cell; 4] {
    let calls = window.rate(now.total(), |page| before(page).map(|was| was.total()));
    let failures = window.rate(failed(now), |page| before(page).map(|was| failed(&was)));
    let bad = failures.per_second.is_some_and(|rate| rate > 0.0);
    let tone = if bad { Tone::Bad } else { Tone::Plain };
    [
        Cell::count(calls.count),
        Cell::rate(calls),
        Cell::count(failures.count),
        Cell::rate(failures).in_tone(tone),
    ]
}

fn times<'a>(
    window: &Window,
    now: &Timed,
    before: impl Fn(&Page) -> Option<&Timed> + 'a,
) -> [Cell; 3] {
    [0.5, 0.9, 0.99].map(|share| Cell::time(window.quantile(now, &before, share)))
}

fn tools(window: &Window, page: &Page) -> Vec<Vec<Cell>> {
    let rows = page.tools.iter().map(|tool| {
        let before = |page: &Page| same(page, tool).map(|was| was.requests.outcomes);
        let [calls, rate, failures, _] = outcomes(window, &tool.requests.outcomes, before);
        let mut row = vec![
            Cell::words(&tool.tool),
            Cell::words(&tool.server),
            role(&tool.role),
            calls,
            failures,
            rate,
        ];
        row.extend(times(window, &tool.requests, |page| {
            same(page, tool).map(|was| &was.requests)
        }));
        row
    });
    rows.collect()
}

/// What another page says of the same.
fn same<'a>(page: &'a Page, tool: &Tool) -> Option<&'a Tool> {
    let mut all = page.tools.iter();
    all.find(|was| was.tool == tool.tool && was.server == tool.server && was.role == tool.role)
}

fn roles(window: &Window, page: &Page) -> Vec<Vec<Cell>> {
    let rows = page.roles.iter().map(|(name, now)| {
        let before = |page: &Page| page.roles.get(name).copied();
        let [calls, rate, failures, _] = outcomes(window, now, before);
        vec![role(name), calls, failures, rate]
    });
    rows.collect()
}

fn role(name: &str) -> Cell {
    match name {
        "none" => Cell::words("(none)").in_tone(Tone::Faint),
        name => Cell::words(name),
    }
}

fn callers(page: &Page) -> Vec<Vec<Cell>> {
    let rows = page.callers.iter().map(|caller| {
        vec![
            Cell::words(&caller.caller),
            Cell::count(caller.sessions),
            Cell::count(caller.recent_requests),
            Cell::trouble(caller.recent_failed),
            Cell::words(&caller.last_request.map_or(String::new(), time_of_day)),
        ]
    });
    rows.collect()
}

fn sessions(page: &Page) -> Vec<Vec<Cell>> {
    let rows = page.sessions.iter().map(|one| {
        vec![
            Cell::words(&one.transport),
            Cell::words(&one.revision),
            Cell::count(one.count),
        ]
    });
    rows.collect()
}

fn refusals(page: &Page) -> Vec<Vec<Cell>> {
    let all = &page.refusals;
    let row = |why: &str, what: &str, of: Cell, count: u64| {
        vec![Cell::words(why), Cell::words(what), of, Cell::count(count)]
    };
    let none = || Cell::words("");
    let reasons = all.reasons.iter();
    let mut rows: Vec<_> = reasons
        .map(|one| row(&one.stage, &one.reason, none(), one.count))
        .collect();
    rows.extend(
        all.limits
            .iter()
            .map(|(limit, count)| row("limit", limit, none(), *count)),
    );
    rows.extend(
        all.denied
            .iter()
            .map(|one| row("not allowed", &one.tool, role(&one.role), one.count)),
    );
    rows.extend(all.sign_ins.iter().map(|one| {
        let what = format!("{}: {}", one.scheme, one.reason);
        row("sign-in", &what, none(), one.count)
    }));
    rows
}

fn recent(page: &Page) -> Vec<Vec<Cell>> {
    let rows = page.recent_requests.iter().map(|one| {
        let what = match one.tool.is_empty() {
            true => &one.method,
            false => &one.tool,
        };
        let tone = match one.outcome.as_str() {
            "ok" => Tone::Good,
            "error" | "refused" => Tone::Bad,
            _ => Tone::Odd,
        };
        let mut took = Cell::words(&lasting(one.duration));
        took.weight = Some(one.duration);
        vec![
            Cell::words(&one.time.map_or(String::new(), time_of_day)),
            Cell::words(&one.caller),
            Cell::words(&one.server),
            Cell::words(what),
            Cell::words(&one.outcome).in_tone(tone),
            took,
        ]
    });
    rows.collect()
}

/// As clocks on this machine show it.
fn time_of_day(time: jiff::Timestamp) -> String {
    let zone = jiff::tz::TimeZone::system();
    time.to_zoned(zone).strftime("%H:%M:%S").to_string()
}
