// The matrix: every client with every server, the gateway between them, every feature. Writes docs/COMPATIBILITY.md.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { overHttp, overStdio } from '../fixtures/index.mjs';
import { startGateway } from '../gateways.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const page = join(here, '../../../docs/COMPATIBILITY.md');
const { ECOSYSTEM, MCPGATE } = process.env;
const AT_ONCE = 3;

const FEATURES = [
  'list', 'call', 'structured', 'progress', 'cancel', 'sampling', 'elicitation', 'roots', 'read', 'updated', 'prompt',
  'completion', 'logging', 'list changed', 'error data',
];

const SERVERS = {
  typescript_1: { title: 'TypeScript 1.x', ways: ['stdio', 'http', 'sse'] },
  typescript_2: { title: 'TypeScript 2.x', ways: ['stdio', 'http'], revision: '2026-07-28' },
  python_1: { title: 'Python 1.x', ways: ['stdio', 'http', 'sse'] },
  python_2: { title: 'Python 2.x', ways: ['stdio', 'http', 'sse'], revision: '2026-07-28' },
};
const WAYS = { stdio: 'stdio', http: 'HTTP', sse: 'SSE' };

const typescript = (...version) => [process.execPath, join(here, 'typescript.mjs'), ...version];
const python = (venv, script) => [join(ECOSYSTEM, venv, 'bin/python'), join(here, script)];
const rmcp = (mode) => [join(MCPGATE, '../examples/rmcp_client'), mode];
const CLIENTS = [
  { title: 'TypeScript 1.x', ways: ['http', 'sse', 'stdio'], program: typescript('1') },
  { title: 'TypeScript 2.x, auto', ways: ['http', 'stdio'], program: typescript('2', 'auto') },
  { title: 'TypeScript 2.x, legacy', ways: ['http', 'stdio'], program: typescript('2', 'legacy') },
  { title: 'TypeScript 2.x, 2026-07-28', ways: ['http', 'stdio'], program: typescript('2', '2026-07-28') },
  { title: 'Python 1.x', ways: ['http', 'sse', 'stdio'], program: python('venv', 'python_1.py') },
  { title: 'Python 2.x', ways: ['http', 'stdio'], program: python('venv-2', 'python_2.py') },
  { title: 'rmcp, initialize', ways: ['http', 'stdio'], program: rmcp('initialize') },
  { title: 'rmcp, discover', ways: ['http', 'stdio'], program: rmcp('discover') },
  { title: 'rmcp, auto', ways: ['http', 'stdio'], program: rmcp('auto') },
];

/** The tables of `servers.toml`, by name; the HTTP ones run. */
async function servers(folder) {
  const tables = {};
  const titles = {};
  await Promise.all(Object.entries(SERVERS).map(async ([program, { title, ways, revision }]) => {
    const fixture = program.replace('_', '-');
    for (const way of ways) {
      const name = `${program}_${way}`;
      const extras = join(folder, name);
      mkdirSync(extras);
      titles[name] = `${title}, ${WAYS[way]}`;
      // Each over HTTP is a process of its own: it needs URIs of its own.
      const env = { SCHEME: name.replaceAll('_', '-'), EXTRAS: extras };
      if (way === 'stdio') tables[name] = { ...overStdio(fixture, [], env), ...(revision ? { revision } : { scope: 'session' }) };
      else {
        const url = await overHttp(fixture, [], env);
        tables[name] = way === 'sse' ? { url: url.replace('/mcp', '/sse'), transport: 'sse' } : { url };
      }
    }
  }));
  const sorted = Object.keys(SERVERS).flatMap((program) => SERVERS[program].ways.map((way) => `${program}_${way}`));
  return { names: sorted, titles, tables: Object.fromEntries(sorted.map((name) => [name, tables[name]])) };
}

/** 0 when everything works and the page says so. */
export async function runMatrix(folder, { write = false, only = '' } = {}) {
  const { names, titles, tables } = await servers(folder);
  const { url, config } = await startGateway(folder, 'matrix', tables, { first_list_wait: '60s' });
  const targets = { http: [url], sse: [url.replace('/mcp', '/sse')], stdio: [MCPGATE, 'stdio', '--config', config] };
  const runs = CLIENTS.flatMap(({ title, ways, program }) => ways.map((way) => ({ title: `${title}, ${WAYS[way]}`, way, program })))
    .filter(({ title }) => title.includes(only));

  const waiting = [...runs];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let run; (run = waiting.shift());) {
      const began = Date.now();
      run.report = await report(run, targets[run.way], names);
      console.log(`         ${run.title}: ${((Date.now() - began) / 1000).toFixed(0)} s`);
    }
  }));

  let failed = 0;
  for (const { title, report: seen } of runs) {
    for (const name of names) {
      for (const feature of FEATURES) {
        const result = seen[name]?.[feature] ?? 'not tried';
        if (['✓', '–'].includes(result)) continue;
        console.log(`FAIL     ${title} with ${titles[name]}: ${feature}: ${result}`);
        failed = 1;
      }
    }
  }
  const text = compatibility(runs, names, titles);
  if (write) writeFileSync(page, text);
  else if (!only && readFileSync(page, 'utf8') !== text) {
    console.log('FAIL     docs/COMPATIBILITY.md says otherwise: tests/ecosystem/run --write matrix, and look at the difference');
    failed = 1;
  }
  console.log(`matrix: ${runs.length} clients, ${names.length} servers, ${FEATURES.length} features: ${failed ? 'FAILED' : 'passed'}`);
  return failed;
}

/** What one client says of every server. */
async function report({ program: [command, ...args], way }, target, names) {
  const env = { ...process.env, MATRIX_SERVERS: names.join(' ') };
  const limits = { env, timeout: 150_000, killSignal: 'SIGKILL', maxBuffer: 10_000_000 };
  try {
    const { stdout } = await promisify(execFile)(command, [...args, way, ...target], limits);
    return JSON.parse(stdout);
  } catch (error) {
    console.log(`FAIL     ${error.message}\n${error.stderr ?? ''}`);
    return {};
  }
}

function compatibility(runs, names, titles) {
  const mark = (result) => (['✓', '–'].includes(result) ? result : '✗');
  const rows = runs.flatMap(({ title, report: seen }) => names.map((name) =>
    `| ${title} | ${titles[name]} | ${FEATURES.map((feature) => mark(seen[name]?.[feature])).join(' | ')} |`));
  const installed = (name) => JSON.parse(readFileSync(join(here, '../package.json'), 'utf8')).dependencies[name];
  const pinned = (file) => /^mcp==(.*)$/m.exec(readFileSync(join(here, '..', file), 'utf8'))[1];
  const crate = /^rmcp = .*"=(.*?)"/m.exec(readFileSync(join(here, '../../../Cargo.toml'), 'utf8'))[1];
  return `# Compatibility

Which client works with which server when \`mcpgate\` stands between them. Each line is a client and a server that really ran: the client is connected to the gateway, the gateway to all the servers at once, and every column was tried.

- ✓ works.
- – the client's or the server's SDK has no such feature.
- ✗ does not work.

The columns: **list** tools, prompts, resources and templates; **call** a tool; **structured** content that fits its schema; **progress** during a call; **cancel** a call, and the server notices; the server asks in the middle of a call for **sampling**, **elicitation** and **roots**; **read** a resource; hear that it was **updated**; get a **prompt**; **completion** of its argument; **logging** from a level on; hear that a **list changed**; the **error data** of a refusal.

| client | server | ${FEATURES.join(' | ')} |
|---|---|${FEATURES.map(() => ':-:').join('|')}|
${rows.join('\n')}

## Versions

| | |
|---|---|
| TypeScript 1.x | \`@modelcontextprotocol/sdk\` ${installed('@modelcontextprotocol/sdk')} |
| TypeScript 2.x | \`@modelcontextprotocol/client\` ${installed('@modelcontextprotocol/client')}, \`@modelcontextprotocol/server\` ${installed('@modelcontextprotocol/server')} |
| Python 1.x | \`mcp\` ${pinned('requirements.txt')} |
| Python 2.x | \`mcp\` ${pinned('requirements-2.txt')} |
| rmcp | \`rmcp\` ${crate} |

The 1.x SDKs speak the revisions up to 2025-11-25. The 2.x ones speak 2026-07-28 where their peer does, and the client for TypeScript also as it is told: *auto* asks the gateway first, *legacy* never speaks it, *2026-07-28* nothing else. The modes of rmcp are the same three: *auto*, *initialize*, *discover*. As servers on stdio the 2.x SDKs are told to with \`revision = "2026-07-28"\`, and the older servers on stdio have \`scope = "session"\`, so that they can ask. Python 2.x over SSE speaks an older revision: SSE has no newer one.

This page is written by \`tests/ecosystem/run --write matrix\`. CI runs the same and fails when the page would change. The clients are in \`tests/ecosystem/matrix\`, the servers in \`tests/ecosystem/fixtures\`.
`;
}
