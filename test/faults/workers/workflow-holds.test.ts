import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Report } from '../../../src/ledger/documents.js';
import { readDocument } from '../../../src/ledger/files/read-document.js';
import { at, reportKey } from '../../../src/storage/layout.js';
import { cancelUpdate } from '../../../src/workflows/protocol/batch-messages.js';
import { shardTallyQuery } from '../../../src/workflows/protocol/shard-messages.js';
import { shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { startBatchRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { eventually } from '../../support/eventually.js';
import { untilHeld } from '../../support/batches/until-held.js';

const HELD_WITHIN_MS = 20_000;

const prompts = (name: string, count = 20): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

describe('a batch under faults', () => {
  let runs: BatchRuns;
  let jobsBefore = 0;
  beforeAll(async () => {
    runs = await startBatchRuns({
      sandbox: { jobTimeMs: { min: 300, max: 900 }, retryAfterSeconds: 0 },
      limits: { serviceFaultMs: 600, storageFaultMs: 600, imageFaultMs: 1_500 },
    });
  });
  beforeEach(() => {
    runs.sandbox.configure({
      outage: { api: 'none', images: 'none' },
      everything: 0,
      balance: '1000000',
      keyRevoked: false,
      jobTimeMs: { min: 300, max: 900 },
    });
    jobsBefore = runs.sandbox.stats().jobsMade;
  });
  afterAll(async () => {
    await runs?.stop();
  });

  const jobsMade = (): number => runs.sandbox.stats().jobsMade - jobsBefore;
  const client = () => runs.stack.temporal.client;
  const historiesOf = async (batchName: string) => {
    const run = runs.runOf(batchName);
    const ids = [`batch:${run.batchId}`, shardWorkflowId(run, 0)];
    return Promise.all(ids.map((id) => client().workflow.getHandle(id).fetchHistory()));
  };
  /** Failed workflow tasks, and shards that were started again. */
  const mishaps = async (batchName: string): Promise<readonly string[]> => {
    const histories = await historiesOf(batchName);
    return histories.flatMap(({ events }) =>
      (events ?? []).flatMap((event) =>
        event.workflowTaskFailedEventAttributes ||
        event.workflowExecutionFailedEventAttributes ||
        event.childWorkflowExecutionFailedEventAttributes
          ? [JSON.stringify(event)]
          : [],
      ),
    );
  };

  it.each(['html502', 'drop', 'down503'] as const)(
    'with an outage (%s) longer than the limit loses no row and no shard, and buys no second job',
    async (kind) => {
      const batchName = `outage-${kind}`;
      runs.sandbox.configure({ outage: { api: kind } });
      const handle = await runs.start(batchName, prompts(batchName));
      await untilHeld(handle, kind === 'down503' ? 'model:pro:text' : 'service', HELD_WITHIN_MS);
      runs.sandbox.configure({ outage: { api: 'none' } });
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20 } });
      expect(await mishaps(batchName)).toEqual([]);
      expect(jobsMade()).toBe(20);
    },
  );

  it('cancelled while the service is down ends by itself', async () => {
    runs.sandbox.configure({ outage: { api: 'html502' } });
    const handle = await runs.start('cancel-in-outage', prompts('cancel in outage'));
    await untilHeld(handle, 'service', HELD_WITHIN_MS);
    await handle.executeUpdate(cancelUpdate);
    expect(await handle.result()).toMatchObject({ end: 'cancelled', tally: { cancelled: 20, total: 20 } });
    expect(await mishaps('cancel-in-outage')).toEqual([]);
  });

  it('cancelled in an outage while jobs are awaited keeps the job ids', async () => {
    runs.sandbox.configure({ jobTimeMs: { min: 60_000, max: 60_000 } });
    const handle = await runs.start('grace', prompts('grace', 5), { graceMs: 1_500 });
    await eventually(() => jobsMade() === 5, { what: 'all jobs are made', withinMs: 20_000 });
    runs.sandbox.configure({ outage: { api: 'drop' } });
    await handle.cancel();
    expect(await handle.result()).toMatchObject({
      end: 'cancelled',
      tally: { cancelled: 5, generations: 5 },
    });
    expect(await mishaps('grace')).toEqual([]);
  });

  it('with lost answers, also behind a proxy, buys no second job', async () => {
    runs.sandbox.configure({ rates: { 'create-lost-answer': 0.4, 'create-lost-to-504': 0.3 } });
    const handle = await runs.start('lost-answers', prompts('lost answers'));
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20, failed: 0 } });
    expect(jobsMade()).toBe(20);
  });

  it('with an empty balance holds all rows until it is topped up, and loses none', async () => {
    runs.sandbox.configure({ balance: '0.40' });
    const prices = [{ model: 'pro', resolution: '1K', price: '0.04' }] as const;
    const handle = await runs.start('balance', prompts('balance'), { prices });
    await untilHeld(handle, 'account', HELD_WITHIN_MS);
    runs.sandbox.configure({ balance: '1000' });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20 } });
    expect(jobsMade()).toBe(20);
    // The cost is unknown, because the account was topped up in between.
    const run = runs.runOf('balance');
    const { cost } = await readDocument(runs.stack.s3.store, at(run, reportKey(run)), Report);
    expect(cost).toMatchObject({ measured: null, expected: { least: '0.80', most: '0.80' } });
    expect(cost?.unmeasured).toContain('ran out');
  });

  it('with a terminated shard runs it again and buys no second job', async () => {
    runs.sandbox.configure({ jobTimeMs: { min: 2_000, max: 4_000 } });
    const handle = await runs.start('terminated', prompts('terminated'));
    const shard = client().workflow.getHandle(shardWorkflowId(runs.runOf('terminated'), 0));
    await eventually(async () => (await shard.query(shardTallyQuery)).inFlight === 10, {
      what: 'ten rows are in flight',
      withinMs: 20_000,
    });
    await shard.terminate();
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20 } });
    expect(jobsMade()).toBe(20);
  });

  it('with an unreachable bucket is held, loses no row and buys no second job', async () => {
    const handle = await runs.start('bucket', prompts('lorem ipsum', 30), { concurrency: 5 });
    await eventually(() => jobsMade() >= 6, { what: 'six jobs are made', withinMs: 20_000 });
    await runs.stack.s3.kill();
    await untilHeld(handle, 'storage', HELD_WITHIN_MS);
    await runs.stack.s3.restart();
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 30 } });
    expect(jobsMade()).toBe(30);
    expect(await mishaps('bucket')).toEqual([]);
    // Row ids are made from prompts; a bucket error contains the key it concerns.
    const histories = JSON.stringify(await historiesOf('bucket')).replaceAll(
      /[A-Za-z0-9+/]{24,}={0,2}/g,
      (text) => text + Buffer.from(text, 'base64').toString(),
    );
    expect(histories).toContain('unreachable');
    expect(histories).not.toContain('lorem-ipsum');
    expect(histories).not.toContain('lorem ipsum');
  });

  it('cancelled with Temporal’s own command stores what is paid and ends as cancelled', async () => {
    runs.sandbox.configure({ jobTimeMs: { min: 2_000, max: 3_000 } });
    const handle = await runs.start('native-cancel', prompts('native cancel'), { graceMs: 20_000 });
    await eventually(() => jobsMade() === 10, { what: 'ten jobs are made', withinMs: 20_000 });
    // A fault during cancellation is reported and ends like any other.
    await handle.cancel();
    runs.sandbox.configure({ keyRevoked: true });
    await untilHeld(handle, 'account', HELD_WITHIN_MS);
    runs.sandbox.configure({ keyRevoked: false });
    expect(await handle.result()).toMatchObject({
      end: 'cancelled',
      tally: { total: 20, stored: 10, cancelled: 10 },
    });
    expect(await mishaps('native-cancel')).toEqual([]);
  });
});
