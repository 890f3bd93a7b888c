// Tools, through the official TypeScript SDK.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Clients, same, ways, world } from './clients.mjs';

const calls = [
  ['everything', 'get-sum', { a: 2, b: 40 }, 'The sum of 2 and 40 is 42.'],
  ['everything_http', 'echo', { message: 'Grüße, 世界' }, 'Echo: Grüße, 世界'],
  ['files', 'read_text_file', { path: join(world.folder, 'hello.txt') }, 'hello from a file\n'],
  ['time', 'convert_time', { source_timezone: 'UTC', time: '12:00', target_timezone: 'Asia/Tokyo' }, '"+9.0h"'],
  ['example', 'test_simple_text', {}, 'This is a simple text response for testing.'],
];

for (const way of ways) {
  describe(`tools over ${way}`, () => {
    const clients = new Clients(way);
    const originals = new Clients('direct');
    after(async () => {
      await clients.close();
      await originals.close();
    });

    for (const server of Object.keys(world.servers)) {
      test(`the tools of ${server} are listed as it wrote them`, async () => {
        const listed = await (await clients.to(server)).list('tools');
        const prefix = clients.name(server, '');
        const ours = listed
          .filter((tool) => tool.name.startsWith(prefix))
          .map((tool) => ({ ...tool, name: tool.name.slice(prefix.length) }));
        same(ours, await (await originals.to(server)).list('tools'));
      });
    }

    for (const [server, tool, args, expected] of calls) {
      test(`a tool of ${server} answers`, async () => {
        const result = await clients.call(server, tool, args);
        assert.ok(!result.isError);
        assert.ok(result.content[0].text.includes(expected), result.content[0].text);
        same(result, await originals.call(server, tool, args));
      });
    }

    for (const server of ['everything', 'everything_http']) {
      test(`structured content of ${server} arrives and fits its schema`, async () => {
        await (await clients.to(server)).client.listTools(); // from here on the client checks against the schema
        const result = await clients.call(server, 'get-structured-content', { location: 'Chicago' });
        assert.deepEqual(result.structuredContent, { temperature: 36, conditions: 'Light rain / drizzle', humidity: 82 });
      });

      test(`images, annotations and links of ${server} pass untouched`, async () => {
        const ask = async (from, tool, args) => from.call(server, tool, args);
        for (const [tool, args] of [
          ['get-tiny-image', {}],
          ['get-annotated-message', { messageType: 'error', includeImage: true }],
          ['get-resource-links', { count: 3 }],
        ]) same(await ask(clients, tool, args), await ask(originals, tool, args));
      });

      test(`progress of ${server} arrives in order and before the result`, async () => {
        const session = await clients.to(server);
        const position = session.seen.length;
        const heard = [];
        const onprogress = ({ progress, total }) => heard.push([progress, total]);
        const result = await clients.call(server, 'trigger-long-running-operation', { duration: 0.4, steps: 4 }, { onprogress });
        assert.match(result.content[0].text, /Steps: 4\./);

        const { id } = session.sent.findLast(({ method }) => method === 'tools/call');
        const wire = session.seen.slice(position)
          .filter((message) => message.params?.progressToken === id || message.id === id)
          .map((message) => message.params?.progress ?? 'result');
        assert.deepEqual(wire, [1, 2, 3, 4, 'result']);
        // The SDK forgets a handler as soon as it sees the result, so it may miss one that comes close before.
        assert.deepEqual(heard.slice(0, 3), [[1, 4], [2, 4], [3, 4]]);
      });

      test(`a call to ${server} can be cancelled, and the next one is answered`, async () => {
        const session = await clients.to(server);
        const stop = new AbortController();
        const operation = 'trigger-long-running-operation';
        const call = clients.call(server, operation, { duration: 0.5, steps: 5 }, {
          signal: stop.signal,
          onprogress: () => stop.abort('heard enough'),
        });
        await assert.rejects(call, /heard enough/);
        const { params } = session.sent.findLast(({ method }) => method === 'notifications/cancelled');

        // Longer than the first would have taken: its answer would be here by now.
        const next = await clients.call(server, operation, { duration: 1, steps: 2 });
        assert.match(next.content[0].text, /Steps: 2\./);
        assert.ok(!session.seen.some(({ id }) => id === params.requestId), 'a cancelled call was answered');
      });
    }

    test('an error result of a tool passes as a result', async () => {
      const args = { path: join(world.folder, 'absent.txt') };
      const result = await clients.call('files', 'read_text_file', args);
      assert.equal(result.isError, true);
      same(result, await originals.call('files', 'read_text_file', args));
    });

    // Two clients of one gateway; each `mcpgate stdio` is a gateway of its own.
    if (way !== 'stdio') {
      for (const server of ['everything', 'everything_http']) {
        test(`two clients with equal ids get their own answers from ${server}`, async () => {
          const pair = [];
          try {
            for (const name of ['first', 'second']) pair.push({ name, session: await clients.fresh(server) });
            const answers = await Promise.all(pair.flatMap(({ name, session }) =>
              Array.from({ length: 20 }, async (_, round) => {
                const message = `${name} ${round}`;
                const result = await session.client.callTool({ name: clients.name(server, 'echo'), arguments: { message } });
                return [result.content[0].text, `Echo: ${message}`];
              })));
            for (const [actual, expected] of answers) assert.equal(actual, expected);
            const called = ({ session }) => session.sent.filter(({ method }) => method === 'tools/call').map(({ id }) => id);
            const [first, second] = pair.map(called);
            assert.ok(first.filter((id) => second.includes(id)).length > 10, `ids ${first} and ${second}`);
          } finally {
            for (const { session } of pair) await session.close();
          }
        });
      }
    }

    // What only a gateway promises.
    if (way !== 'direct') {
      for (const name of ['everything__no-such-tool', 'no-such-server__echo', 'echo']) {
        test(`an unknown tool is an error of the protocol: ${name}`, async () => {
          const { client } = await clients.to('everything');
          await assert.rejects(client.callTool({ name, arguments: {} }), { code: -32602 });
        });
      }

      test('a server that cannot be started costs only itself', async () => {
        const session = await clients.to('everything');
        const listed = await session.list('tools');
        for (const server of world.broken) {
          assert.ok(!listed.some((tool) => tool.name.startsWith(`${server}__`)));
          await assert.rejects(session.client.callTool({ name: `${server}__anything`, arguments: {} }), { name: 'McpError' });
        }
        assert.equal((await clients.call('everything', 'echo', { message: 'up' })).content[0].text, 'Echo: up');
      });
    }
  });
}
