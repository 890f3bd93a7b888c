// The official TypeScript SDK as the client: straight to a server, or through the gateway.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { within } from './processes.mjs';

const require = createRequire(join(process.env.ECOSYSTEM, 'package.json'));
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { ResultSchema } = require('@modelcontextprotocol/sdk/types.js');

/** What the suite put up. Absent only where one gateway is all there is (conformance). */
export const world = process.env.ECOSYSTEM_WORLD && JSON.parse(readFileSync(process.env.ECOSYSTEM_WORLD, 'utf8'));

/** The ways to the servers that every rule is checked over. */
export const ways = world?.direct ? ['direct'] : ['streamable HTTP', 'stdio'];

/** One connected client, with everything that crossed its wire. */
export class Session {
  seen = [];
  sent = [];
  #arrivals = new EventEmitter();

  /** `reach` is `{ url }` or `{ command, args }`. */
  static async open(reach) {
    const session = new Session();
    session.client = new Client({ name: 'mcpgate-ecosystem', version: '1.0.0' }, { capabilities: {} });
    let listening = Promise.resolve();
    let transport;
    if (reach.url) {
      let opened;
      listening = new Promise((resolve) => { opened = resolve; });
      transport = new StreamableHTTPClientTransport(new URL(reach.url), {
        fetch: async (url, init) => {
          const response = await fetch(url, init);
          if (init?.method === 'GET') opened();
          return response;
        },
      });
    } else {
      transport = new StdioClientTransport({ ...reach, stderr: 'ignore' });
    }
    try {
      await within(30_000, 'initialize', session.client.connect(transport));
      session.#record(transport);
      // What a server sends unasked is lost on a client that does not listen yet.
      await within(10_000, 'the stream for notifications', listening);
    } catch (error) {
      await session.client.close();
      throw error;
    }
    return session;
  }

  #record(transport) {
    const { onmessage } = transport;
    transport.onmessage = (message, extra) => {
      this.seen.push(message);
      this.#arrivals.emit('message');
      onmessage(message, extra);
    };
    const send = transport.send.bind(transport);
    transport.send = (message, options) => {
      this.sent.push(message);
      return send(message, options);
    };
  }

  /** The first message `wanted` says yes to, from position `from` on; waits for it. */
  async message(what, wanted, from = 0) {
    const search = async () => {
      for (;;) {
        const found = this.seen.slice(from).find(wanted);
        if (found) return found;
        await once(this.#arrivals, 'message');
      }
    };
    return within(20_000, what, search());
  }

  /** A whole list, every page, as it came over the wire: no model in between that drops fields. */
  async list(kind) {
    const method = kind === 'resourceTemplates' ? 'resources/templates/list' : `${kind}/list`;
    const items = [];
    for (let cursor; ;) {
      const page = await this.client.request({ method, params: cursor === undefined ? {} : { cursor } }, ResultSchema);
      items.push(...page[kind]);
      if (page.nextCursor === undefined) return items;
      cursor = page.nextCursor;
    }
  }

  /** A server may join after the gateway is ready: lists, and lists again when told of a change. */
  async untilListed(what, complete) {
    for (;;) {
      const position = this.seen.length;
      if (complete(await this.list('tools'))) return;
      await this.message(what, ({ method }) => method === 'notifications/tools/list_changed', position);
    }
  }

  async close() {
    if (this.client.transport instanceof StreamableHTTPClientTransport) await this.client.transport.terminateSession();
    await this.client.close();
  }
}

/** The sessions of one group of tests: one through the gateway, or one for each server. */
export class Clients {
  #sessions = new Map();

  constructor(way, gateway = 'all') {
    this.way = way;
    this.gateway = world.gateways[gateway];
    this.servers = gateway === 'http_only' ? ['everything_http'] : Object.keys(world.servers);
  }

  /** A session that has this server's tools; the same one each time. */
  async to(server) {
    const key = this.way === 'direct' ? server : 'gateway';
    if (!this.#sessions.has(key)) this.#sessions.set(key, await this.fresh(server));
    return this.#sessions.get(key);
  }

  /** A new session, which the caller closes. */
  async fresh(server) {
    if (this.way === 'direct') return Session.open(world.servers[server]);
    const stdio = { command: world.mcpgate, args: ['stdio', '--config', this.gateway.config] };
    const session = await Session.open(this.way === 'stdio' ? stdio : { url: this.gateway.url });
    const all = (tools) => this.servers.every((name) => tools.some((tool) => tool.name.startsWith(`${name}__`)));
    await session.untilListed('the tools of every server', all);
    return session;
  }

  /** A tool's or prompt's name as a client of this way has to write it. */
  name(server, name) {
    return this.way === 'direct' ? name : `${server}__${name}`;
  }

  async call(server, tool, args, options) {
    const { client } = await this.to(server);
    return client.callTool({ name: this.name(server, tool), arguments: args }, undefined, options);
  }

  async close() {
    for (const session of this.#sessions.values()) await session.close();
  }
}

/** Equal to the letter: the order of keys and the spelling of numbers too. */
export function same(actual, expected) {
  assert.equal(JSON.stringify(actual, null, 1), JSON.stringify(expected, null, 1));
}
