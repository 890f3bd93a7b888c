#!/usr/bin/env python3
"""Stands for `npx` and `uvx`: servers that people use, as far as the book calls them.

The real ones are fetched from the registries by tests/ecosystem/run, which tries the gateway with
them. Here it is the book that is tried.
"""

import datetime
import json
import pathlib
import sys
import zoneinfo


def tool(name, words, *arguments):
    properties = {argument: {"type": "string"} for argument in arguments}
    schema = {"type": "object", "properties": properties, "required": list(arguments)}
    return {"name": name, "description": words, "inputSchema": schema}


def read(folders, arguments):
    path = pathlib.Path(arguments["path"]).resolve()
    if not any(path.is_relative_to(folder) for folder in folders):
        raise ValueError(f"Access denied - path outside allowed directories: {path}")
    return path.read_text()


def entries(folders, arguments):
    path = pathlib.Path(arguments["path"])
    return "\n".join(sorted(entry.name for entry in path.iterdir()))


def write(folders, arguments):
    path = pathlib.Path(arguments["path"])
    path.write_text(arguments["content"])
    return f"Successfully wrote to {path}"


def now(_, arguments):
    zone = zoneinfo.ZoneInfo(arguments["timezone"])
    return datetime.datetime.now(zone).isoformat(timespec="seconds")


SERVERS = {
    "@modelcontextprotocol/server-filesystem": [
        (tool("read_text_file", "Read a file as text.", "path"), read),
        (tool("list_directory", "List a folder.", "path"), entries),
        (tool("write_file", "Write a file.", "path", "content"), write),
    ],
    "mcp-server-time": [(tool("get_current_time", "What time it is.", "timezone"), now)],
    "@modelcontextprotocol/server-everything": [
        (tool("echo", "Says it again.", "message"), lambda _, asked: asked["message"]),
    ],
}


def answer(message, tools, folders):
    method, params = message["method"], message.get("params") or {}
    if method == "initialize":
        about = {"name": "stand-in", "version": "1.0.0"}
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": [described for described, _ in tools]}
    if method != "tools/call":
        return {}
    work = next(work for described, work in tools if described["name"] == params["name"])
    try:
        text, failed = work(folders, params.get("arguments") or {}), False
    except (OSError, ValueError, KeyError) as error:
        text, failed = str(error), True
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def main():
    words = [word for word in sys.argv[1:] if word != "-y"]
    if not words or words[0] not in SERVERS:
        sys.exit(f"nothing here stands for {words}")
    folders = [pathlib.Path(word).resolve() for word in words[1:] if not word.startswith("-")]
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            result = answer(message, SERVERS[words[0]], folders)
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


main()
