#!/usr/bin/env python3
"""Writes dashboards/mcpgate.json: what stands in the dashboard, row by row, to be read and changed.

    deploy/grafana/dashboard.py            writes the file
    deploy/grafana/dashboard.py --check    says whether it is what this script writes
"""

import json
import pathlib
import sys

FILE = pathlib.Path(__file__).parent / "dashboards" / "mcpgate.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# The gateways that are chosen above, and the servers.
GATE = 'job=~"$job", instance=~"$instance"'
SERVER = GATE + ', server=~"$server"'
STEP = "[$__rate_interval]"


def quantile(of, metric, labels, where):
    rate = f"sum by ({labels}, le) (rate({metric}_bucket{{{where}}}{STEP}))"
    return f"histogram_quantile({of}, {rate})"


def rate(metric, labels, where):
    return f"sum by ({labels}) (rate({metric}{{{where}}}{STEP}))"


def top(count, query):
    return f"topk({count}, {query})"


def stat(title, query, unit="short", says="", **more):
    return panel("stat", title, [(query, "")], unit, says, 4, 4, **more)


def lines(title, *queries, unit="short", says="", width=8, **more):
    return panel("timeseries", title, queries, unit, says, width, 8, **more)


def heat(title, metric, unit, says):
    query = f"sum by (le) (increase({metric}_bucket{{{SERVER}}}{STEP}))"
    made = panel("heatmap", title, [(query, "{{le}}")], unit, says, 12, 9)
    made["targets"][0]["format"] = "heatmap"
    made["options"] = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Spectral", "steps": 64},
        "yAxis": {"unit": unit, "axisPlacement": "left"},
        "cellGap": 1,
        "tooltip": {"show": True, "yHistogram": True},
    }
    return made


def panel(kind, title, queries, unit, says, width, height, bad_above=None, bad_below=None, most=None):
    defaults = {"unit": unit, "min": 0}
    if most is not None:
        defaults["max"] = most
    if bad_above is not None:
        defaults["thresholds"] = steps("green", bad_above, "red")
    if bad_below is not None:
        defaults["thresholds"] = steps("red", bad_below, "green")
    targets = [
        {
            "refId": chr(ord("A") + number),
            "datasource": SOURCE,
            "expr": query,
            "legendFormat": legend,
            "range": True,
        }
        for number, (query, legend) in enumerate(queries)
    ]
    made = {
        "type": kind,
        "title": title,
        "description": says,
        "datasource": SOURCE,
        "gridPos": {"w": width, "h": height},
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }
    if kind == "timeseries":
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    return made


def steps(low, at, high):
    return {"mode": "absolute", "steps": [{"color": low, "value": None}, {"color": high, "value": at}]}


TROUBLE = (
    f'(sum(rate(mcp_requests_total{{{GATE}, outcome="error"}}{STEP})) '
    f"+ (sum(rate(mcp_server_failures_total{{{GATE}}}{STEP})) or vector(0)))"
)

ROWS = {
    "Overview": [
        stat("Gateways that answer", f"sum(up{{{GATE}}})", bad_below=1, says="Those that Prometheus can read."),
        stat("Requests", f"sum(rate(mcp_requests_total{{{GATE}}}{STEP}))", "reqps"),
        stat(
            "Failed",
            f"{TROUBLE} / (sum(rate(mcp_requests_total{{{GATE}}}{STEP})) > 0)",
            "percentunit",
            "Servers' own errors, and requests refused because of a server. Not what policies and limits refuse.",
            bad_above=0.05,
        ),
        stat("99 % are faster than", quantile(0.99, "mcp_request_duration_seconds", "job", SERVER), "s", bad_above=5),
        stat("Servers down", f"count(mcp_server_up{{{GATE}}} == 0) or vector(0)", bad_above=1),
        stat("Sessions", f"sum(mcp_sessions{{{GATE}}})"),
        lines(
            "Requests by how they ended",
            (rate("mcp_requests_total", "outcome", SERVER), "{{outcome}}"),
            unit="reqps",
            width=12,
            says="`error` is a server's own error, `refused` one of the gateway's, `cancelled` the client's end.",
        ),
        lines(
            "Time of requests",
            (quantile(0.5, "mcp_request_duration_seconds", "job", SERVER), "half"),
            (quantile(0.9, "mcp_request_duration_seconds", "job", SERVER), "90 %"),
            (quantile(0.99, "mcp_request_duration_seconds", "job", SERVER), "99 %"),
            unit="s",
            width=12,
        ),
        lines("Version", (f"count by (version) (mcp_build_info{{{GATE}}})", "{{version}}"), width=8),
        lines("Time since the start", (f"mcp_uptime_seconds{{{GATE}}}", "{{instance}}"), unit="s", width=8),
        lines(
            "Requests under way",
            (f"mcp_requests_in_flight{{{GATE}}}", "{{instance}}"),
            width=8,
        ),
    ],
    "Servers": [
        lines("Up", (f"min by (server) (mcp_server_up{{{SERVER}}})", "{{server}}"), most=1, says="1: calls are served."),
        lines("State", (f"sum by (server, state) (mcp_server_state{{{SERVER}}}) > 0", "{{server}} {{state}}")),
        lines("Breaker open", (f"max by (server) (mcp_server_breaker_open{{{SERVER}}})", "{{server}}"), most=1),
        lines("Requests", (rate("mcp_requests_total", "server", SERVER), "{{server}}"), unit="reqps"),
        lines(
            "Servers' own errors",
            (rate("mcp_requests_total", "server", SERVER + ', outcome="error"'), "{{server}}"),
            unit="reqps",
        ),
        lines(
            "Refused because of a server",
            (f"{rate('mcp_server_failures_total', 'server, reason', SERVER)} > 0", "{{server}} {{reason}}"),
            unit="reqps",
        ),
        lines(
            "99 % are faster than",
            (quantile(0.99, "mcp_request_duration_seconds", "server", SERVER), "{{server}}"),
            unit="s",
        ),
        lines(
            "Connections lost, requests sent again",
            (rate("mcp_server_restarts_total", "server", SERVER), "{{server}} lost"),
            (rate("mcp_server_retries_total", "server", SERVER), "{{server}} sent again"),
            unit="cps",
        ),
        lines("Tools on offer", (f'max by (server) (mcp_server_offers{{{SERVER}, list="tools"}})', "{{server}}")),
    ],
    "Tools": [
        lines(
            "Most called",
            (top(10, rate("mcp_tool_calls_total", "server, tool_name", SERVER)), "{{server}} {{tool_name}}"),
            unit="reqps",
        ),
        lines(
            "Most failing",
            (
                top(10, rate("mcp_tool_calls_total", "server, tool_name", SERVER + ', outcome!="ok"')),
                "{{server}} {{tool_name}}",
            ),
            unit="reqps",
            says="All that did not end well: errors, refusals, cancelled calls.",
        ),
        lines(
            "Slowest (99 % are faster)",
            (
                top(10, quantile(0.99, "mcp_tool_call_duration_seconds", "server, tool_name", SERVER)),
                "{{server}} {{tool_name}}",
            ),
            unit="s",
        ),
    ],
    "Callers and refusals": [
        lines(
            "Calls of tools by role",
            (rate("mcp_tool_calls_total", "role, outcome", SERVER), "{{role}} {{outcome}}"),
            unit="reqps",
        ),
        lines(
            "Refusals by stage",
            (rate("mcp_refusals_total", "stage", GATE), "{{stage}}"),
            unit="reqps",
            says="Where on its way a request was refused.",
        ),
        lines(
            "Refusals by reason",
            (f"{rate('mcp_refusals_total', 'reason', GATE)} > 0", "{{reason}}"),
            unit="reqps",
        ),
        lines(
            "Tools that a role may not call",
            (top(10, rate("mcp_permission_denials_total", "role, tool_name", GATE)), "{{role}} {{tool_name}}"),
            unit="reqps",
        ),
        lines("Calls that a limit refused", (rate("mcp_rate_limited_total", "limit", GATE), "{{limit}}"), unit="reqps"),
        lines(
            "Failed sign-ins",
            (rate("mcp_auth_failures_total", "scheme, reason", GATE), "{{scheme}} {{reason}}"),
            unit="reqps",
            says="`none missing` is whoever asks without a key, as clients do that look for OAuth.",
        ),
    ],
    "Latency and size": [
        heat("Time of requests", "mcp_request_duration_seconds", "s", "How many requests took how long."),
        heat("Wait for a place at a server", "mcp_server_queue_wait_seconds", "s", "Only calls that found none at once."),
        heat("Size of requests", "mcp_request_size_bytes", "bytes", "As clients wrote them."),
        heat("Size of answers", "mcp_response_size_bytes", "bytes", "Before compression."),
    ],
    "Sessions and streams": [
        lines(
            "Sessions",
            (f"sum by (transport, revision) (mcp_sessions{{{GATE}}})", "{{transport}} {{revision}}"),
        ),
        lines(
            "Opened, and ended for others",
            (f"sum(rate(mcp_sessions_opened_total{{{GATE}}}{STEP}))", "opened"),
            (f"sum(rate(mcp_sessions_displaced_total{{{GATE}}}{STEP}))", "ended for others"),
            unit="cps",
        ),
        lines("Streams open", (f"sum by (instance) (mcp_streams{{{GATE}}})", "{{instance}}")),
        lines("Connections", (f"sum by (instance) (mcp_connections{{{GATE}}})", "{{instance}}")),
        lines(
            "Connections accepted",
            (f"sum(rate(mcp_connections_total{{{GATE}}}{STEP}))", "accepted"),
            unit="cps",
        ),
        lines(
            "Connections refused",
            (rate("mcp_connections_refused_total", "setting", GATE), "{{setting}}"),
            unit="cps",
        ),
    ],
    "Limits and queues": [
        lines(
            "Room that is taken",
            (f"sum by (instance) (mcp_sessions{{{GATE}}}) / on (instance) mcp_max_sessions{{{GATE}}}", "sessions {{instance}}"),
            (f"mcp_connections{{{GATE}}} / on (job, instance) mcp_max_connections{{{GATE}}}", "connections {{instance}}"),
            (f"mcp_buffered_bytes{{{GATE}}} / on (job, instance) mcp_max_buffered_bytes{{{GATE}}}", "large requests {{instance}}"),
            (f"process_open_fds{{{GATE}}} / on (job, instance) process_max_fds{{{GATE}}}", "files {{instance}}"),
            unit="percentunit",
            most=1,
            width=12,
        ),
        lines(
            "Places that are taken at servers",
            (
                f"sum by (server) (mcp_server_calls_in_flight{{{SERVER}}}) / sum by (server) (mcp_server_max_in_flight{{{SERVER}}})",
                "{{server}}",
            ),
            unit="percentunit",
            most=1,
            width=12,
        ),
        lines("Calls that wait for a place", (f"sum by (server) (mcp_server_calls_waiting{{{SERVER}}})", "{{server}}")),
        lines(
            "Wait for a place (99 % are shorter)",
            (quantile(0.99, "mcp_server_queue_wait_seconds", "server", SERVER), "{{server}}"),
            unit="s",
        ),
        lines("Calls that got none", (rate("mcp_server_calls_crowded_out_total", "server", SERVER), "{{server}}"), unit="reqps"),
        lines(
            "Audit records",
            (f"sum(rate(mcp_audit_written_total{{{GATE}}}{STEP}))", "written"),
            (f"sum(rate(mcp_audit_dropped_total{{{GATE}}}{STEP}))", "no room"),
            (f"sum(rate(mcp_audit_failed_total{{{GATE}}}{STEP}))", "not written"),
            unit="cps",
        ),
        lines("Reloads", (f"sum by (outcome) (increase(mcpgate_reloads_total{{{GATE}}}[$__range]))", "{{outcome}}")),
        lines(
            "Age of the configuration in force",
            (f"time() - mcpgate_last_reload_success_timestamp_seconds{{{GATE}}}", "{{instance}}"),
            unit="s",
        ),
    ],
    "Process": [
        lines("Processor", (f"rate(process_cpu_seconds_total{{{GATE}}}{STEP})", "{{instance}}"), says="1 is one core."),
        lines("Memory", (f"process_resident_memory_bytes{{{GATE}}}", "{{instance}}"), unit="bytes"),
        lines(
            "Files, pipes and sockets",
            (f"process_open_fds{{{GATE}}}", "{{instance}}"),
            (f"process_max_fds{{{GATE}}}", "{{instance}} may"),
        ),
        lines(
            "Certificate is valid for",
            (f"mcp_certificate_expiry_timestamp_seconds{{{GATE}}} - time()", "{{instance}}"),
            unit="s",
            says="Nothing where the gateway speaks plain HTTP.",
        ),
    ],
}


def variable(name, query, label):
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def laid_out():
    panels, y, number = [], 0, 0
    for row, contents in ROWS.items():
        number += 1
        panels.append(
            {"type": "row", "title": row, "id": number, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}}
        )
        x, y, height = 0, y + 1, 0
        for made in contents:
            number += 1
            width = made["gridPos"]["w"]
            if x + width > 24:
                x, y, height = 0, y + height, 0
            made["gridPos"].update(x=x, y=y)
            made["id"] = number
            panels.append(made)
            x, height = x + width, max(height, made["gridPos"]["h"])
        y += height
    return panels


def dashboard():
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "current": {}}
    variables = [
        source,
        variable("job", "label_values(mcp_build_info, job)", "Job"),
        variable("instance", 'label_values(mcp_build_info{job=~"$job"}, instance)', "Gateway"),
        variable("server", f"label_values(mcp_requests_total{{{GATE}}}, server)", "Server"),
    ]
    return {
        "uid": "mcpgate",
        "title": "mcpgate",
        "description": "What docs/METRICS.md describes. Written by deploy/grafana/dashboard.py.",
        "tags": ["mcp"],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": variables},
        "annotations": {
            "list": [
                {
                    "name": "Reloads",
                    "datasource": SOURCE,
                    "enable": True,
                    "iconColor": "blue",
                    "expr": f"changes(mcpgate_last_reload_success_timestamp_seconds{{{GATE}}}[1m]) > 0",
                    "titleFormat": "Configuration reloaded",
                }
            ]
        },
        "panels": laid_out(),
    }


def main():
    text = json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text() != text:
            sys.exit(f"{FILE} is not what {sys.argv[0]} writes: run it")
        return
    FILE.write_text(text)


main()
