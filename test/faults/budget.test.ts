import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { resumeUpdate, setUpdate, snapshotQuery } from '../../src/workflows/messages.js';
import { startBatchRuns, type BatchRuns } from '../support/batch-runs.js';
import { eventually } from '../support/eventually.js';

const PRICES = [{ model: 'pro', resolution: '1K', price: '0.04' }] as const;

describe('a batch with a budget', { timeout: 180_000 }, () => {
  let runs: BatchRuns;
  let jobsBefore = 0;
  beforeAll(async () => {
    runs = await startBatchRuns({
      sandbox: { jobTimeMs: { min: 100, max: 400 }, retryAfterSeconds: 0 },
      limits: { serviceFaultMs: 600, storageFaultMs: 600, imageFaultMs: 1_500 },
    });
  });
  beforeEach(() => {
    jobsBefore = runs.sandbox.stats().jobsMade;
  });
  afterAll(async () => {
    await runs?.stop();
  });
  const jobsMade = (): number => runs.sandbox.stats().jobsMade - jobsBefore;
  const prompts = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, row) => `${name} ${row}`);

  it('pauses when it is spent, refuses to go on without more, and goes on with more', async () => {
    const handle = await runs.start('spent', prompts('spent', 20), { budget: '0.50', prices: PRICES });
    await eventually(async () => (await handle.query(snapshotQuery)).paused, {
      what: 'it pauses',
      withinMs: 20_000,
    });
    expect(jobsMade()).toBe(12);
    const { pauses, budget } = await handle.query(snapshotQuery);
    expect(pauses?.[0]?.message).toContain(
      'The budget of 0.50 is spent: 0.48 for 12 images; the next costs 0.04.',
    );
    expect(budget).toEqual({ cap: '0.50', committed: '0.48', images: 12 });
    await expect(handle.executeUpdate(resumeUpdate, { args: [undefined] })).rejects.toThrow();
    await handle.executeUpdate(setUpdate, { args: [{ budget: '0.60' }] });
    await eventually(() => jobsMade() === 15, { what: 'three more', withinMs: 20_000 });
    await handle.executeUpdate(setUpdate, { args: [{ budget: '0.80' }] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20 } });
  });
});
