import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureKind } from '../../../src/domain/rows/failure-kind.js';
import { cancelUpdate } from '../../../src/workflows/protocol/batch-messages.js';
import { shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { oldestRowsQuery, rowQuery } from '../../../src/workflows/protocol/shard-messages.js';
import { startBatchRuns, withProxiedRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { eventually } from '../../support/eventually.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { bucketVariables } from '../../support/stack/bucket-variables.js';
import { TEST_API_KEY } from '../../support/stack/test-services.js';
import { untilHeld } from '../../support/batches/until-held.js';

const ROWS = 24;

interface Poison {
  readonly poison: string;
  readonly mark: string;
  readonly failure: FailureKind;
  /** The record of its only generation. */
  readonly last: object;
  /** Jobs of the row that always fails. */
  readonly jobs: number;
}

const POISONS: readonly Poison[] = [
  {
    poison: 'a create that is always answered with 502',
    mark: '[[create-502]]',
    failure: 'service-error',
    last: { generation: 1, end: 'unanswered', charged: 'unknown' },
    jobs: 0,
  },
  {
    poison: 'an id of a job that cannot be used',
    mark: '[[bad-job-id]]',
    failure: 'service-error',
    last: { generation: 1, end: 'unanswered', charged: 'unknown' },
    jobs: 1,
  },
  {
    poison: 'a job whose polls are always answered with 524',
    mark: '[[poll-524]]',
    failure: 'service-error',
    last: { generation: 1, end: 'open', charged: 'unknown', jobId: expect.any(String) },
    jobs: 1,
  },
  {
    poison: 'an image that is always answered with 500',
    mark: '[[image-500]]',
    failure: 'result-gone',
    last: { generation: 1, end: 'done', charged: 'yes' },
    jobs: 1,
  },
];

interface Case {
  readonly name: string;
  readonly poisons: ReadonlyMap<number, Poison>;
  readonly concurrency: number;
  readonly budget?: string;
}

const PRICES = [{ model: 'pro', resolution: '1K', price: '0.08' }] as const;

describe('a row that always fails', { timeout: 300_000 }, () => {
  let runs: BatchRuns;
  beforeAll(async () => {
    runs = await startBatchRuns({
      sandbox: { jobTimeMs: { min: 200, max: 600 } },
      limits: { serviceFaultMs: 600, createFaultMs: 2_000, jobFaultMs: 3_000, imageFaultMs: 3_000 },
    });
  });
  afterAll(() => runs?.stop());

  const all = new Map(POISONS.map((poison, index) => [2 + 6 * index, poison]));

  const [first] = POISONS;
  const lastTwo = new Map(first ? [2, 1].map((back) => [ROWS - back, first]) : []);

  it.concurrent.for<Case>([
    ...POISONS.map((poison, index) => ({
      name: `poison-${index}-is-the-last`,
      poisons: new Map([[ROWS - 1, poison]]),
      concurrency: 3,
    })),
    ...POISONS.map((poison, index) => ({
      name: `poison-${index}-is-the-first`,
      poisons: new Map([[0, poison]]),
      concurrency: 1,
    })),
    { name: 'poison-of-the-last-two', poisons: lastTwo, concurrency: 1 },
    { name: 'poison-of-each-kind', poisons: all, concurrency: 10 },
    // The price of such a row is counted once, like the others'.
    { name: 'poison-one-at-a-time', poisons: all, concurrency: 1, budget: (ROWS * 0.08).toFixed(2) },
  ])('fails alone, and the others are stored: $name', async ({ name, poisons, concurrency, budget }) => {
    const faultOver = performance.now();
    const prompts = Array.from(
      { length: ROWS },
      (_, row) => `${name} ${row} ${poisons.get(row)?.mark ?? ''}`,
    );
    const handle = await runs.start(name, prompts, {
      concurrency,
      ...(budget && { budget, prices: PRICES }),
    });
    const { tally } = await handle.result();
    expect(tally).toMatchObject({ stored: ROWS - poisons.size, failed: poisons.size });
    const facts = { fault: name, batchId: name, rows: ROWS, faultOver };
    const { outcomes, jobs } = await expectRecovered(runs, facts);
    for (const [row, { failure, last }] of poisons) {
      const outcome = outcomes.find(({ position }) => position === row);
      expect(outcome).toMatchObject({ end: { kind: 'failed', failure } });
      expect(outcome?.generations).toMatchObject([last]);
    }
    const ofPoisoned = [...poisons.values()].reduce((sum, poison) => sum + poison.jobs, 0);
    expect(jobs).toBe(ROWS - poisons.size + ofPoisoned);
  });

  it.concurrent.for<{
    readonly name: string;
    readonly poison: Poison;
    readonly continueAfterEvents?: number;
  }>([
    ...POISONS.map((poison, index) => ({ name: `poison-${index}-of-three`, poison })),
    // A new workflow run of the shard does not know the rows stored before.
    ...POISONS.map((poison, index) => ({
      name: `poison-${index}-of-three-later`,
      poison,
      continueAfterEvents: 250,
    })),
  ])('of which only three are left does not hold the batch forever: $name', ({ name, poison, ...settings }) =>
    withProxiedRuns(
      {
        stack: runs.stack,
        sandbox: { jobTimeMs: { min: 200, max: 600 } },
        // So long that the others are made before the first of them ends.
        limits: { serviceFaultMs: 600, createFaultMs: 20_000, jobFaultMs: 20_000, imageFaultMs: 20_000 },
      },
      async (own) => {
        const poisoned = [0, 8, 14];
        const prompts = Array.from(
          { length: ROWS },
          (_, row) => `${name} ${row} ${poisoned.includes(row) ? poison.mark : ''}`,
        );
        const faultOver = performance.now();
        const handle = await own.start(name, prompts, { concurrency: 2, ...settings });
        const stored = ROWS - poisoned.length;
        expect(await handle.result()).toMatchObject({ tally: { stored, failed: poisoned.length } });
        const facts = { fault: name, batchId: name, rows: ROWS, faultOver };
        const jobs = stored + poisoned.length * poison.jobs;
        expect((await expectRecovered(own, facts)).jobs).toBe(jobs);
      },
    ),
  );

  it.concurrent('does not keep the hold of an earlier outage from ending', () =>
    withProxiedRuns(
      {
        stack: runs.stack,
        sandbox: { jobTimeMs: { min: 200, max: 600 } },
        limits: { serviceFaultMs: 600, createFaultMs: 2_000 },
      },
      async (own) => {
        const [name, rows] = ['poison-after-outage', 4];
        const prompts = Array.from(
          { length: rows },
          (_, row) => `${name} ${row} ${row === rows - 1 ? '' : '[[bad-job-id]]'}`,
        );
        own.sandbox.configure({ outage: { api: 'html502' } });
        const handle = await own.start(name, prompts, { concurrency: rows });
        await untilHeld(handle, 'service');
        const heldAtMs = Date.now();
        await eventually(() => Date.now() > heldAtMs + 4_000, { what: 'it lasts', withinMs: 20_000 });
        const faultOver = performance.now();
        own.sandbox.configure({ outage: { api: 'none' } });
        expect(await handle.result()).toMatchObject({ tally: { stored: 1, failed: rows - 1 } });
        const facts = { fault: name, batchId: name, rows, faultOver };
        expect((await expectRecovered(own, facts)).jobs).toBe(rows);
      },
    ));

  it('alone in a batch holds it until the service has served another batch, and then fails', async () => {
    const [name, other] = ['poison-alone', 'poison-elsewhere'];
    const handle = await runs.start(name, [`${name} [[create-502]]`]);
    await untilHeld(handle, 'service');
    const heldAtMs = Date.now();
    await eventually(() => Date.now() > heldAtMs + 12_000, { what: 'it lasts', withinMs: 20_000 });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    const faultOver = performance.now();
    await (await runs.start(other, [`${other} 1`, `${other} 2`])).result();
    expect(await handle.result()).toMatchObject({ tally: { stored: 0, failed: 1 } });
    const facts = { fault: name, batchId: name, rows: 1, faultOver };
    expect((await expectRecovered(runs, facts)).jobs).toBe(0);
  });

  it('fails again by itself if it is the only row retried', async () => {
    const name = 'poison-retried';
    const prompts = Array.from(
      { length: 6 },
      (_, row) => `${name} ${row} ${row === 2 ? '[[create-502]]' : ''}`,
    );
    const expected = { tally: { stored: 5, failed: 1 } };
    expect(await (await runs.start(name, prompts)).result()).toMatchObject(expected);
    const { stack, taskQueue, apiUrl } = runs;
    const variables = {
      BANANA_TASK_QUEUE: taskQueue,
      TEMPORAL_ADDRESS: stack.temporal.address,
      ...bucketVariables(stack.s3),
      BANANAHUB_BASE_URL: apiUrl,
      BANANAHUB_API_KEY: TEST_API_KEY,
    };
    const faultOver = performance.now();
    const retried = await runInProcess(['retry', name, '--yes', '--json'], { cwd: tmpdir(), variables });
    expect(retried).toMatchObject({ code: 0 });
    expect(JSON.parse(retried.stdout)).toMatchObject({ runSeq: 2, rows: 1 });
    expect(await stack.temporal.client.workflow.getHandle(`batch:${name}`).result()).toMatchObject(expected);
    const facts = { fault: name, batchId: name, rows: 6, faultOver };
    const { outcomes, jobs } = await expectRecovered(runs, facts);
    expect(outcomes[2]).toMatchObject({ end: { kind: 'failed', failure: 'service-error' } });
    expect(jobs).toBe(5);
  });

  it('is shown as set aside with its fault while it waits', () =>
    withProxiedRuns(
      {
        stack: runs.stack,
        sandbox: { jobTimeMs: { min: 200, max: 600 } },
        // It fails alone for so long that a query observes it even on a slow machine.
        limits: { serviceFaultMs: 600, createFaultMs: 240_000 },
      },
      async (own) => {
        const name = 'poison-seen';
        const prompts = Array.from(
          { length: ROWS },
          (_, row) => `${name} ${row} ${row === 2 ? '[[create-502]]' : ''}`,
        );
        const handle = await own.start(name, prompts, { concurrency: 4 });
        const of = own.stack.temporal.client.workflow.getHandle(shardWorkflowId(own.runOf(name), 0));
        await eventually(
          async () => (await of.query(oldestRowsQuery).catch(() => undefined))?.aside.failing === 1,
          { what: 'the row waits aside', withinMs: 60_000 },
        );
        expect(await of.query(rowQuery, 2)).toMatchObject({
          fault: { step: expect.stringMatching(/^create:/), failures: expect.any(Number) },
        });
        await handle.executeUpdate(cancelUpdate);
        expect(await handle.result()).toMatchObject({ end: 'cancelled' });
      },
    ));

  it('is not blamed during an outage, however long it lasts', async () => {
    const name = 'poison-and-outage';
    const prompts = Array.from({ length: ROWS }, (_, row) => `${name} ${row}`);
    const before = runs.sandbox.stats().jobsMade;
    const handle = await runs.start(name, prompts, { concurrency: 8 });
    await eventually(() => runs.sandbox.stats().jobsMade >= before + 10, {
      what: 'jobs are made',
      withinMs: 60_000,
    });
    runs.sandbox.configure({ outage: { api: 'html502', images: 'down503' } });
    await untilHeld(handle, 'service');
    const heldAtMs = Date.now();
    await eventually(() => Date.now() > heldAtMs + 8_000, { what: 'it lasts', withinMs: 20_000 });
    const faultOver = performance.now();
    runs.sandbox.configure({ outage: { api: 'none', images: 'none' } });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS, failed: 0 } });
    const facts = { fault: 'an outage of several times what a row may fail', batchId: name, rows: ROWS };
    expect((await expectRecovered(runs, { ...facts, faultOver })).jobs).toBe(ROWS);
  });
});
