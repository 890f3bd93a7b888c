#!/usr/bin/env python3
"""A gateway under load, watched by a real Prometheus: `tests/prometheus/run`."""

import collections
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import load
from world import World, until

DASHBOARD = pathlib.Path("deploy/grafana/dashboards/mcpgate.json")
VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$job": "mcpgate.*", "$instance": ".*", "$server": ".*"}
# Which labels of each counter the load knows of; the others are added up.
COUNTED = {
    "mcp_tool_calls_total": ("tool_name", "server", "role", "outcome"),
    "mcp_requests_total": ("server", "outcome"),
    "mcp_refusals_total": ("reason",),
    "mcp_server_failures_total": ("server", "reason"),
    "mcp_permission_denials_total": ("tool_name", "role"),
    "mcp_rate_limited_total": ("limit",),
    "mcp_auth_failures_total": ("scheme", "reason"),
    "mcp_server_calls_crowded_out_total": ("server",),
    "mcp_server_queue_wait_seconds_count": ("server",),
}


def run(world):
    """The load, in two halves."""
    # A process that was started again and again, as Prometheus sees it.
    started = f'changes(process_start_time_seconds{{instance="127.0.0.1:{world.port}"}}[15m])'
    world.scraped()
    for times in range(3):
        world.restart()
        until("the new start", lambda: any(value > times for _, value in world.query(started)))
    sent = load.Sent()
    ada, gus = load.Caller(world, "ada").open(), load.Caller(world, "gus").open()
    for _half in range(load.HALVES):
        load.tools(sent, ada, gus)
        world.scraped()
    load.limited(sent, gus)
    load.slow(sent, ada)
    load.crowded(sent, world, ada)
    load.unknown(sent, ada, 500)
    load.guesses(sent, world)
    kept = load.crowd(world)
    world.leaving.stop()
    until("the server that is down", lambda: 'mcp_server_up{server="gone"} 0' in world.metrics())
    # As an editor leaves it that knows no TOML.
    (world.folder / "servers.toml").write_text("[gateway\n")
    until("the reload", lambda: "mcpgate_last_reload_successful 0" in world.metrics())
    world.scraped()
    return sent, kept


def counters(world, sent):
    """Where the counters differ from what was sent."""
    ours = f'job="mcpgate", instance="127.0.0.1:{world.port}"'
    wrong = []
    for metric, labels in COUNTED.items():
        found = collections.Counter()
        for series, value in world.query(f"sum by ({', '.join(labels)}) ({metric}{{{ours}}})"):
            found[tuple(series[label] for label in labels)] += value
        # What is registered and never happened stands there as 0.
        found = {key: value for key, value in found.items() if value}
        expected = dict(sent.counts[metric])
        for key in sorted(found.keys() | expected.keys()):
            if found.get(key, 0) != expected.get(key, 0):
                wrong.append(f"{metric}{key}: {found.get(key, 0):g}, and {expected.get(key, 0)} were sent")
    return wrong


def totals(world, sent):
    """Whether the numbers that are derived agree: histograms, the old names, the other job."""
    ours = f'job="mcpgate", instance="127.0.0.1:{world.port}"'
    requests = sent.counts["mcp_requests_total"]
    every = sum(requests.values())
    failed = sum(count for (_, outcome), count in requests.items() if outcome != "ok")
    tools = sum(sent.counts["mcp_tool_calls_total"].values())
    expected = {
        f"sum(mcp_request_duration_seconds_count{{{ours}}})": every,
        f'sum(mcp_request_duration_seconds_bucket{{{ours}, le="+Inf"}})': every,
        f"sum(mcp_request_size_bytes_count{{{ours}}})": every,
        f"sum(mcp_response_size_bytes_count{{{ours}}})": every,
        f"sum(mcp_tool_call_duration_seconds_count{{{ours}}})": tools,
        f"sum(mcp_requests_failed{{{ours}}})": failed,
        # Read from another address, with a key.
        'sum(mcp_requests_total{job="mcpgate-lan"})': every,
        f"mcpgate_reloads_total{{{ours}, outcome='failed'}}": 1,
    }
    found = {query: [value for _, value in world.query(query)] for query in expected}
    return [f"{query}: {found[query]}, not {value}" for query, value in expected.items() if found[query] != [value]]


def names(world):
    """What promtool finds wrong with the page, but for the names that were there before it."""
    checked = subprocess.run(["promtool", "check", "metrics"], input=world.metrics(), text=True, capture_output=True)
    said = (checked.stdout + checked.stderr).splitlines()
    return [line for line in said if not line.startswith(("mcp_requests_failed ", "mcp_response_time_avg "))]


def rules(world):
    """What is wrong with rules and alerts: each has to say something here."""
    wrong, count = [], 0
    for group in world.ask("rules")["groups"]:
        for rule in group["rules"]:
            count += 1
            name = rule["name"]
            if rule["health"] != "ok":
                wrong.append(f"{name}: {rule.get('lastError', rule['health'])}")
            elif rule["type"] == "recording":
                wrong += [f"{name} records nothing"] * (not speaks(world, name))
            elif rule["state"] == "inactive":
                wrong.append(f"{name} does not fire: {rule['query']}")
            else:
                notes = [text for alert in rule["alerts"] for text in alert["annotations"].values()]
                wrong += [f"{name}: {text}" for text in notes if "<no value>" in text or "<error" in text]
    print(f"{count} rules and alerts")
    return wrong


def speaks(world, query):
    """Whether a query finds a number."""
    return any(not math.isnan(value) for _, value in world.query(query))


def filled(query):
    """A query with the dashboard's variables in it."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return query


def dashboard(world):
    """What is wrong with the dashboard's queries."""
    made = json.loads(DASHBOARD.read_text())
    queries = [(panel["title"], filled(target["expr"])) for panel in made["panels"] for target in panel.get("targets", [])]
    wrong = []
    for title, query in queries:
        try:
            wrong += [f"{title}: nothing: {query}"] * (not speaks(world, query))
        except ValueError as error:
            wrong.append(f"{title}: {error}")
    for note in made["annotations"]["list"]:
        world.query(filled(note["expr"]))  # it is there only when something has happened
    for variable in made["templating"]["list"]:
        found = variable["query"]
        if variable["type"] == "query":
            metric, label = found["query"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            values = {series.get(label) for series, _ in world.query(filled(metric))}
            wrong += [f"variable {variable['name']} has no values"] * (not values - {None})
    print(f"{len(queries)} queries of the dashboard")
    return wrong


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        world.watch()
        sent, _kept = run(world)
        calls = sum(sent.counts["mcp_requests_total"].values())
        print(f"{calls} requests, {len(COUNTED)} counters")
        wrong = counters(world, sent) + totals(world, sent) + names(world) + rules(world) + dashboard(world)
        world.prometheus.stop()  # it writes to the folder
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        sys.exit(f"{len(wrong)} things are not as they should be")
    print("all as sent, and everything says something")


main()
