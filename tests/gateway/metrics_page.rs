//! `docs/METRICS.md` says what the code and the dashboard say.

use std::{env, fmt::Write, fs};

use mcpgate::observe::metrics;
use serde_json::Value;

const PAGE: &str = "docs/METRICS.md";
const DASHBOARD: &str = "deploy/grafana/dashboards/mcpgate.json";

/// The page, with what stands between two marks replaced.
fn with(page: &str, what: &str, contents: &str) -> String {
    let begin =
        format!("<!-- {what}: written by a test, UPDATE_DOCS=1 cargo test metrics_page -->\n");
    let end = format!("<!-- {what}: the end -->\n");
    let (before, rest) = page.split_once(&begin).expect(what);
    let (_, after) = rest.split_once(&end).expect(what);
    format!("{before}{begin}\n{contents}\n{end}{after}")
}

/// What each panel of the dashboard asks.
fn queries() -> String {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(DASHBOARD).unwrap()).unwrap();
    let mut table = String::from("| row | panel | query |\n|---|---|---|\n");
    let mut row = "";
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        if panel["type"] == "row" {
            row = title;
            continue;
        }
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap().replace('|', "\\|");
            writeln!(table, "| {row} | {title} | `{query}` |").unwrap();
        }
    }
    table
}

#[test]
fn the_page_in_the_docs_says_what_the_code_and_the_dashboard_say() {
    let page = fs::read_to_string(PAGE).unwrap();
    let should = with(&page, "reference", &metrics::reference());
    let should = with(&should, "queries", &queries());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, should).unwrap();
        return;
    }
    let same = page == should;
    assert!(
        same,
        "{PAGE} is not what the code says: UPDATE_DOCS=1 cargo test metrics_page"
    );
}
