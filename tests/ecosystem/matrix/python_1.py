"""One client of the matrix: the Python SDK 1.x, over `http`, `sse` or `stdio`."""

import asyncio
import contextlib
import os

from checks import FORM, MODEL, ROOTS, TARGET, WAY, Heard, plain, report
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


class Client:
    error = McpError

    def __init__(self, session, heard):
        self.session, self.heard = session, heard

    @staticmethod
    def data(error):
        return error.error.data

    async def list(self, kind):
        return plain(await getattr(self.session, f"list_{kind}")())[types_name(kind)]

    async def call(self, name, given, progress=None, meta=None):
        return plain(await self.session.call_tool(name, given, progress_callback=progress, meta=meta))

    async def cancelled_call(self, name, given):
        began = asyncio.Event()

        async def progressed(*_):
            began.set()

        number = self.session._request_id  # what it counts on from; it has no other way to tell
        call = asyncio.create_task(self.session.call_tool(name, given, progress_callback=progressed))
        await began.wait()
        params = types.CancelledNotificationParams(requestId=number, reason="enough")
        await self.session.send_notification(types.ClientNotification(types.CancelledNotification(params=params)))
        call.cancel()

    async def read(self, uri):
        return plain(await self.session.read_resource(uri))["contents"]

    @contextlib.asynccontextmanager
    async def watch(self, uri=None, tools=False):
        if uri:
            await self.session.subscribe_resource(uri)
        yield
        if uri:
            await self.session.unsubscribe_resource(uri)

    async def prompt(self, name, given):
        return plain(await self.session.get_prompt(name, given))["messages"]

    async def complete(self, prompt, argument, value):
        reference = types.PromptReference(type="ref/prompt", name=prompt)
        return (await self.session.complete(reference, {"name": argument, "value": value})).completion.values

    async def log_from(self, level):
        await self.session.set_logging_level(level)


def types_name(kind):
    return "resourceTemplates" if kind == "resource_templates" else kind


@contextlib.asynccontextmanager
async def streams():
    if WAY == "stdio":
        with open(os.devnull, "w") as nowhere:
            async with stdio_client(StdioServerParameters(command=TARGET[0], args=TARGET[1:]), errlog=nowhere) as pair:
                yield pair
    elif WAY == "sse":
        async with sse_client(TARGET[0]) as pair:
            yield pair
    else:
        async with streamable_http_client(TARGET[0]) as (read, write, _):
            yield read, write


async def main():
    heard = Heard()

    async def hear(message):
        if isinstance(message, types.ServerNotification):
            heard.add(message.root.method, plain(message.root).get("params"))

    async def sample(*_):
        return types.CreateMessageResult.model_validate(MODEL)

    async def fill_in(*_):
        return types.ElicitResult.model_validate(FORM)

    async def roots(_):
        return types.ListRootsResult.model_validate(ROOTS)

    answers = {"sampling_callback": sample, "elicitation_callback": fill_in, "list_roots_callback": roots}
    async with streams() as (read, write), ClientSession(read, write, message_handler=hear, **answers) as session:
        await session.initialize()
        await report(Client(session, heard))


asyncio.run(main())
