// Puts up the servers and the gateways, runs the suites between them, takes everything down again.
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runClientScenarios, runConformance } from './conformance.mjs';
import { URL_SAID, startGateway } from './gateways.mjs';
import { runMatrix } from './matrix/index.mjs';
import { lastWords, launch, runToEnd, stopAll } from './processes.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { ECOSYSTEM, MCPGATE } = process.env;
const python = join(ECOSYSTEM, 'venv/bin/python');

const argv = process.argv.slice(2);
const direct = argv.includes('--direct');
const chosen = argv.filter((argument) => !argument.startsWith('--'));
const PARTS = ['typescript', 'python', 'conformance', 'matrix'];
const parts = chosen.length ? chosen : PARTS;

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mcpgate-ecosystem-')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => finish(1));

/** The servers, as their own documentation says to start them. */
async function servers() {
  const everything = join(ECOSYSTEM, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
  const files = join(ECOSYSTEM, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
  const args = ['--import', join(here, 'say-port.mjs'), everything, 'streamableHttp'];
  const url = await launch('everything_http', process.execPath, args, { env: { PORT: '0' }, ready: URL_SAID });
  return {
    everything: { command: process.execPath, args: [everything, 'stdio'] },
    everything_http: { url },
    files: { command: process.execPath, args: [files, folder] },
    time: { command: python, args: ['-m', 'mcp_server_time', '--local-timezone', 'UTC'] },
    example: { command: MCPGATE, args: ['example'] },
  };
}

/** Servers that cannot be had; everything else has to work beside them. */
const broken = {
  absent: { command: join(folder, 'no-such-program'), args: [] },
  quits: { command: process.execPath, args: ['-e', 'process.exit(3)'] },
};

async function clients() {
  writeFileSync(join(folder, 'hello.txt'), 'hello from a file\n');
  const behind = await servers();
  const gateways = direct ? {} : {
    all: await startGateway(folder, 'all', { ...broken, ...behind }),
    // Two servers that offer one URI: the first keeps it. Here the HTTP one is alone with it.
    http_only: await startGateway(folder, 'http_only', { everything_http: behind.everything_http }),
  };
  const world = join(folder, 'world.json');
  writeFileSync(world, JSON.stringify({ direct, folder, servers: behind, broken: Object.keys(broken), gateways, mcpgate: MCPGATE }));

  const env = { ECOSYSTEM_WORLD: world };
  let failed = 0;
  if (parts.includes('typescript')) {
    const tests = ['tools', 'features'].map((file) => join(here, `${file}.test.mjs`));
    const args = ['--test', '--test-concurrency=1', '--test-reporter=spec', '--test-timeout=60000', ...tests];
    failed |= await runToEnd('the TypeScript SDK tests', process.execPath, args, { env, minutes: 8 });
  }
  if (parts.includes('python')) {
    const args = ['-m', 'unittest', '--verbose', join(here, 'test_python.py')];
    failed |= await runToEnd('the Python SDK tests', python, args, { env, minutes: 8 });
  }
  return failed;
}

async function conformance() {
  return (await runConformance(folder)) | (await runClientScenarios());
}

async function finish(code) {
  try {
    await stopAll();
  } catch (error) {
    console.error(error.message);
    code ||= 1;
  }
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

try {
  const unknown = parts.filter((part) => !PARTS.includes(part));
  if (unknown.length) throw new Error(`unknown: ${unknown.join(', ')}`);
  let failed = 0;
  if (parts.includes('typescript') || parts.includes('python')) failed |= await clients();
  if (parts.includes('conformance')) failed |= await conformance();
  if (parts.includes('matrix')) failed |= await runMatrix(folder, { write: argv.includes('--write'), only: process.env.MATRIX_ONLY });
  if (failed) console.error(lastWords());
  console.log(`ecosystem (${parts.join(', ')}${direct ? ', direct' : ''}): ${failed ? 'FAILED' : 'passed'}`);
  await finish(failed ? 1 : 0);
} catch (error) {
  console.error(error.message, '\n', lastWords());
  await finish(1);
}
