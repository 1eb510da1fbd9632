import { afterAll, beforeAll, expect, test } from 'vitest';
import { latestJobs, provesSameAccount } from '../../../src/activities/worker/same-account.js';
import { createBananaHubClient } from '../../../src/bananahub/http-client.js';
import type { BananaHubClient } from '../../../src/bananahub/client.js';
import type { ContentHash, JobId, RowId } from '../../../src/domain/rows/ids.js';
import type { RowBefore } from '../../../src/domain/rows/row-plan.js';
import { startSandbox, type RunningSandbox } from '../../../src/local/sandbox/index.js';

let sandbox: RunningSandbox;
const clients: BananaHubClient[] = [];
const clientOf = (apiKey: string): BananaHubClient => {
  const client = createBananaHubClient({ baseUrl: sandbox.apiUrl, apiKey });
  clients.push(client);
  return client;
};
beforeAll(async () => {
  sandbox = await startSandbox({ keys: ['old', 'new', { key: 'foreign', account: 'another' }] });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await sandbox?.close();
});

const { signal } = new AbortController();
const unknown = '00000000-0000-4000-8000-000000000000' as JobId;

test('a key belongs to the same account if it knows any of the jobs', async () => {
  const { jobId } = await clientOf('old').createGeneration(
    { prompt: 'a key', model: 'pro', aspectRatio: '1:1', resolution: '1K', inputImageUrls: [] },
    { idempotencyKey: '11111111-1111-4111-8111-111111111111' },
  );
  expect(await provesSameAccount(clientOf('new'), [unknown, jobId], signal)).toBe('same');
  expect(await provesSameAccount(clientOf('foreign'), [unknown, jobId], signal)).toBe('other');
  expect(await provesSameAccount(clientOf('foreign'), [], signal)).toBe('unknown');
});

test('a refused key proves nothing', async () => {
  const proof = provesSameAccount(clientOf('wrong'), [unknown], signal);
  await expect(proof).rejects.toMatchObject({ code: 'unauthorized' });
});

const left = (at: number, jobId: string | undefined): RowBefore => ({
  outcome: {
    position: at,
    rowId: `row-${at}` as RowId,
    contentHash: 'a'.repeat(64) as ContentHash,
    runSeq: 1,
    generations: [
      ...(jobId ? [{ generation: 1, jobId: jobId as JobId, end: 'done', charged: 'yes' } as const] : []),
      { generation: 2, end: 'unanswered', charged: 'unknown' },
    ],
    end: { kind: 'cancelled' },
    settledAt: new Date(at * 1000).toISOString(),
  },
});

async function* rows(): AsyncGenerator<RowBefore> {
  yield* [left(3, 'three'), left(1, 'one'), left(9, undefined), left(5, 'five'), left(4, 'four')];
}

test('the latest known jobs are checked', async () => {
  expect(await latestJobs(rows())).toEqual(['five', 'four', 'three']);
});
