// The official conformance suites, through the gateway and past it.
//
// What has to pass: every scenario that the same server passes without a gateway. In the revisions that a server does
// not speak, the gateway speaks for it; there, it is every scenario that its twin passes, which is the fixture of the
// other age, made to offer what that server offers. So nothing here says which scenarios are expected to fail.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Session } from './clients.mjs';
import { overHttp, overStdio } from './fixtures/index.mjs';
import { startGateway } from './gateways.mjs';
import { runToEnd } from './processes.mjs';

const { ECOSYSTEM } = process.env;
const AT_ONCE = 4;

// The newest 0.1, and what the dated revisions require as the newest 0.2 tells it. `least`: how many scenarios the
// TypeScript fixture passes on its own. Fewer: the suite broke off, or the fixture did.
const SUITES = {
  '0.1.16': { folder: 'conformance-0.1', args: ['--suite', 'all'], least: 31 },
  '2025-11-25': { folder: '@modelcontextprotocol/conformance', args: ['--requirements', '2025-11-25'], least: 33 },
  '2026-07-28': { folder: '@modelcontextprotocol/conformance', args: ['--requirements', '2026-07-28'], least: 40, newer: true },
};

// Finds nothing to judge, which the suite counts as passed, where the server does not end a stream before the answer:
// on a channel of its own, or without sessions, there is none.
const unjudged = (name, server) => name === 'server-sse-polling' && !!server && !server.polls;

const program = (suite) => join(ECOSYSTEM, 'node_modules', SUITES[suite].folder, 'dist/index.js');

const session = { scope: 'session' };
const newest = { revision: '2026-07-28' };

/** What stands behind the gateway in turn. `older`, `newer`: whom it is compared with. `polls`: ends streams before the answer. */
async function servers() {
  const [example, older, newer, newerOnly] = await Promise.all([
    overHttp('example'), overHttp('typescript-1'), overHttp('typescript-2'), overHttp('typescript-2', ['--modern-only']),
  ]);
  const [likeExample, likeOlder] = await Promise.all(
    [example, older].map(async (url) => overHttp('typescript-2', [], { OFFER: (await offered(url)).join(' ') })));
  const of = (name, twins) => (over, table) => ({ name: `${name}, ${over}`, table: { prefix: '', ...table }, ...twins });
  const ours = of('example', { older: example, newer: likeExample });
  const one = of('TypeScript 1.x', { older, newer: likeOlder });
  const two = of('TypeScript 2.x', { older, newer });
  return [
    ours('stdio', { ...overStdio('example'), ...session }),
    { ...ours('HTTP', { url: example }), polls: true },
    one('stdio', { ...overStdio('typescript-1'), ...session }),
    { ...one('HTTP', { url: older }), polls: true },
    one('SSE', { url: older.replace('/mcp', '/sse'), transport: 'sse' }),
    two('stdio', { ...overStdio('typescript-2'), ...newest }),
    two('HTTP', { url: newer }),
    two('stdio, newest only', { ...overStdio('typescript-2', ['--modern-only']), ...newest }),
    two('HTTP, newest only', { url: newerOnly }),
  ];
}

/** The names of a server's tools and prompts. */
async function offered(url) {
  const client = await Session.open({ url });
  const lists = await Promise.all([client.list('tools'), client.list('prompts')]);
  await client.close();
  return lists.flat().map(({ name }) => name);
}

/** Runs every suite against every server, through a gateway and without; 0 when all is well. */
export async function runConformance(folder) {
  const behind = await servers();
  const direct = new Map();
  for (const { older, newer } of behind) {
    for (const suite of Object.keys(SUITES)) {
      const url = SUITES[suite].newer ? newer : older;
      direct.set(`${suite} ${url}`, { suite, url });
    }
  }
  const through = [];
  for (const [index, server] of behind.entries()) {
    const { url } = await startGateway(folder, `conformance ${index}`, { fixture: server.table }, { names: 'verbatim' });
    for (const suite of Object.keys(SUITES)) through.push({ suite, url, server });
  }
  const runs = [...direct.values(), ...through];
  await inTurn(runs, async (run) => { run.results = await runSuite(run); });

  let failed = 0;
  for (const run of direct.values()) run.passed = [...run.results].filter(([, { passed }]) => passed).map(([name]) => name);
  for (const [suite, { least, newer }] of Object.entries(SUITES)) {
    const whole = behind.at(-1)[newer ? 'newer' : 'older'];
    const { passed } = direct.get(`${suite} ${whole}`);
    if (passed.length >= least) continue;
    console.log(`FAIL     ${suite}, without a gateway: ${passed.length} scenarios passed, there were ${least}`);
    failed = 1;
  }
  for (const { suite, server, results } of through) {
    const expected = direct.get(`${suite} ${SUITES[suite].newer ? server.newer : server.older}`).passed;
    const lost = expected.filter((name) => !results.get(name)?.passed);
    console.log(`${lost.length ? 'FAIL' : 'PASS'}     ${suite} before ${server.name}: ${expected.length - lost.length} of ${expected.length}`);
    for (const name of lost) console.log(`         ${name}: ${results.get(name)?.errors.join('; ') ?? 'not run'}`);
    if (lost.length || !expected.length) failed = 1;
  }
  return failed;
}

/** One suite against one URL: for each scenario whether it passed, and what was wrong. */
async function runSuite({ suite, url, server }) {
  const output = mkdtempSync(join(tmpdir(), 'mcpgate-conformance-'));
  try {
    // The suite checks the Host header with the URL's own.
    const args = [program(suite), 'server', '--url', url.replace('127.0.0.1', 'localhost'), ...SUITES[suite].args, '--output-dir', output];
    await runToEnd(`conformance ${suite}`, process.execPath, args, { minutes: 3, quiet: true });
    return new Map(readdirSync(output).map((scenario) => {
      const checks = JSON.parse(readFileSync(join(output, scenario, 'checks.json'), 'utf8'));
      const failures = checks.filter(({ status }) => status === 'FAILURE');
      const name = /^server-(.+?)-\d{4}-\d\d-\d\dT/.exec(scenario)[1];
      const judged = checks.some(({ status }) => status === 'SUCCESS') || unjudged(name, server);
      const passed = judged && !failures.length;
      const errors = failures.map(({ description, errorMessage }) => errorMessage ?? description);
      return [name, { passed, errors }];
    }));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

/** The suite's scenarios for clients, with the gateway as the client; 0 when all pass. */
export async function runClientScenarios() {
  const suite = program('2026-07-28');
  const driver = fileURLToPath(new URL('conformance-client.mjs', import.meta.url));
  const runs = ['2025-11-25', '2026-07-28'].flatMap((revision) => {
    const list = execFileSync(process.execPath, [suite, 'list', '--client', '--spec-version', revision], { encoding: 'utf8' });
    // Not `auth/…`: the gateway sends the headers it is given and takes part in no OAuth. Not the extensions.
    const scenarios = [...list.matchAll(/^ +- ([^/ ]+) \[(.*)\]$/gm)].filter(([, , revisions]) => revisions.includes(revision));
    return scenarios.map(([, scenario]) => ({ revision, scenario }));
  });
  await inTurn(runs, async (run) => {
    const args = [suite, 'client', '--command', `"${process.execPath}" "${driver}"`, '--scenario', run.scenario, '--spec-version', run.revision];
    run.code = await runToEnd(`client scenario ${run.scenario}`, process.execPath, args, { minutes: 1, quiet: true });
  });
  for (const { code, revision, scenario } of runs) console.log(`${code ? 'FAIL' : 'PASS'}     client, ${revision}: ${scenario}`);
  const passed = runs.filter(({ code }) => code === 0).length;
  console.log(`         the gateway as the client: ${passed} of ${runs.length}`);
  return passed < runs.length || runs.length < 13 ? 1 : 0;
}

/** Does this for each, a few at a time. */
async function inTurn(all, work) {
  const waiting = [...all];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let next; (next = waiting.shift());) await work(next);
  }));
}
