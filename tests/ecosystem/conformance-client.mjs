// The command that the conformance suite runs as "the client": a gateway before the suite's server, and the official
// client before that, so that every request the suite sees is the gateway's. The server's URL is the last argument.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sdk } from './fixtures/packages.mjs';
import { startGateway } from './gateways.mjs';
import { stopAll, within } from './processes.mjs';

const { Client, StreamableHTTPClientTransport } = sdk('client');
const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_PROTOCOL_VERSION: revision, MCP_CONFORMANCE_CONTEXT } = process.env;
const server = process.argv.at(-1);

/** A value that fits a schema. */
function example({ type, default: usual, enum: choices, properties = {} }) {
  if (usual !== undefined) return usual;
  if (choices) return choices[0];
  const values = { number: 1, integer: 1, boolean: true, array: [] };
  if (type !== 'object') return values[type] ?? 'something';
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, example(schema)]));
}

async function drive(url) {
  const capabilities = { sampling: {}, elicitation: { form: { applyDefaults: true } }, roots: {} };
  const mode = revision === '2026-07-28' ? 'auto' : 'legacy';
  const client = new Client({ name: 'mcpgate-ecosystem', version: '1.0.0' }, { capabilities, versionNegotiation: { mode } });
  client.setRequestHandler('elicitation/create', ({ params }) =>
    ({ action: 'accept', content: example({ type: 'object', ...params.requestedSchema }) }));
  client.setRequestHandler('sampling/createMessage', () =>
    ({ role: 'assistant', model: 'none', content: { type: 'text', text: 'An answer.' } }));
  client.setRequestHandler('roots/list', () => ({ roots: [] }));
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));

  // A server may answer with an error: the scenario says whether it should have.
  const lenient = (request) => request.catch((error) => console.error(`answered with ${error.message}`));
  const { tools } = await client.listTools();
  const wanted = JSON.parse(MCP_CONFORMANCE_CONTEXT ?? '{}').toolCalls;
  const echo = tools.find(({ name }) => name === 'json_schema_echo');
  const calls = wanted ?? (echo
    ? [{ name: echo.name, arguments: { schema: tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema } }]
    : tools.map(({ name, inputSchema }) => ({ name, arguments: example(inputSchema) })));
  for (const call of calls) await lenient(client.callTool(call));
  const offered = client.getServerCapabilities();
  if (offered.resources) for (const { uri } of (await client.listResources()).resources) await lenient(client.readResource({ uri }));
  if (offered.prompts) for (const { name } of (await client.listPrompts()).prompts) await lenient(client.getPrompt({ name }));
  await client.close();
}

const folder = mkdtempSync(join(tmpdir(), 'mcpgate-conformance-client-'));
let code = 0;
try {
  const { url } = await startGateway(folder, scenario, { fixture: { url: server, prefix: '' } }, { names: 'verbatim' });
  await within(25_000, scenario, drive(url));
} catch (error) {
  console.error(error);
  code = 1;
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);
