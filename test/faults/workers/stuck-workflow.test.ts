import { describe, expect, it } from 'vitest';
import { shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { eventually } from '../../support/eventually.js';
import { startOtherBuild } from '../../support/stack/other-build-worker.js';
import { submissionBench, type SubmissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

/** Enough that none ends before it is paused, also on a busy machine. */
const ROWS = 40;
/** Exactly what all rows cost. */
const BUDGET = '1.60';
const PRICES = { BANANA_PRICES: '{"pro":{"1K":"0.04"}}' };

interface Bench extends SubmissionBench {
  readonly engine: TestEngine;
  readonly stuckStatus: (batchId: string) => Promise<string>;
  readonly jobsMade: () => number;
}

/** Runs `use` with separate servers, a worker, and a batch that has made some jobs. */
async function withBatch(batchId: string, use: (bench: Bench) => Promise<void>): Promise<void> {
  const engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 1_500, max: 2_500 } } });
  const bench = submissionBench(() => ({ ...engine, variables: { ...engine.variables, ...PRICES } }));
  const { command, write } = bench;
  const jobsMade = (): number => engine.sandbox.stats().jobsMade;
  const stuckStatus = (id: string): Promise<string> =>
    eventually(
      async () => {
        const { state, reason } = JSON.parse((await command(['status', id, '--json'])).stdout);
        return state === 'stuck' ? String(reason) : undefined;
      },
      { what: `${id} is seen to be stuck`, withinMs: 150_000 },
    );
  try {
    await engine.startWorker();
    const prompts = Array.from({ length: ROWS }, (_, row) => `${batchId} ${row}`);
    await write(`${batchId}.csv`, `prompt\n${prompts.join('\n')}\n`);
    const flags = ['--concurrency', '4', '--budget', BUDGET, '--yes'];
    expect(await command(['submit', `${batchId}.csv`, ...flags])).toMatchObject({ code: 0 });
    await eventually(() => jobsMade() >= 6, { what: 'six jobs are made', withinMs: 60_000 });
    expect(await engine.statusOf(batchId)).toMatchObject({ state: 'running' });
    await use({ ...bench, engine, stuckStatus, jobsMade });
  } finally {
    await engine.stop();
  }
}

/** Pauses the batch, and waits until its workflows have nothing to do. */
async function pauseQuietly({ engine, command }: Bench, batchId: string): Promise<void> {
  expect(await command(['pause', batchId])).toMatchObject({ code: 0 });
  await eventually(
    async () => {
      const { state, inFlight, copying } = await engine.statusOf(batchId);
      return state === 'paused' && inFlight + copying === 0;
    },
    { what: 'nothing is in flight', withinMs: 100_000 },
  );
}

/**
 * Restores Temporal's database to an earlier pause of the batch. Its workflows are quiet then: a worker with a task in
 * hand would notice, and read the restored state.
 */
async function setBack(bench: Bench, batchId: string): Promise<void> {
  const { engine, command, jobsMade } = bench;
  const { temporal } = engine.stack;
  await pauseQuietly(bench, batchId);
  await temporal.saveDatabase();
  const before = jobsMade();
  expect(await command(['resume', batchId])).toMatchObject({ code: 0 });
  await eventually(() => jobsMade() > before, { what: 'it has gone on', withinMs: 60_000 });
  await pauseQuietly(bench, batchId);
  await temporal.restoreDatabase();
}

/** Terminates the batch, continues from the bucket, and expects that nothing was bought twice. */
async function expectContinued(bench: Bench, batchId: string, fault: string): Promise<void> {
  const { command, ended, engine, jobsMade, location } = bench;
  const faultOver = performance.now();
  const retried = await command(['retry', batchId, '--force', '--yes']);
  expect(retried).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^Budget +\d\.\d+ left of 1\.60$/m),
  });
  await ended(batchId);
  expect(jobsMade()).toBe(ROWS);
  await expectRecovered(engine, { fault, batchId, rows: ROWS, faultOver, mayRetryEarly: true });
  const shard = engine.stack.temporal.client.workflow.getHandle(
    shardWorkflowId({ ...location(batchId), runSeq: 1 }, 0),
  );
  expect((await shard.describe()).status.name).toBe('TERMINATED');
}

describe('a batch whose workflow cannot continue', { timeout: 300_000 }, () => {
  it.concurrent('because its workers have another build is reported, terminated and continued', () =>
    withBatch('other', async (bench) => {
      const { engine, command, stuckStatus } = bench;
      await engine.workers[0]?.end('SIGTERM');
      const other = await startOtherBuild(engine);
      try {
        const reason = await stuckStatus('other');
        expect(reason).toMatch(
          /^Stuck: its workflow cannot continue: its workflow task has failed \d+ times \(.*ondeterminism.*banana-batch retry other --force$/,
        );
        const shown = await command(['status', 'other']);
        expect(shown.stdout).toMatch(/^other +stuck /m);
        expect(shown.stdout).toContain('Stuck: its workflow cannot continue:');
        const listed = JSON.parse((await command(['list', '--json'])).stdout);
        expect(listed.batches).toMatchObject([{ batchId: 'other', state: 'stuck' }]);
        const checked = await eventually(
          async () => {
            const result = await command(['doctor']);
            return result.code === 2 ? result.stdout : undefined;
          },
          { what: 'doctor finds it', withinMs: 150_000 },
        );
        expect(checked).toMatch(
          /^problem +batch +"other": Stuck: .*\n +→ banana-batch retry other --force$/m,
        );
        for (const verb of ['retry', 'cancel', 'pause']) {
          expect(await command([verb, 'other'])).toMatchObject({
            code: 2,
            stderr: expect.stringContaining('Stuck: its workflow cannot continue'),
          });
        }
      } finally {
        await other.stop();
      }
      await engine.startWorker();
      await expectContinued(bench, 'other', 'workers of another build, ended and retried');
    }));

  it.concurrent('because Temporal was restored under running workers is reported, terminated and continued', () =>
    withBatch('back', async (bench) => {
      await setBack(bench, 'back');
      const reason = await bench.stuckStatus('back');
      expect(reason).toMatch(
        /restored to an older state .*Restart all workers.*banana-batch retry back --force$/,
      );
      await expectContinued(bench, 'back', 'Temporal set back under living workers, ended and retried');
    }));

  it.concurrent('because Temporal was restored continues by itself once its workers are restarted', () =>
    withBatch('restarted', async (bench) => {
      const { engine, command, stuckStatus, ended, jobsMade } = bench;
      await setBack(bench, 'restarted');
      expect(await stuckStatus('restarted')).toContain('Restart all workers');
      await engine.workers[0]?.end('SIGTERM');
      await engine.startWorker();
      const faultOver = performance.now();
      // As it was when its database was saved.
      expect(await engine.statusOf('restarted')).toMatchObject({ state: 'paused' });
      expect(await command(['resume', 'restarted'])).toMatchObject({ code: 0 });
      await ended('restarted');
      expect(jobsMade()).toBe(ROWS);
      const fault = 'Temporal set back under living workers, workers restarted';
      await expectRecovered(engine, {
        fault,
        batchId: 'restarted',
        rows: ROWS,
        faultOver,
        mayRetryEarly: true,
      });
    }));

  it.concurrent('is ended by cancel --force, and retry makes the rest', () =>
    withBatch('ended', async (bench) => {
      const { engine, command, jobsMade, ended } = bench;
      await engine.workers[0]?.end('SIGTERM');
      const cancelled = await command(['cancel', 'ended', '--force']);
      expect(cancelled).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('banana-batch retry ended'),
      });
      expect(await engine.statusOf('ended')).toMatchObject({ state: 'failed' });
      const made = jobsMade();
      await engine.startWorker();
      expect(await command(['retry', 'ended', '--budget', BUDGET, '--yes'])).toMatchObject({ code: 0 });
      await ended('ended');
      expect(jobsMade()).toBe(ROWS);
      expect(made).toBeLessThan(ROWS);
    }));
});
