import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunSettings } from '../../../src/domain/batch/run-settings.js';
import {
  cancelUpdate,
  instructSignal,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
} from '../../../src/workflows/protocol/batch-messages.js';
import { batchWorkflowId, shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { startBatchRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { expectRecovered, jobIdsOf } from '../../support/batches/batch-verdict.js';
import { eventually } from '../../support/eventually.js';

const ROWS = 20;

type Task = 'first' | 'second' | 'last';

describe('a batch whose workflow is reset in Temporal', () => {
  let runs: BatchRuns;
  let jobsBefore = 0;
  let otherJobs: ReadonlySet<string> = new Set();
  beforeAll(async () => {
    runs = await startBatchRuns({
      sandbox: { jobTimeMs: { min: 1_000, max: 2_000 }, retryAfterSeconds: 0 },
      limits: { serviceFaultMs: 600, storageFaultMs: 600, imageFaultMs: 1_500 },
    });
  });
  beforeEach(() => {
    runs.sandbox.configure({ keyRevoked: false });
    jobsBefore = runs.sandbox.stats().jobsMade;
    otherJobs = jobIdsOf(runs.sandbox);
  });
  afterAll(async () => {
    await runs?.stop();
  });

  const jobsMade = (): number => runs.sandbox.stats().jobsMade - jobsBefore;
  const untilJobs = (count: number) =>
    eventually(() => jobsMade() >= count, { what: `${count} jobs are made`, withinMs: 20_000 });
  const start = (name: string, settings: Partial<RunSettings> = {}) =>
    runs.start(
      name,
      Array.from({ length: ROWS }, (_, row) => `${name} ${row}`),
      { graceMs: 20_000, ...settings },
    );

  /** Resets the batch to one of its workflow tasks; its sheet has been read at the second. */
  async function reset(name: string, to: Task): Promise<void> {
    const workflowId = batchWorkflowId(runs.runOf(name).batchId);
    const { runId } = await runs.stack.temporal.client.workflow.getHandle(workflowId).describe();
    await resetRun(workflowId, runId, to);
  }

  async function resetRun(workflowId: string, runId: string, to: Task): Promise<void> {
    const { client } = runs.stack.temporal;
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
    const workflowTaskFinishEventId = tasks.at({ first: 0, second: 1, last: -1 }[to])?.eventId;
    if (!workflowTaskFinishEventId) throw new Error(`${workflowId} has no finished task yet.`);
    await client.workflowService.resetWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId, runId },
      reason: 'a test',
      workflowTaskFinishEventId,
      requestId: randomUUID(),
    });
  }

  /** The end of the batch's newest workflow run. */
  const resultOf = (name: string): Promise<unknown> =>
    runs.stack.temporal.client.workflow.getHandle(batchWorkflowId(runs.runOf(name).batchId)).result();

  it.each(['first', 'last'] as const)(
    'to its %s task keeps its shard running, buys nothing twice and counts every row once',
    async (to) => {
      const name = `reset-to-${to}`;
      await start(name);
      // Some images are stored by this time.
      await untilJobs(14);
      await reset(name, to);
      const faultOver = performance.now();
      expect(await resultOf(name)).toMatchObject({ end: 'completed', tally: { total: ROWS, stored: ROWS } });
      const fault = `workflow reset to its ${to} task`;
      await expectRecovered(runs, { fault, batchId: name, rows: ROWS, otherJobs, faultOver });
      expect(jobsMade()).toBe(ROWS);
    },
  );

  it.each(['second', 'last'] as const)(
    'continues with a terminated shard that is reset to its %s task while its successor runs',
    async (to) => {
      const name = `shard-reset-to-${to}`;
      await start(name, { budget: '100.00', prices: [{ model: 'pro', resolution: '1K', price: '0.08' }] });
      await untilJobs(6);
      const shard = runs.stack.temporal.client.workflow.getHandle(shardWorkflowId(runs.runOf(name), 0));
      const { runId } = await shard.describe();
      await shard.terminate();
      await eventually(
        async () => {
          const { runId: newest, historyLength, status } = await shard.describe();
          return newest !== runId && status.name === 'RUNNING' && historyLength > 5;
        },
        { what: 'its successor runs', withinMs: 20_000 },
      );
      await resetRun(shard.workflowId, runId, to);
      const faultOver = performance.now();
      expect(await resultOf(name)).toMatchObject({ end: 'completed', tally: { total: ROWS, stored: ROWS } });
      const fault = `terminated shard reset to its ${to} task while its successor runs`;
      await expectRecovered(runs, { fault, batchId: name, rows: ROWS, otherJobs, faultOver });
      expect(jobsMade()).toBe(ROWS);
    },
  );

  it('to before updates and signals continues on another worker', async () => {
    const name = 'reset-and-told';
    const handle = await start(name);
    await untilJobs(5);
    await handle.signal(instructSignal, { kind: 'pause' });
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    await handle.executeUpdate(setUpdate, { args: [{ concurrency: 5 }] });
    await handle.signal(instructSignal, { kind: 'set', concurrency: 7 });
    await reset(name, 'second');
    const faultOver = performance.now();
    expect(await resultOf(name)).toMatchObject({ end: 'completed', tally: { total: ROWS, stored: ROWS } });
    // A worker without the workflow in memory answers by replaying its history.
    const newest = runs.stack.temporal.client.workflow.getHandle(handle.workflowId);
    expect(await newest.query(snapshotQuery)).toMatchObject({ phase: 'completed' });
    const fault = 'workflow reset to before it was paused, resumed and set';
    await expectRecovered(runs, { fault, batchId: name, rows: ROWS, otherJobs, faultOver });
  });

  it('and whose key is then revoked is held, and continues with a valid key', async () => {
    const name = 'reset-and-revoked';
    const handle = await start(name);
    await untilJobs(10);
    await reset(name, 'last');
    runs.sandbox.configure({ keyRevoked: true });
    const newest = runs.stack.temporal.client.workflow.getHandle(handle.workflowId);
    await eventually(
      async () => (await newest.query(snapshotQuery)).holds.some(({ scope }) => scope === 'account'),
      { what: 'the batch is held', withinMs: 20_000 },
    );
    runs.sandbox.configure({ keyRevoked: false });
    const faultOver = performance.now();
    expect(await resultOf(name)).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
    const fault = 'workflow reset, then the key revoked';
    await expectRecovered(runs, { fault, batchId: name, rows: ROWS, otherJobs, faultOver });
  });

  it('and which is then cancelled buys nothing more', async () => {
    const name = 'reset-and-cancelled';
    const handle = await start(name);
    await untilJobs(10);
    await reset(name, 'last');
    const newest = runs.stack.temporal.client.workflow.getHandle(handle.workflowId);
    await newest.executeUpdate(cancelUpdate);
    const paid = jobsMade();
    const faultOver = performance.now();
    expect(await resultOf(name)).toMatchObject({ end: 'cancelled', tally: { total: ROWS } });
    expect(jobsMade()).toBeLessThanOrEqual(paid + 1);
    const fault = 'workflow reset, then cancelled';
    await expectRecovered(runs, { fault, batchId: name, rows: ROWS, otherJobs, faultOver });
  });
});
