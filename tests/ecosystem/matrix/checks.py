"""The checks of a Python client of the matrix, whichever SDK it is: results and notifications in the words of the wire."""

import asyncio
import json
import os
import secrets
import sys

MODEL = {"role": "assistant", "model": "none", "content": {"type": "text", "text": "A model."}}
FORM = {"action": "accept", "content": {"username": "ada", "email": "ada@example.com"}}
ROOTS = {"roots": [{"uri": "file:///matrix"}]}


class Heard:
    """What the gateway sent unasked, in order, as (method, params)."""

    def __init__(self):
        self.messages = []
        self.arrived = asyncio.Event()

    def add(self, method, params):
        self.messages.append((method, params or {}))
        self.arrived.set()

    async def wait(self, position, wanted):
        """The first from there on that is wanted."""
        while True:
            for message in self.messages[position:]:
                if wanted(*message):
                    return message
            self.arrived.clear()
            await self.arrived.wait()


class Checks:
    """One server's. `client` has `list`, `call`, `cancelled_call`, `read`, `watch`, `prompt`, `complete`, `log_from`."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.token = secrets.token_hex(4)

    def name(self, plain):
        return f"{self.server}__{plain}"

    def uri(self, path):
        return f"{self.server.replace('_', '-')}://{path}"

    async def call(self, tool, given=None, **more):
        return await self.client.call(self.name(tool), given or {}, **more)

    async def text(self, tool, given=None, **more):
        return (await self.call(tool, given, **more))["content"][0]["text"]

    async def list(self):
        lists = [await self.client.list(kind) for kind in ("tools", "prompts", "resources", "resource_templates")]
        tools, prompts, resources, templates = lists
        assert self.name("test_simple_text") in [tool["name"] for tool in tools]
        assert self.name("test_prompt_with_arguments") in [prompt["name"] for prompt in prompts]
        assert self.uri("static-text") in [resource["uri"] for resource in resources]
        assert self.uri("template/{id}/data") in [template["uriTemplate"] for template in templates]

    async def call_(self):
        assert await self.text("test_simple_text") == "This is a simple text response for testing."

    async def structured(self):
        result = await self.call("matrix_structured", {"numbers": [1, 2, 39.5]})
        assert result["structuredContent"] == {"total": 42.5, "of": [1, 2, 39.5]}, result

    async def progress(self):
        seen = []
        complete = asyncio.Event()

        async def progressed(done, total, _message):
            seen.append((done, total))
            if len(seen) == 3:
                complete.set()

        await self.call("test_tool_with_progress", progress=progressed)
        await complete.wait()  # the SDK may be slower with it than with the result
        assert seen == [(0, 100), (50, 100), (100, 100)], seen

    async def cancel(self):
        await self.client.cancelled_call(self.name("matrix_wait"), {"token": self.token})
        assert await self.text("matrix_cancelled", {"token": self.token}) == "it was cancelled"

    async def sampling(self):
        assert await self.text("test_sampling", {"prompt": "Say something"}) == "LLM response: A model."

    async def elicitation(self):
        said = await self.text("test_elicitation", {"message": "Who?"})
        assert "action=accept" in said and "ada" in said, said

    async def roots(self):
        assert await self.text("matrix_roots") == "file:///matrix"

    async def read(self):
        contents = await self.client.read(self.uri("static-text"))
        assert contents[0]["text"] == "This is the content of the static text resource."

    async def updated(self):
        watched = self.uri(f"template/{self.token}/data")
        position = len(self.client.heard.messages)
        async with self.client.watch(uri=watched):
            await self.call("matrix_touch", {"uri": watched})
            method = "notifications/resources/updated"
            await self.client.heard.wait(position, lambda name, it: name == method and it["uri"] == watched)

    async def prompt(self):
        messages = await self.client.prompt(self.name("test_prompt_with_arguments"), {"arg1": "a", "arg2": "b"})
        assert messages[0]["content"]["text"] == "Prompt with arguments: arg1='a', arg2='b'"

    async def completion(self):
        values = await self.client.complete(self.name("test_prompt_with_arguments"), "arg1", "par")
        assert values == ["paris", "park", "party"], values

    async def logging(self):
        position = len(self.client.heard.messages)
        meta = await self.client.log_from("warning")
        await self.call("matrix_log", {"token": self.token}, meta=meta)
        method = "notifications/message"
        wanted = lambda name, it: name == method and it["data"] == self.token  # noqa: E731
        _, message = await self.client.heard.wait(position, wanted)
        assert message["level"] == "warning"

    async def list_changed(self):
        extra = self.name(f"matrix_extra_{self.token}")
        position = len(self.client.heard.messages)
        async with self.client.watch(tools=True):
            await self.call("matrix_change", {"token": self.token})
            while True:
                await self.client.heard.wait(position, lambda name, _: name == "notifications/tools/list_changed")
                position = len(self.client.heard.messages)
                if extra in [tool["name"] for tool in await self.client.list("tools")]:
                    return

    async def error_data(self):
        absent = self.uri(f"absent/{self.token}")
        try:
            await self.client.read(absent)
        except self.client.error as error:
            assert self.client.data(error) == {"uri": absent}, error
        else:
            raise AssertionError("it was read")


FEATURES = {
    "list": Checks.list,
    "call": Checks.call_,
    "structured": Checks.structured,
    "progress": Checks.progress,
    "cancel": Checks.cancel,
    "sampling": Checks.sampling,
    "elicitation": Checks.elicitation,
    "roots": Checks.roots,
    "read": Checks.read,
    "updated": Checks.updated,
    "prompt": Checks.prompt,
    "completion": Checks.completion,
    "logging": Checks.logging,
    "list changed": Checks.list_changed,
    "error data": Checks.error_data,
}


async def report(client):
    """Every check with every server; what worked goes to stdout."""
    async with asyncio.timeout(60):
        await client.list("tools")
    seen = {}
    for server in os.environ["MATRIX_SERVERS"].split():
        seen[server] = {}
        for feature, check in FEATURES.items():
            try:
                async with asyncio.timeout(15):
                    await check(Checks(client, server))
                seen[server][feature] = "✓"
            except Exception as error:
                seen[server][feature] = f"{type(error).__name__}: {error}"[:300]
    print(json.dumps(seen), flush=True)


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


WAY, TARGET = sys.argv[1], sys.argv[2:]
