"""One client of the matrix: the Python SDK 2.x, over `http` or `stdio`."""

import asyncio
import contextlib
import os
import warnings

import mcp_types as types
from checks import FORM, MODEL, ROOTS, TARGET, WAY, Heard, plain, report
from mcp import Client as Sdk
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated

warnings.simplefilter("ignore")  # of what 2026-07-28 deprecates and still has


class Client:
    error = MCPError

    def __init__(self, client, heard):
        self.client, self.heard = client, heard

    @staticmethod
    def data(error):
        return error.data

    async def list(self, kind):
        result = plain(await getattr(self.client, f"list_{kind}")())
        return result["resourceTemplates" if kind == "resource_templates" else kind]

    async def call(self, name, given, progress=None, meta=None):
        return plain(await self.client.call_tool(name, given, progress_callback=progress, meta=meta))

    async def cancelled_call(self, name, given):
        began = asyncio.Event()

        async def progressed(*_):
            began.set()

        call = asyncio.create_task(self.client.call_tool(name, given, progress_callback=progressed))
        await began.wait()
        call.cancel()

    async def read(self, uri):
        return plain(await self.client.read_resource(uri))["contents"]

    @contextlib.asynccontextmanager
    async def watch(self, uri=None, tools=False):
        wanted = {"resource_subscriptions": [uri]} if uri else {"tools_list_changed": True}
        async with self.client.listen(**wanted) as subscription:
            listening = asyncio.create_task(self.pass_on(subscription))
            yield
            listening.cancel()

    async def pass_on(self, subscription):
        async for event in subscription:
            if isinstance(event, ResourceUpdated):
                self.heard.add("notifications/resources/updated", {"uri": event.uri})
            else:
                self.heard.add("notifications/tools/list_changed", {})

    async def prompt(self, name, given):
        return plain(await self.client.get_prompt(name, given))["messages"]

    async def complete(self, prompt, argument, value):
        reference = types.PromptReference(type="ref/prompt", name=prompt)
        return (await self.client.complete(reference, {"name": argument, "value": value})).completion.values

    async def log_from(self, level):
        return {"io.modelcontextprotocol/logLevel": level}


async def main():
    heard = Heard()

    async def log(params):
        heard.add("notifications/message", plain(params))

    async def sample(*_):
        return types.CreateMessageResult.model_validate(MODEL)

    async def fill_in(*_):
        return types.ElicitResult.model_validate(FORM)

    async def roots(_):
        return types.ListRootsResult.model_validate(ROOTS)

    answers = {"sampling_callback": sample, "elicitation_callback": fill_in, "list_roots_callback": roots}
    with open(os.devnull, "w") as nowhere:
        stdio = WAY == "stdio"
        server = stdio_client(StdioServerParameters(command=TARGET[0], args=TARGET[1:]), errlog=nowhere) if stdio else TARGET[0]
        async with Sdk(server, logging_callback=log, **answers) as client:
            await report(Client(client, heard))


asyncio.run(main())
