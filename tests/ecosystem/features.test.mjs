// Resources, prompts, completion, logging and subscriptions, through the official TypeScript SDK.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Clients, same, ways } from './clients.mjs';

const DOCUMENT = 'demo://resource/static/document/architecture.md';
const TEMPLATE = 'demo://resource/dynamic/text/{resourceId}';

for (const way of ways) {
  // Both offer the same URIs, so each is asked through a gateway where it owns them.
  for (const [server, gateway] of [['everything', 'all'], ['everything_http', 'http_only']]) {
    describe(`features of ${server} over ${way}`, () => {
      const clients = new Clients(way, gateway);
      const originals = new Clients('direct');
      after(async () => {
        await clients.close();
        await originals.close();
      });
      const demo = ({ uri, uriTemplate }) => (uri ?? uriTemplate).startsWith('demo://');

      for (const kind of ['resources', 'resourceTemplates']) {
        test(`its ${kind} are listed as it wrote them`, async () => {
          const listed = (await (await clients.to(server)).list(kind)).filter(demo);
          assert.ok(listed.length > 0);
          same(listed, await (await originals.to(server)).list(kind));
        });
      }

      test('its prompts are listed as it wrote them', async () => {
        const prefix = clients.name(server, '');
        const listed = (await (await clients.to(server)).list('prompts'))
          .filter(({ name }) => name.startsWith(prefix))
          .map((prompt) => ({ ...prompt, name: prompt.name.slice(prefix.length) }));
        assert.ok(listed.length > 0);
        same(listed, await (await originals.to(server)).list('prompts'));
      });

      test('a resource is read', async () => {
        const read = async (from) => (await from.to(server)).client.readResource({ uri: DOCUMENT });
        same(await read(clients), await read(originals));
      });

      test('a resource of a template is read', async () => {
        const { client } = await clients.to(server);
        const { contents } = await client.readResource({ uri: TEMPLATE.replace('{resourceId}', '7') });
        assert.match(contents[0].text, /^Resource 7: /);
      });

      test('a prompt is filled in', async () => {
        const { client } = await clients.to(server);
        const { messages } = await client.getPrompt({ name: clients.name(server, 'args-prompt'), arguments: { city: 'Oslo' } });
        assert.equal(messages[0].content.text, "What's weather in Oslo?");
      });

      test('an argument of a prompt is completed, with what was chosen before', async () => {
        const { client } = await clients.to(server);
        const ref = { type: 'ref/prompt', name: clients.name(server, 'completable-prompt') };
        const argument = { name: 'name', value: 'E' };
        const { completion } = await client.complete({ ref, argument, context: { arguments: { department: 'Sales' } } });
        assert.deepEqual(completion.values, ['Eve']);
      });

      test('a variable of a template is completed', async () => {
        const { client } = await clients.to(server);
        const ref = { type: 'ref/resource', uri: TEMPLATE };
        const { completion } = await client.complete({ ref, argument: { name: 'resourceId', value: '7' } });
        assert.deepEqual(completion.values, ['7']);
      });

      test('log messages arrive from the level that was set', async () => {
        const session = await clients.to(server);
        const about = (verb) => ({ method, params }) =>
          method === 'notifications/message' && params.data.includes(`Received ${verb} Resource request`);

        assert.deepEqual(await session.client.setLoggingLevel('debug'), {});
        await session.client.subscribeResource({ uri: DOCUMENT }); // of which this server logs at `info`
        const message = await session.message('the log message', about('Subscribe'));
        assert.equal(message.params.level, 'info');

        await session.client.setLoggingLevel('error');
        await session.client.unsubscribeResource({ uri: DOCUMENT });
        await session.client.ping();
        assert.ok(!session.seen.some(about('Unsubscribe')));
      });

      test('a subscriber hears of an update', async () => {
        const session = await clients.to(server);
        const uri = TEMPLATE.replace('{resourceId}', '1');
        await session.client.subscribeResource({ uri });
        const position = session.seen.length;
        await clients.call(server, 'toggle-subscriber-updates', {}); // on: at once, then every 5 s
        try {
          const updated = ({ method, params }) => method === 'notifications/resources/updated' && params.uri === uri;
          await session.message('the update', updated, position);
        } finally {
          await clients.call(server, 'toggle-subscriber-updates', {}); // and off
          await session.client.unsubscribeResource({ uri });
        }
      });
    });
  }
}
