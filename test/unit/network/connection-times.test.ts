import { createServer, type Server } from 'node:http';
import { getDefaultAutoSelectFamilyAttemptTimeout, type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createBananaHubClient } from '../../../src/bananahub/http-client.js';
import { createS3ObjectStore } from '../../../src/storage/s3/s3-object-store.js';
import { eventually } from '../../support/eventually.js';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Counts its connections, announces a keep-alive of `hint`, and keeps them longer. */
async function startServer(
  hint: string,
): Promise<{ origin: string; made: () => number; open: () => number }> {
  const started = createServer({ keepAliveTimeout: 75_000 }, (_request, response) => {
    response.writeHead(200, { etag: '"e"', connection: 'keep-alive', 'keep-alive': hint });
    response.end('{"balance":"1","reserved":"0","available":"1"}');
  });
  let made = 0;
  let open = 0;
  started.on('connection', (socket) => {
    made += 1;
    open += 1;
    socket.on('close', () => (open -= 1));
  });
  await new Promise<void>((resolve) => {
    started.listen(0, '127.0.0.1', resolve);
  });
  server = started;
  const { port } = started.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, made: () => made, open: () => open };
}

const CLIENTS = [
  [
    'the API',
    (origin: string) => {
      const client = createBananaHubClient({ baseUrl: origin, apiKey: 'key' });
      return { call: async () => void (await client.getBalance()), close: () => client.close() };
    },
  ],
  [
    'S3',
    (origin: string) => {
      const credentials = { accessKeyId: 'AK', secretAccessKey: 'secret' };
      const store = createS3ObjectStore({ endpoint: origin, credentials });
      return {
        call: async () => void (await store.head({ bucket: 'b', key: 'k' })),
        close: async () => store.close(),
      };
    },
  ],
] as const;

it.each(CLIENTS)('an idle connection to %s is closed before the server’s own timeout', async (_, make) => {
  const { origin, made, open } = await startServer('timeout=2');
  const client = make(origin);
  await client.call();
  expect(made()).toBe(1);
  await eventually(() => open() === 0, { what: 'the client closes its connection' });
  await client.call();
  expect(made()).toBe(2);
  await client.close();
});

it('every address of a host has 2.5 s to connect', () => {
  expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBe(2_500);
});
