//! What `/metrics` shows: what the table in the code says, no more, no less.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use mcpgate::{
    authenticate::hash_of,
    observe::metrics::{self, Kind, Metric},
};

use crate::support::{Answer, Client, Gateway, Heard, HttpServer, Modern};

const POLICY: &str = "[roles.reader]\nallow = [\"up/read\", \"up/fail\", \"gone/*\"]\n\
                      limits = [{ calls = 3, per = \"1h\" }]\n";

async fn at_work(servers: &str) -> (Gateway, HttpServer) {
    let server = HttpServer::with_tools(&["read", "fail", "drop"]).await;
    server.on("tools/call", |heard: &Heard| {
        match heard.param("name").as_str() {
            Some("fail") => Answer::error(heard, r#"{"code":-32603,"message":"no"}"#),
            _ => Answer::result(heard, r#"{"content":[]}"#),
        }
    });
    let key = hash_of("key");
    let policy = format!("[keys.alice]\nhash = \"{key}\"\nrole = \"reader\"\n{POLICY}");
    let gateway = Gateway::with_policy(&format!("{servers}{}", server.table("up")), &policy).await;
    gateway.offers("up").await;
    (gateway, server)
}

fn alice(gateway: &Gateway) -> Client {
    gateway.client().with("x-api-key", "key")
}

async fn page(gateway: &Gateway) -> String {
    let page = alice(gateway).at("/metrics").ask(Method::GET, "").await;
    page.text().to_owned()
}

fn all() -> impl Iterator<Item = &'static Metric> {
    metrics::SECTIONS
        .iter()
        .flat_map(|(_, metrics)| *metrics)
        .copied()
}

/// A line as `name`, labels and value.
fn sample(line: &str) -> (&str, Vec<&str>) {
    let (series, _value) = line.rsplit_once(' ').unwrap();
    let Some((name, labels)) = series.split_once('{') else {
        return (series, Vec::new());
    };
    let labels = labels.strip_suffix("\"}").unwrap().split("\",");
    (
        name,
        labels
            .map(|label| label.split_once("=\"").unwrap().0)
            .collect(),
    )
}

#[tokio::test]
async fn a_gateway_in_use_shows_every_metric_of_the_table_as_it_stands_there_and_no_other() {
    let (gateway, _server) = at_work("").await;
    let client = alice(&gateway).open().await;
    for tool in ["up__read", "up__fail", "up__drop", "up__read", "up__read"] {
        client.call(tool, "{}").await;
    }
    gateway
        .client()
        .with("x-api-key", "guessed")
        .post("{}")
        .await;
    let page = page(&gateway).await;

    let known: BTreeMap<&str, &Metric> = all().map(|metric| (metric.name, metric)).collect();
    assert_eq!(known.len(), all().count(), "one type for each name");
    let (mut told, mut seen, mut family) = (BTreeSet::new(), BTreeSet::new(), "");
    for line in page.lines().filter(|line| !line.is_empty()) {
        if let Some(said) = line.strip_prefix("# HELP ") {
            let (name, help) = said.split_once(' ').unwrap();
            assert_eq!(known[name].help, help);
            continue;
        }
        if let Some(said) = line.strip_prefix("# TYPE ") {
            let (name, kind) = said.split_once(' ').unwrap();
            assert_eq!(known[name].kind.name(), kind, "{name}");
            assert!(told.insert(name), "{name} stands there twice");
            family = name;
            continue;
        }
        let (name, mut labels) = sample(line);
        let part = name.strip_prefix(family).expect(line);
        let metric = known[family];
        if matches!(metric.kind, Kind::Histogram(_)) {
            assert!(["_bucket", "_sum", "_count"].contains(&part), "{line}");
            labels.retain(|label| *label != "le");
        } else {
            assert_eq!(part, "", "{line}");
        }
        assert_eq!(labels, metric.labels, "{line}");
        seen.insert(family);
    }
    // What is shown over TLS alone: `tls.rs` has seen it.
    seen.extend([
        "mcp_certificate_expiry_timestamp_seconds",
        "mcp_tls_handshakes_total",
    ]);
    let missing: Vec<&&str> = known.keys().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "these never show: {missing:?}");
}

#[test]
fn names_follow_the_rules_of_prometheus_but_for_the_old_ones() {
    for metric in all() {
        let name = metric.name;
        let prefixes = ["mcp_", "mcpgate_", "process_"];
        assert!(
            prefixes.iter().any(|prefix| name.starts_with(prefix)),
            "{name}"
        );
        let counts = matches!(metric.kind, Kind::Counter);
        assert!(
            counts == name.ends_with("_total") || name == "mcp_requests_failed",
            "{name}"
        );
        let unit = metric.unit.split(' ').next().unwrap();
        let base = matches!(unit, "seconds" | "bytes") && name != "mcp_response_time_avg";
        assert!(
            !base || name.contains(&format!("_{unit}")),
            "{name} in {unit}"
        );
        assert!(
            !name.contains("milli") && metric.help.ends_with('.'),
            "{name}"
        );
        assert!(
            !metric.help.contains('\n') && !metric.help.contains('|'),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_old_names_say_what_they_said() {
    let (gateway, _server) = at_work("").await;
    let client = alice(&gateway).open().await;
    client.call("up__read", "{}").await;
    client.call("up__fail", "{}").await;
    client.call("up__drop", "{}").await;

    let page = page(&gateway).await;
    let value = |name: &str| {
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().parse::<f64>().unwrap()
    };
    assert_eq!(value("mcp_requests_failed "), 2.0);
    assert!(value("mcp_uptime_seconds ") > 0.0);
    assert!(value("mcp_response_time_avg ") > 0.0);
    assert!(page.contains("mcp_requests_total{server=\"up\",outcome=\"ok\"} 1\n"));
}

#[tokio::test]
async fn calls_are_counted_with_their_time_and_size_by_server_and_by_tool() {
    let (gateway, _server) = at_work("").await;
    let client = alice(&gateway).open().await;
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(5000));
    client.call("up__read", &large).await;
    client.call("up__fail", "{}").await;
    client.call("up__drop", "{}").await;

    let page = page(&gateway).await;
    for line in [
        r#"mcp_request_duration_seconds_count{server="up"} 3"#,
        r#"mcp_request_duration_seconds_bucket{server="up",le="600"} 3"#,
        r#"mcp_request_size_bytes_bucket{server="up",le="4096"} 2"#,
        r#"mcp_request_size_bytes_bucket{server="up",le="16384"} 3"#,
        r#"mcp_response_size_bytes_count{server="up"} 3"#,
        r#"mcp_tool_call_duration_seconds_count{tool_name="read",server="up"} 1"#,
        r#"mcp_tool_calls_total{tool_name="fail",server="up",role="reader",outcome="error"} 1"#,
        r#"mcp_refusals_total{stage="authorise",reason="forbidden"} 1"#,
        r#"mcp_server_offers{server="up",list="tools"} 3"#,
        r#"mcp_server_state{server="up",state="up"} 1"#,
        r#"mcp_server_state{server="up",state="down"} 0"#,
    ] {
        assert!(page.lines().any(|have| have == line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn who_has_come_in_is_counted_by_transport_and_revision() {
    let (gateway, _server) = at_work("").await;
    let _one = alice(&gateway).open_as("2025-06-18").await;
    let listening = alice(&gateway).open().await;
    let _stream = listening.listen().await;
    let modern = Modern::new(alice(&gateway));
    modern.ask("1", "tools/list", "{}").await;

    let page = page(&gateway).await;
    for line in [
        r#"mcp_sessions{transport="http",revision="2025-06-18"} 1"#,
        r#"mcp_sessions{transport="http",revision="2025-11-25"} 1"#,
        r#"mcp_sessions{transport="http",revision="2026-07-28"} 1"#,
        "mcp_sessions_opened_total 3",
        "mcp_max_sessions 10000",
        "mcp_max_connections 1000",
        "mcp_streams 1",
    ] {
        assert!(page.lines().any(|have| have == line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn tools_beyond_those_that_are_counted_apart_are_one_that_is_called_other() {
    let (gateway, _server) = at_work("[metrics]\nmax_tools = 1\n").await;
    let client = alice(&gateway).open().await;
    client.call("up__read", "{}").await;
    client.call("up__fail", "{}").await;
    client.call("up__read", "{}").await;

    let page = page(&gateway).await;
    for line in [
        r#"mcp_tool_calls_total{tool_name="read",server="up",role="reader",outcome="ok"} 2"#,
        r#"mcp_tool_calls_total{tool_name="other",server="up",role="reader",outcome="error"} 1"#,
        r#"mcp_tool_call_duration_seconds_count{tool_name="other",server="up"} 1"#,
    ] {
        assert!(page.lines().any(|have| have == line), "{line}\n{page}");
    }
    assert!(!page.contains("tool_name=\"fail\""));
}

#[tokio::test]
async fn what_a_server_did_not_do_is_counted_against_it_until_it_is_gone() {
    let (gateway, server) = at_work("").await;
    let client = alice(&gateway).open().await;
    let gone = server.leaves().await;
    client.call("up__read", "{}").await;
    let before = page(&gateway).await;
    let failures = |page: &str| {
        let lines = page
            .lines()
            .filter(|line| line.starts_with("mcp_server_failures_total{"));
        lines.filter(|line| line.ends_with(" 1")).count()
    };
    assert_eq!(failures(&before), 1, "{before}");

    gateway.write("servers.toml", "# none\n");
    gateway.reload().await.unwrap();
    let after = page(&gateway).await;
    assert!(!after.contains("mcp_server_"), "{after}");
    assert!(after.contains("mcp_requests_total{server=\"up\",outcome=\"refused\"} 1\n"));
    assert!(after.contains("mcpgate_last_reload_successful 1\n"));
    drop(gone);
}
