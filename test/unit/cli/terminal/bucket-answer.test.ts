import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askBucket } from '../../../../src/cli/terminal/bucket-answer.js';
import { withWhatAnswers } from '../../../../src/cli/terminal/temporal-if-any.js';
import { readConfig } from '../../../../src/config.js';

/** Accepts connections, and answers nothing. */
const frozen = createServer((socket) => sockets.add(socket));
const sockets = new Set<Socket>();

beforeAll(async () => {
  // The SDK reads them from the process itself.
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  frozen.listen(0, '127.0.0.1');
  await once(frozen, 'listening');
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  frozen.close();
  vi.unstubAllEnvs();
});

function config(temporal: string | undefined) {
  const { port } = frozen.address() as AddressInfo;
  return readConfig(
    {
      BANANA_BUCKET: 'images',
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      ...(temporal && { TEMPORAL_ADDRESS: temporal }),
    },
    undefined,
  );
}

describe('a bucket that accepts connections but never answers', () => {
  it('is reported as unreachable after 2 s', async () => {
    const start = Date.now();
    expect(await askBucket(config(undefined))).toMatchObject({ code: 'unreachable' });
    expect(Date.now() - start).toBeGreaterThan(1_500);
    expect(Date.now() - start).toBeLessThan(4_000);
  });

  it('is queried at the same time as Temporal, and the command gets both results', async () => {
    const { port } = frozen.address() as AddressInfo;
    const start = Date.now();
    const [away, kind] = await withWhatAnswers(config(`127.0.0.1:${port}`), async (found, temporal) => [
      found.away?.code,
      temporal.kind,
    ]);
    expect([away, kind]).toEqual(['unreachable', 'away']);
    // Temporal has 5 s.
    expect(Date.now() - start).toBeLessThan(6_800);
  });
});
