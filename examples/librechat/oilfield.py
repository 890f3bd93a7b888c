#!/usr/bin/env python3
"""A small MCP server that trusts the headers it is sent: X-User-Role and X-User-Email.

    python3 examples/librechat/oilfield.py [PORT]        (default 9100)

It stands for the server a company already has. It must be reachable through the gateway alone:
whoever reaches it directly can claim any role. Standard library only.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WELLS = {"north-1": 1250, "north-2": 980, "south-1": 2210}
EMPTY = {"type": "object", "properties": {}}
TOOLS = [
    {
        "name": "query_wells",
        "description": "Barrels a day of each well.",
        "inputSchema": EMPTY,
    },
    {
        "name": "export_all_data",
        "description": "Everything there is, as CSV. Administrators only.",
        "inputSchema": EMPTY,
    },
    {
        "name": "who_am_i",
        "description": "What this server was told of the caller.",
        "inputSchema": EMPTY,
    },
]


class Oilfield(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        request = json.loads(self.rfile.read(length))
        if "id" not in request:
            return self.reply(202, b"")
        answer = {"jsonrpc": "2.0", "id": request["id"], **self.answer(request)}
        self.reply(200, json.dumps(answer).encode())

    def do_GET(self):
        self.reply(405, b"")

    def do_DELETE(self):
        self.reply(405, b"")

    def answer(self, request):
        method, params = request["method"], request.get("params") or {}
        if method == "initialize":
            return {
                "result": {
                    "protocolVersion": params.get("protocolVersion", "2025-06-18"),
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "oilfield", "version": "1.0.0"},
                }
            }
        if method == "ping":
            return {"result": {}}
        if method == "tools/list":
            return {"result": {"tools": TOOLS}}
        if method == "tools/call":
            return {"result": self.call(params.get("name"))}
        return {"error": {"code": -32601, "message": f"unknown method {method}"}}

    def call(self, tool):
        role, email = self.headers.get("X-User-Role", ""), self.headers.get("X-User-Email", "")
        if tool == "who_am_i":
            return text(f"role={role} email={email}")
        if tool == "query_wells":
            return text(json.dumps(WELLS))
        # It checks for itself, too: the gateway is not its only guard.
        if tool == "export_all_data" and role == "ADMIN":
            return text("\n".join(f"{well},{barrels}" for well, barrels in WELLS.items()))
        return {**text(f"{tool} is not for role {role!r}"), "isError": True}

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def text(words):
    return {"content": [{"type": "text", "text": words}]}


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9100
    server = ThreadingHTTPServer(("127.0.0.1", port), Oilfield)
    print(f"http://127.0.0.1:{server.server_address[1]}/mcp", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
