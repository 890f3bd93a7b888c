#!/usr/bin/env python3
"""Stands for a desktop client: launches what its own file says, and calls a tool.

    client FILE KEY TOOL ARGUMENTS        KEY is where servers stand in it: mcpServers, servers

It knows nothing else: the command, its arguments and its environment are those of the file.
"""

import json
import os
import subprocess
import sys


def main():
    path, key, tool, arguments = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        entry = json.load(file)[key]["mcpgate"]
    server = subprocess.Popen(
        [entry["command"], *entry.get("args", [])],
        # Desktop clients launch from anywhere but a person's folder.
        cwd="/",
        env={**os.environ, **entry.get("env", {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def say(message):
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        server.stdin.flush()

    def ask(number, method, params):
        say({"id": number, "method": method, "params": params})
        for line in server.stdout:
            message = json.loads(line)
            if message.get("id") == number and "method" not in message:
                return message

    about = {"name": "desktop", "version": "1.0.0"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about}
    print("server", ask(1, "initialize", hello)["result"]["serverInfo"]["name"])
    say({"method": "notifications/initialized"})
    for listed in ask(2, "tools/list", {})["result"]["tools"]:
        print("tool", listed["name"])
    answer = ask(3, "tools/call", {"name": tool, "arguments": json.loads(arguments)})
    print("answer", json.dumps(answer.get("result") or answer["error"]))
    server.stdin.close()
    print("left", server.wait(timeout=20))


main()
