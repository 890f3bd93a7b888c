//! `docs/REFUSALS.md`: every way the gateway says no, from the code that says it.

use std::{collections::BTreeSet, fmt::Write as _};

use mcpgate::refusal::{Reason, Refusal, Stage};

use super::{generated, samples::samples, settings};

const INTRO: &str = "# Refusals

<!-- Written by a test: UPDATE_DOCS=1 cargo test docs -->

Every way in which the gateway itself says no, in the words that a client reads. What a server \
answers is never changed, its errors included: what does not stand here comes from the server.

A refused MCP request is a JSON-RPC error with the *code*, and the HTTP status under *MCP*: nearly \
always 200, because clients such as LibreChat drop the whole connection at anything else. \
`refuse_with_status = true` under `[gateway]` gives those the status in the next column. The last \
one is that of [plain HTTP](ENDPOINTS.md#without-mcp) (`/mcp/tools`, `/mcp/call-tool`), whose \
body is `{\"error\":\"…\"}`. A client of 2026-07-28 gets 400 where another gets 200, as that \
revision has it, and -32602 for a resource that is not there. *retry* is there where the answer \
says when to try again: in `data.retry_after` of the error, in `Retry-After` under a status.

*reason* is the label of `mcp_refusals_total` ([METRICS.md](METRICS.md)).

What is not allowed is answered as what does not exist. Which rule it was says \
`mcpgate explain`, and the [audit log](OPERATIONS.md#the-audit-log); the client does not learn it.

";

/// The stages, in the order of a call.
const STAGES: [Stage; 7] = [
    Stage::Accept,
    Stage::Authenticate,
    Stage::Authorise,
    Stage::Limit,
    Stage::Route,
    Stage::Forward,
    Stage::Observe,
];

fn row(refusal: &Refusal, settings: &[&str]) -> String {
    let links = settings.iter().map(|place| {
        let (table, key) = place.split_once('.').unwrap();
        format!("[`{key}`](SETTINGS.md#{table}.{key})")
    });
    let links = links.collect::<Vec<_>>().join(", ");
    let words = refusal.to_string().replace('|', "\\|");
    let retry = refusal.retry_after().map_or("", |_| "yes");
    format!(
        "| {words} | `{}` | {} | {} | {} | {} | {retry} | {links} |\n",
        refusal.reason().name(),
        refusal.code(),
        refusal.status().as_u16(),
        refusal.telling_status().as_u16(),
        refusal.plain_status().as_u16(),
    )
}

fn heading(stage: Stage) -> &'static str {
    match stage {
        Stage::Accept => "Before it is a call (`accept`)",
        Stage::Authenticate => "Who is calling (`authenticate`)",
        Stage::Authorise => "What they may do (`authorise`)",
        Stage::Limit => "How much (`limit`)",
        Stage::Route => "Which server (`route`)",
        Stage::Forward => "On the way to the server, and back (`forward`)",
        Stage::Observe => "Whether it can be recorded (`observe`)",
    }
}

#[test]
fn every_refusal_stands_in_its_page_with_its_code_its_status_and_its_setting() {
    let samples = samples();
    let shown: BTreeSet<_> = samples
        .iter()
        .map(|(refusal, _)| refusal.reason().name())
        .collect();
    assert_eq!(
        shown,
        Reason::ALL.iter().map(|reason| reason.name()).collect()
    );

    let mut page = INTRO.to_owned();
    for stage in STAGES {
        write!(page, "## {}\n\n", heading(stage)).unwrap();
        page.push_str(
            "| words | reason | code | MCP | `refuse_with_status` | plain | retry | decided by |\n",
        );
        page.push_str("|---|---|---|---|---|---|---|---|\n");
        let here = samples
            .iter()
            .filter(|(refusal, _)| refusal.stage() == stage);
        page.extend(here.map(|(refusal, settings)| row(refusal, settings)));
        page.push('\n');
    }
    generated("docs/REFUSALS.md", &format!("{}\n", page.trim_end()));
}

#[test]
fn every_setting_that_decides_a_refusal_is_one() {
    let known = settings::names();
    for (refusal, places) in samples() {
        for place in places {
            assert!(known.contains(*place), "{refusal}: {place}");
        }
    }
}
