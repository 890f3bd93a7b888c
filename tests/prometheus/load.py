"""The load: calls of known number, each with how it has to end, and what that makes of the counters."""

import collections
import http.client
import json
import threading
import time

from world import KEYS, until

JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
HALVES = 2  # so that there is something to be seen between two scrapes


class Caller:
    """One session."""

    def __init__(self, world, name=None, address="127.0.0.1"):
        self.connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=60, source_address=(address, 0))
        self.headers = {**JSON, **({"X-API-Key": KEYS.get(name, name)} if name else {})}
        self.id = 0

    def open(self):
        about = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "load", "version": "1"}}
        answer = self.ask("initialize", about)
        assert "result" in answer, answer
        return self

    def ask(self, method, params):
        """The answer to one request."""
        self.id += 1
        body = json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
        status, text = self.post(body)
        assert status == 200, (status, text)
        # An answer that took its time is a stream.
        lines = [line[6:] for line in text.splitlines() if line.startswith("data: {")] or [text]
        return json.loads(lines[-1])

    def post(self, body):
        self.connection.request("POST", "/mcp", body, self.headers)
        answer = self.connection.getresponse()
        self.headers.update({"Mcp-Session-Id": id for id in [answer.getheader("mcp-session-id")] if id})
        return answer.status, answer.read().decode()

    def call(self, tool, **arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})


class Sent:
    """What was sent, as the counters have to say it."""

    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)

    def add(self, metric, *labels, times=1):
        self.counts[metric][labels] += times

    def call(self, answer, role, server, tool, outcome, reason=None):
        """One call that has ended, and had to end like this."""
        words = json.dumps(answer)
        assert ("result" in answer) == (outcome == "ok"), f"{role} {server}/{tool} {outcome}: {words}"
        self.add("mcp_tool_calls_total", tool, server, role, outcome)
        self.add("mcp_requests_total", server, outcome)
        if reason:
            self.refused(reason, None if reason in ("forbidden", "limited") else server)
        if reason == "forbidden":
            self.add("mcp_permission_denials_total", tool, role)
        if reason == "limited":
            self.add("mcp_rate_limited_total", "guest.1")

    def refused(self, reason, server=None):
        self.add("mcp_refusals_total", reason)
        if server:
            self.add("mcp_server_failures_total", server, reason)


def tools(sent, ada, gus):
    """Three tools in two roles, as they should be and as they should not."""
    for _ in range(30):
        sent.call(ada.call("web__add", a=1, b=2), "analyst", "web", "add", "ok")
        sent.call(ada.call("pipe__echo", message="x"), "analyst", "pipe", "echo", "ok")
        sent.call(ada.call("failing__echo"), "analyst", "failing", "echo", "error")
        sent.call(gus.call("web__wait", seconds=0), "guest", "web", "wait", "refused", "forbidden")
    sent.call(gus.call("web__add", a=1, b=2), "guest", "web", "add", "ok")
    sent.call(gus.call("pipe__echo", message="x"), "guest", "pipe", "echo", "ok")


def limited(sent, gus):
    """The guest has had four calls by now."""
    for _ in range(10):
        sent.call(gus.call("pipe__echo", message="x"), "guest", "pipe", "echo", "refused", "limited")


def slow(sent, ada):
    """Three calls that take too long open the breaker, and the others fail at once."""
    for _ in range(3):
        answer = ada.call("slow__wait", seconds=30, steps=1)
        sent.call(answer, "analyst", "slow", "wait", "refused", "timed_out")
    for _ in range(7):
        answer = ada.call("slow__add", a=1, b=2)
        sent.call(answer, "analyst", "slow", "add", "refused", "breaker_open")


def crowded(sent, world, ada):
    """At a server with one place: one call is there, one waits, and one finds no room."""
    for _ in range(20):
        sent.call(ada.call("busy__echo", message="x"), "analyst", "busy", "echo", "ok")
    long, waiting = Caller(world, "ada").open(), Caller(world, "ada").open()
    answers = {}
    start = time.monotonic()

    def ask(caller, tool, **arguments):
        answers[caller] = caller.call(tool, **arguments)

    first = threading.Thread(target=ask, args=(long, "busy__wait"), kwargs={"seconds": 6, "steps": 1})
    first.start()
    until("the call at work", lambda: 'mcp_server_calls_in_flight{server="busy"} 1' in world.metrics())
    second = threading.Thread(target=ask, args=(waiting, "busy__echo"), kwargs={"message": "x"})
    second.start()
    until("the call that waits", lambda: 'mcp_server_calls_waiting{server="busy"} 1' in world.metrics())
    sent.call(ada.call("busy__echo", message="x"), "analyst", "busy", "echo", "refused", "crowded")
    first.join()
    second.join()
    assert time.monotonic() - start > 5
    sent.call(answers[long], "analyst", "busy", "wait", "ok")
    sent.call(answers[waiting], "analyst", "busy", "echo", "ok")
    sent.add("mcp_server_queue_wait_seconds_count", "busy", times=2)
    sent.add("mcp_server_calls_crowded_out_total", "busy")


def unknown(sent, ada, count):
    """Tools that nobody has."""
    for _ in range(count):
        answer = ada.call("nobody__has_this")
        assert "error" in answer
        sent.add("mcp_requests_total", "mcpgate", "refused")
        sent.refused("no_route")


def guesses(sent, world):
    """Somebody tries keys, from an address of their own: after 20 they are not even looked at."""
    for number in range(30):
        thief = Caller(world, "guessed", address="127.0.0.2")
        status, text = thief.post("{}")
        assert status == (401 if number < 20 else 429), (number, status, text)
        sent.refused("unauthenticated" if number < 20 else "sign_ins")
    sent.add("mcp_auth_failures_total", "key", "unknown", times=20)


def crowd(world):
    """Those who keep sessions and connections open: nearly as many as there may be."""
    sessions = [Caller(world, "ada").open() for _ in range(15)]
    idle = []
    for _ in range(19):
        caller = http.client.HTTPConnection("127.0.0.1", world.port, timeout=60)
        caller.request("GET", "/livez")
        caller.getresponse().read()
        idle.append(caller)
    return sessions, idle
