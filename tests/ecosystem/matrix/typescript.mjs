// One client of the matrix: the TypeScript SDK, over `http`, `sse` or `stdio`. Says on stdout what worked.
// It is `1`, or `2` followed by how it finds its revision: `auto`, `legacy`, or the one it insists on.
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import assert from 'node:assert/strict';
import { sdk } from '../fixtures/packages.mjs';
import { within } from '../processes.mjs';

const [version, ...rest] = process.argv.slice(2);
const one = version === '1';
const mode = one ? 'legacy' : rest.shift();
const [way, ...target] = rest;
const servers = process.env.MATRIX_SERVERS.split(' ');
const LEVEL = 'io.modelcontextprotocol/logLevel';
const types = one && sdk('sdk/types.js');
const { Client } = sdk(one ? 'sdk/client/index.js' : 'client');

function transport() {
  const [command, ...args] = target;
  const url = way === 'stdio' ? undefined : new URL(command);
  if (way === 'stdio') return new (sdk(one ? 'sdk/client/stdio.js' : 'client/stdio').StdioClientTransport)({ command, args, stderr: 'ignore' });
  if (way === 'sse') return new (sdk('sdk/client/sse.js').SSEClientTransport)(url);
  return new (sdk(one ? 'sdk/client/streamableHttp.js' : 'client').StreamableHTTPClientTransport)(url);
}

const arrivals = new EventEmitter();
const heard = [];
const wire = [];

const options = { capabilities: { sampling: {}, elicitation: {}, roots: {} } };
if (!one) options.versionNegotiation = { mode: ['auto', 'legacy'].includes(mode) ? mode : { pin: mode } };
const client = new Client({ name: 'mcpgate-matrix', version: '1.0.0' }, options);
const on = (method, schema, handle) => client.setRequestHandler(one ? types[schema] : method, handle);
on('sampling/createMessage', 'CreateMessageRequestSchema', () => ({ role: 'assistant', model: 'none', content: { type: 'text', text: 'A model.' } }));
on('elicitation/create', 'ElicitRequestSchema', () => ({ action: 'accept', content: { username: 'ada', email: 'ada@example.com' } }));
on('roots/list', 'ListRootsRequestSchema', () => ({ roots: [{ uri: 'file:///matrix' }] }));
client.fallbackNotificationHandler = async (notification) => {
  heard.push(notification);
  arrivals.emit('notification');
};

/** The first notification from there on that is wanted. */
async function notification(from, wanted) {
  for (;;) {
    const found = heard.slice(from).find(wanted);
    if (found) return found;
    await once(arrivals, 'notification');
  }
}

/** The checks of one server. */
function checks(server) {
  const token = randomBytes(4).toString('hex');
  const name = (plain) => `${server}__${plain}`;
  const uri = (path) => `${server.replaceAll('_', '-')}://${path}`;
  const call = (tool, given = {}, more = {}, meta) => {
    const params = { name: name(tool), arguments: given, ...(meta && { _meta: meta }) };
    return one ? client.callTool(params, undefined, more) : client.callTool(params, more);
  };
  const text = async (...args) => (await call(...args)).content[0].text;
  const listen = async (filter) => (modern ? client.listen(filter) : undefined);
  return {
    list: async () => {
      assert.ok((await client.listTools()).tools.some((tool) => tool.name === name('test_simple_text')));
      assert.ok((await client.listPrompts()).prompts.some((prompt) => prompt.name === name('test_prompt_with_arguments')));
      assert.ok((await client.listResources()).resources.some((resource) => resource.uri === uri('static-text')));
      assert.ok((await client.listResourceTemplates()).resourceTemplates.some((template) => template.uriTemplate === uri('template/{id}/data')));
    },
    call: async () => assert.equal(await text('test_simple_text'), 'This is a simple text response for testing.'),
    structured: async () =>
      assert.deepEqual((await call('matrix_structured', { numbers: [1, 2, 39.5] })).structuredContent, { total: 42.5, of: [1, 2, 39.5] }),
    progress: async () => {
      const from = wire.length;
      await call('test_tool_with_progress', {}, { onprogress: () => {} });
      // What came over the wire: the SDK forgets its handler as soon as it sees the result.
      const told = wire.slice(from).filter(({ method, result }) => method === 'notifications/progress' || result?.content);
      assert.deepEqual(told.map(({ params }) => params?.progress ?? 'result'), [0, 50, 100, 'result']);
    },
    cancel: async () => {
      const stop = new AbortController();
      await assert.rejects(call('matrix_wait', { token }, { signal: stop.signal, onprogress: () => stop.abort('enough') }));
      assert.ok(stop.signal.aborted);
      assert.equal(await text('matrix_cancelled', { token }), 'it was cancelled');
    },
    sampling: async () => assert.equal(await text('test_sampling', { prompt: 'Say something' }), 'LLM response: A model.'),
    elicitation: async () => assert.match(await text('test_elicitation', { message: 'Who?' }), /action=accept.*ada/),
    roots: async () => assert.equal(await text('matrix_roots'), 'file:///matrix'),
    read: async () => {
      const { contents } = await client.readResource({ uri: uri('static-text') });
      assert.equal(contents[0].text, 'This is the content of the static text resource.');
    },
    updated: async () => {
      const watched = uri(`template/${token}/data`);
      const from = heard.length;
      const listening = await listen({ resourceSubscriptions: [watched] });
      if (!modern) await client.subscribeResource({ uri: watched });
      await call('matrix_touch', { uri: watched });
      await notification(from, ({ method, params }) => method === 'notifications/resources/updated' && params.uri === watched);
      await (listening ? listening.close() : client.unsubscribeResource({ uri: watched }));
    },
    prompt: async () => {
      const { messages } = await client.getPrompt({ name: name('test_prompt_with_arguments'), arguments: { arg1: 'a', arg2: 'b' } });
      assert.equal(messages[0].content.text, "Prompt with arguments: arg1='a', arg2='b'");
    },
    completion: async () => {
      const ref = { type: 'ref/prompt', name: name('test_prompt_with_arguments') };
      const { completion } = await client.complete({ ref, argument: { name: 'arg1', value: 'par' } });
      assert.deepEqual(completion.values, ['paris', 'park', 'party']);
    },
    logging: async () => {
      const from = heard.length;
      if (!modern) await client.setLoggingLevel('warning');
      await call('matrix_log', { token }, {}, modern ? { [LEVEL]: 'warning' } : undefined);
      const message = await notification(from, ({ method, params }) => method === 'notifications/message' && params.data === token);
      assert.equal(message.params.level, 'warning');
    },
    'list changed': async () => {
      const listening = await listen({ toolsListChanged: true });
      let from = heard.length;
      await call('matrix_change', { token });
      for (;;) {
        await notification(from, ({ method }) => method === 'notifications/tools/list_changed');
        from = heard.length;
        if ((await client.listTools()).tools.some((tool) => tool.name === name(`matrix_extra_${token}`))) break;
      }
      await listening?.close();
    },
    'error data': async () => {
      const absent = uri(`absent/${token}`);
      await assert.rejects(client.readResource({ uri: absent }), ({ data }) => data?.uri === absent);
    },
  };
}

const connection = transport();
await within(60_000, 'the gateway', client.connect(connection));
const { onmessage } = connection;
connection.onmessage = (message, extra) => {
  wire.push(message);
  onmessage(message, extra);
};
const modern = !one && client.getProtocolEra() === 'modern';
assert.equal(modern, mode !== 'legacy');
await within(60_000, 'every server', client.listTools());
const report = {};
for (const server of servers) {
  report[server] = {};
  for (const [feature, check] of Object.entries(checks(server))) {
    try {
      await within(15_000, feature, check());
      report[server][feature] = '✓';
    } catch (error) {
      report[server][feature] = error.message.split('\n').slice(0, 6).join(' ');
    }
  }
}
process.stdout.write(JSON.stringify(report));
await client.close();
process.exit();
