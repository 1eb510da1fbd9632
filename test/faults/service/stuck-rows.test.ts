import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readBatchStatus } from '../../../src/status/batch-status.js';
import { snapshotQuery } from '../../../src/workflows/protocol/batch-messages.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { startBatchRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { eventually } from '../../support/eventually.js';

const prompts = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

describe('a row whose job does not end', () => {
  let runs: BatchRuns;
  let jobsBefore = 0;
  beforeAll(async () => {
    runs = await startBatchRuns({ sandbox: { jobTimeMs: { min: 300, max: 900 } }, limits: {} });
  });
  beforeEach(() => {
    runs.sandbox.configure({ keyRevoked: false, jobTimeMs: { min: 300, max: 900 } });
    jobsBefore = runs.sandbox.stats().jobsMade;
  });
  afterAll(async () => {
    await runs?.stop();
  });

  const jobsMade = (): number => runs.sandbox.stats().jobsMade - jobsBefore;
  const status = async (batchName: string) => {
    const { client } = runs.stack.temporal;
    const { store } = runs.stack.s3;
    const found = await readBatchStatus({ client, store, taskQueue: runs.taskQueue }, runs.runOf(batchName));
    if (!found) throw new Error(`Nobody knows ${batchName}.`);
    return found;
  };
  const evidence = (batchName: string) => readEvidence(runs.stack.s3.store, runs.runOf(batchName));

  it('is listed as the oldest row with id and job, next to the usual time', async () => {
    const handle = await runs.start('stuck', [...prompts('quick', 24), '[[stuck]] fox'], { graceMs: 500 });
    const seen = await eventually(
      async () => {
        const found = await status('stuck');
        return found.stored === 24 && found.oldestRows.length === 1 && found;
      },
      { what: 'only the stuck row is left', withinMs: 30_000 },
    );
    const first = seen.oldestRows[0];
    expect(first).toMatchObject({ phase: 'inFlight', generation: 1 });
    expect(first?.rowId).toMatch(/^stuck-fox-/);
    expect(first?.ageSeconds).toBeLessThan(90);
    expect(seen.usualSeconds).toBeGreaterThan(0);
    await eventually(
      async () => (await status('stuck')).oldestRows.some(({ ageSeconds }) => ageSeconds > 2),
      {
        what: 'it grows older',
      },
    );
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ tally: { stored: 24, cancelled: 1 } });
    const { outcomes } = await evidence('stuck');
    const cancelled = outcomes.find(({ end }) => end.kind === 'cancelled');
    expect(cancelled).toMatchObject({
      rowId: first?.rowId,
      generations: [{ jobId: first?.jobId, end: 'open' }],
    });
    expect(await status('stuck')).toMatchObject({ oldestRows: [], usualSeconds: undefined });
  });

  it('fails after --job-timeout with its job id kept, not counting time in holds', async () => {
    runs.sandbox.configure({ jobTimeMs: { min: 9_000, max: 9_000 } });
    const settings = { jobTimeoutMs: 6_000 };
    const handle = await runs.start('given-up', [...prompts('slow', 4), '[[stuck]] fox'], settings);
    await eventually(() => jobsMade() === 5, { what: 'all jobs are made', withinMs: 20_000 });
    const madeAtMs = Date.now();
    runs.sandbox.configure({ keyRevoked: true });
    await eventually(async () => (await handle.query(snapshotQuery)).holds.length > 0, {
      what: 'the account is held',
      withinMs: 20_000,
    });
    // By the clock all jobs have exceeded their time when the key is valid again.
    await eventually(() => Date.now() > madeAtMs + 6_500, { what: 'the time has passed' });
    runs.sandbox.configure({ keyRevoked: false });
    expect(await handle.result()).toMatchObject({ tally: { stored: 4, failed: 1, generations: 5 } });
    const { outcomes } = await evidence('given-up');
    expect(outcomes.find(({ end }) => end.kind === 'failed')).toMatchObject({
      end: { failure: 'timed-out', message: expect.stringContaining('--job-timeout') },
      generations: [{ generation: 1, jobId: expect.any(String), end: 'unfinished', charged: 'unknown' }],
    });
    expect(jobsMade()).toBe(5);
  });
});
