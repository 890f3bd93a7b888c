"""The same rules as the tests beside this file, through the official Python SDK."""

import asyncio
import contextlib
import datetime
import json
import os
import unittest

import httpx
from anyio.from_thread import start_blocking_portal
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import PromptReference, ServerNotification

with open(os.environ["ECOSYSTEM_WORLD"]) as file:
    WORLD = json.load(file)

DEADLINE = 30
DOCUMENT = "demo://resource/static/document/architecture.md"


class Heard:
    """What a server sent unasked, in order."""

    def __init__(self):
        self.messages = []
        self.arrived = asyncio.Event()

    async def __call__(self, message):
        if isinstance(message, ServerNotification):
            self.messages.append(message.root)
            self.arrived.set()

    async def message(self, wanted, position=0):
        """The first message from `position` on that is `wanted`; waits for it."""
        async with asyncio.timeout(DEADLINE):
            while True:
                for message in self.messages[position:]:
                    if wanted(message):
                        return message
                self.arrived.clear()
                await self.arrived.wait()


@contextlib.asynccontextmanager
async def streams(reach):
    """The two ends of a connection; yields once the server can be heard."""
    listening = asyncio.Event()
    if "url" not in reach:
        listening.set()
        with open(os.devnull, "w") as nowhere:
            async with stdio_client(StdioServerParameters(**reach), errlog=nowhere) as (read, write):
                yield read, write, listening
        return

    async def opened(response):
        if response.request.method == "GET":
            listening.set()

    hooks = {"response": [opened]}
    timeout = httpx.Timeout(DEADLINE, read=300)
    async with httpx.AsyncClient(timeout=timeout, event_hooks=hooks, trust_env=False) as client:
        async with streamable_http_client(reach["url"], http_client=client) as (read, write, _):
            yield read, write, listening


@contextlib.asynccontextmanager
async def connected(reach):
    heard = Heard()
    async with streams(reach) as (read, write, listening):
        patience = datetime.timedelta(seconds=DEADLINE)
        async with ClientSession(read, write, read_timeout_seconds=patience, message_handler=heard) as session:
            await session.initialize()
            async with asyncio.timeout(DEADLINE):
                await listening.wait()
            yield session, heard


async def names_listed(session):
    return [tool.name for tool in (await session.list_tools()).tools]


async def until_listed(session, heard):
    """A server may join after the gateway is ready: lists again when told of a change."""
    while True:
        position = len(heard.messages)
        names = await names_listed(session)
        if all(any(name.startswith(f"{server}__") for name in names) for server in WORLD["servers"]):
            return
        await heard.message(lambda message: message.method == "notifications/tools/list_changed", position)


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Rules:
    """The rules; each class below checks them over one way to the servers."""

    way = "direct"

    @classmethod
    def setUpClass(cls):
        cls.portal = cls.enterClassContext(start_blocking_portal())
        cls.sessions = {}

    @classmethod
    def enter(cls, reach):
        return cls.enterClassContext(cls.portal.wrap_async_context_manager(connected(reach)))

    @classmethod
    def original(cls, server):
        """A session with the server itself."""
        if server not in cls.sessions:
            cls.sessions[server] = cls.enter(WORLD["servers"][server])
        return cls.sessions[server]

    @classmethod
    def to(cls, server):
        """A session that has this server's tools."""
        return cls.original(server)

    def name(self, server, name):
        return name

    def do(self, function, *args, **options):
        async def bounded():
            async with asyncio.timeout(DEADLINE):
                return await function(*args, **options)

        return self.portal.call(bounded)

    def call(self, server, tool, arguments, **options):
        session, _ = self.to(server)
        return self.do(session.call_tool, self.name(server, tool), arguments, **options)

    def test_the_tools_of_each_server_are_listed_as_it_wrote_them(self):
        for server in WORLD["servers"]:
            with self.subTest(server):
                prefix = self.name(server, "")
                ours = [plain(tool) for tool in self.do(self.to(server)[0].list_tools).tools]
                ours = [tool for tool in ours if tool["name"].startswith(prefix)]
                for tool in ours:
                    tool["name"] = tool["name"].removeprefix(prefix)
                originals = [plain(tool) for tool in self.do(self.original(server)[0].list_tools).tools]
                self.assertEqual(ours, originals)

    def test_a_tool_of_each_server_answers(self):
        hello = os.path.join(WORLD["folder"], "hello.txt")
        tokyo = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        for server, tool, arguments, expected in [
            ("everything", "get-sum", {"a": 2, "b": 40}, "The sum of 2 and 40 is 42."),
            ("everything_http", "echo", {"message": "Grüße, 世界"}, "Echo: Grüße, 世界"),
            ("files", "read_text_file", {"path": hello}, "hello from a file\n"),
            ("time", "convert_time", tokyo, '"+9.0h"'),
            ("example", "test_simple_text", {}, "This is a simple text response for testing."),
        ]:
            with self.subTest(server):
                result = self.call(server, tool, arguments)
                self.assertFalse(result.isError)
                self.assertIn(expected, result.content[0].text)

    def test_structured_content_arrives_and_fits_its_schema(self):
        result = self.call("everything", "get-structured-content", {"location": "Chicago"})
        expected = {"temperature": 36, "conditions": "Light rain / drizzle", "humidity": 82}
        self.assertEqual(result.structuredContent, expected)

    def test_progress_arrives_in_order_and_before_the_result(self):
        for server in ["everything", "everything_http"]:
            with self.subTest(server):
                heard = []

                async def progressed(progress, total, message):
                    heard.append((progress, total))

                arguments = {"duration": 0.4, "steps": 4}
                self.call(server, "trigger-long-running-operation", arguments, progress_callback=progressed)
                self.assertEqual(heard, [(1, 4), (2, 4), (3, 4), (4, 4)])

    def test_an_error_result_of_a_tool_passes_as_a_result(self):
        result = self.call("files", "read_text_file", {"path": os.path.join(WORLD["folder"], "absent.txt")})
        self.assertTrue(result.isError)
        self.assertIn("absent.txt", result.content[0].text)

    def test_a_resource_is_read_and_its_template_listed(self):
        session, _ = self.to("everything")
        contents = self.do(session.read_resource, DOCUMENT).contents
        self.assertIn("Everything Server", contents[0].text)
        templates = [template.uriTemplate for template in self.do(session.list_resource_templates).resourceTemplates]
        self.assertIn("demo://resource/dynamic/text/{resourceId}", templates)

    def test_a_prompt_is_filled_in_and_completed(self):
        session, _ = self.to("everything")
        prompt = self.do(session.get_prompt, self.name("everything", "args-prompt"), {"city": "Oslo"})
        self.assertEqual(prompt.messages[0].content.text, "What's weather in Oslo?")
        reference = PromptReference(type="ref/prompt", name=self.name("everything", "completable-prompt"))
        argument = {"name": "name", "value": "E"}
        answer = self.do(session.complete, reference, argument, {"department": "Sales"})
        self.assertEqual(answer.completion.values, ["Eve"])

    def test_log_messages_arrive_once_a_level_is_set(self):
        session, heard = self.to("everything")
        self.do(session.set_logging_level, "debug")
        position = len(heard.messages)
        self.do(session.subscribe_resource, DOCUMENT)  # of which this server logs at `info`

        def about_it(message):
            return message.method == "notifications/message" and "Received Subscribe" in message.params.data

        self.assertEqual(self.do(heard.message, about_it, position).params.level, "info")
        self.do(session.unsubscribe_resource, DOCUMENT)

    def test_a_subscriber_hears_of_an_update(self):
        session, heard = self.to("everything")
        self.do(session.subscribe_resource, DOCUMENT)
        position = len(heard.messages)
        self.call("everything", "toggle-subscriber-updates", {})  # on: at once, then every 5 s
        try:
            updated = self.do(heard.message, lambda m: m.method == "notifications/resources/updated", position)
            self.assertEqual(str(updated.params.uri), DOCUMENT)
        finally:
            self.call("everything", "toggle-subscriber-updates", {})  # and off
            self.do(session.unsubscribe_resource, DOCUMENT)


class ThroughTheGateway(Rules):
    """One session with the gateway has the tools of every server."""

    @classmethod
    def to(cls, server):
        if "gateway" not in cls.sessions:
            cls.sessions["gateway"] = cls.enter(cls.gateway())
            cls.portal.call(until_listed, *cls.sessions["gateway"])
        return cls.sessions["gateway"]

    def name(self, server, name):
        return f"{server}__{name}"

    def test_an_unknown_tool_is_an_error_of_the_protocol(self):
        session, _ = self.to("everything")
        for name in ["everything__no-such-tool", "no-such-server__echo", "echo"]:
            with self.subTest(name), self.assertRaises(McpError) as raised:
                self.do(session.call_tool, name, {})
            self.assertEqual(raised.exception.error.code, -32602)

    def test_a_server_that_cannot_be_started_costs_only_itself(self):
        session, _ = self.to("everything")
        names = self.do(names_listed, session)
        for server in WORLD["broken"]:
            self.assertFalse([name for name in names if name.startswith(f"{server}__")])
            with self.assertRaises(McpError):
                self.do(session.call_tool, f"{server}__anything", {})


if WORLD["direct"]:

    class Direct(Rules, unittest.TestCase):
        pass

else:

    class OverStreamableHttp(ThroughTheGateway, unittest.TestCase):
        @staticmethod
        def gateway():
            return {"url": WORLD["gateways"]["all"]["url"]}

    class OverStdio(ThroughTheGateway, unittest.TestCase):
        @staticmethod
        def gateway():
            config = WORLD["gateways"]["all"]["config"]
            return {"command": WORLD["mcpgate"], "args": ["stdio", "--config", config]}


if __name__ == "__main__":
    unittest.main()
