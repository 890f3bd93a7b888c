// Starting mcpgate before the servers of a test.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from './processes.mjs';

const { MCPGATE } = process.env;

/** How every server here says where it is. */
export const URL_SAID = /http:\/\/127\.0\.0\.1:\d+\/mcp/;

/** Writes a config with these servers; its path. */
export function writeConfig(folder, name, behind, settings = {}) {
  const table = (heading, entries) =>
    [`[${heading}]`, ...Object.entries(entries).map(([key, value]) => `${key} = ${inToml(value)}`), ''];
  const tables = Object.entries(behind).flatMap(([server, entries]) => table(`servers.${server}`, entries));
  const config = join(folder, `${name}.toml`);
  writeFileSync(config, [...table('gateway', settings), ...tables].join('\n'));
  return config;
}

function inToml(value) {
  if (typeof value !== 'object' || Array.isArray(value)) return JSON.stringify(value);
  return `{ ${Object.entries(value).map(([key, one]) => `${key} = ${inToml(one)}`).join(', ')} }`;
}

/** Starts a gateway before these servers; `{ url, config }`. */
export async function startGateway(folder, name, behind, settings) {
  const config = writeConfig(folder, name, behind, settings);
  const args = ['serve', '--config', config, '--listen', '127.0.0.1:0'];
  return { url: await launch(`mcpgate (${name})`, MCPGATE, args, { ready: URL_SAID }), config };
}
