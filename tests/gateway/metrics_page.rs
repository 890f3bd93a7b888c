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

/// What a heading is linked by.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

#[test]
fn every_alert_names_a_section_of_the_page_that_says_what_to_do() {
    let page = fs::read_to_string("docs/TROUBLESHOOTING.md").unwrap();
    let headings = page.lines().filter_map(|line| line.strip_prefix("### "));
    let sections: Vec<String> = headings.map(anchor).collect();
    let alerts = fs::read_to_string("deploy/prometheus/rules/mcpgate.alerts.yml").unwrap();
    let mut links = 0;
    for line in alerts.lines().map(str::trim) {
        let Some(link) = line.strip_prefix("runbook_url: ") else {
            continue;
        };
        links += 1;
        let section = link.strip_prefix("docs/TROUBLESHOOTING.md#").expect(link);
        assert!(sections.iter().any(|known| known == section), "{link}");
    }
    assert_eq!(links, alerts.matches("- alert: ").count());
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
