import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { at, batchFileKey, openedKey, partsPrefix } from '../../../src/storage/layout.js';
import { shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { expectCorrect } from '../../support/batches/batch-verdict.js';
import { eventually } from '../../support/eventually.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const ROWS = 12;
const CANARY = 5;

describe('a batch whose bucket is restored to an older state while it runs', { timeout: 240_000 }, () => {
  let engine: TestEngine;
  let jobsBefore = 0;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 1_000, max: 1_500 } } });
    await engine.startWorker();
  });
  beforeEach(() => {
    jobsBefore = engine.sandbox.stats().jobsMade;
  });
  afterAll(() => engine?.stop());

  const { command, write, handleOf, ended, location } = submissionBench(() => engine);
  const jobsMade = (): number => engine.sandbox.stats().jobsMade - jobsBefore;
  const status = async (batchId: string) => JSON.parse((await command(['status', batchId, '--json'])).stdout);
  const submit = async (batchId: string, args: readonly string[] = [], lines: readonly string[] = []) => {
    const rows = Array.from(
      { length: ROWS - lines.length },
      (_, row) => `${batchId}-${row},${batchId} ${row}`,
    );
    await write(`${batchId}.csv`, `id,prompt\n${[...lines, ...rows].join('\n')}\n`);
    const all = ['submit', `${batchId}.csv`, '--canary', `${CANARY}`, '--yes', ...args];
    expect(await command(all)).toMatchObject({ code: 0 });
  };
  /** Waits until the first rows are recorded, and the batch waits for a person. */
  const untilSeen = (batchId: string): Promise<unknown> =>
    eventually(async () => (await status(batchId)).state === 'paused', {
      what: `${batchId} waits for a look at its canary`,
      withinMs: 60_000,
    });
  const losesParts = async (batchId: string): Promise<void> => {
    const { store, bucket } = engine.stack.s3;
    const keys: string[] = [];
    for await (const { key } of store.list(bucket, partsPrefix(location(batchId), 1))) keys.push(key);
    expect(keys).not.toEqual([]);
    for (const key of keys) await store.delete({ bucket, key });
  };
  const failed = async (batchId: string): Promise<string> => {
    await expect(handleOf(batchId).result()).rejects.toThrow('Workflow execution failed');
    const { state, reason } = await status(batchId);
    expect(state).toBe('failed');
    const { stdout } = await command(['list', '--json']);
    const { batches } = JSON.parse(stdout);
    expect(batches).toContainEqual(expect.objectContaining({ batchId, state: 'failed', reason }));
    return reason;
  };

  it('reports which parts are missing and what retry does, which buys nothing again', async () => {
    await submit('parts', [], ['refused,shy [[refuse]]', 'flaky,shy bird [[flaky]]']);
    await untilSeen('parts');
    await losesParts('parts');
    expect(await command(['resume', 'parts'])).toMatchObject({ code: 0 });
    const reason = await failed('parts');
    expect(reason).toMatch(
      /^Records of the batch are missing: .*runs\/0001\/parts\/.* the results of 5 of 12 rows/,
    );
    expect(reason).toMatch(/Continue with: banana-batch retry parts\./);
    expect(reason).toMatch(/The results of 5 rows were found in Temporal's history/);
    expect(reason).not.toContain('temporal workflow show');
    const made = jobsMade();
    expect(await command(['retry', 'parts', '--yes'])).toMatchObject({ code: 0 });
    await ended('parts');
    expect(jobsMade()).toBe(made);
    expect(await status('parts')).toMatchObject({ state: 'completed', failuresByKind: { refused: 1 } });
    await expectCorrect(engine, { batchId: 'parts', rows: ROWS });
  });

  it('gets lost images again from their jobs', async () => {
    const { s3 } = engine.stack;
    await submit('images');
    await eventually(() => s3.store.head(at(location('images'), openedKey(location('images'), 1, 0))), {
      what: 'its first shard is opened',
      withinMs: 30_000,
    });
    const [now, earlier] = [`${s3.folder}/${s3.bucket}/images`, `${s3.folder}-earlier`];
    await copy(now, earlier);
    await untilSeen('images');
    await s3.kill();
    await copy(earlier, now);
    await s3.restart();
    expect(await s3.store.head(at(location('images'), batchFileKey(location('images'))))).toBeDefined();
    expect(await command(['resume', 'images'])).toMatchObject({ code: 0 });
    expect(await failed('images')).toMatch(/5 images are missing too: retry gets them again from their jobs/);
    const plan = await command(['retry', 'images', '--yes', '--json']);
    expect(JSON.parse(plan.stdout)).toMatchObject({ again: 5, awaited: 5 });
    await ended('images');
    expect(jobsMade()).toBe(ROWS);
    expect(await status('images')).toMatchObject({ state: 'completed', stored: ROWS });
    await expectCorrect(engine, { batchId: 'images', rows: ROWS });
  });

  it('keeps the jobs of rows with lost parts when it is cancelled', async () => {
    await submit('cancelled');
    await untilSeen('cancelled');
    await losesParts('cancelled');
    expect(await command(['cancel', 'cancelled'])).toMatchObject({ code: 0 });
    expect(await failed('cancelled')).toMatch(
      /^Records of the batch are missing: .*the results of 5 of 5 rows/,
    );
    expect(await command(['retry', 'cancelled', '--yes'])).toMatchObject({ code: 0 });
    await ended('cancelled');
    expect(jobsMade()).toBe(ROWS);
    expect(await status('cancelled')).toMatchObject({ state: 'completed', stored: ROWS });
  });

  it('sends no create whose key may be forgotten if the history is lost, too', async () => {
    const { client } = engine.stack.temporal;
    const batch = location('nothing');
    await submit('nothing', ['--idempotency-horizon', '1s']);
    await untilSeen('nothing');
    await losesParts('nothing');
    await engine.stack.s3.store.delete(at(batch, openedKey(batch, 1, 0)));
    await removeImages('nothing');
    const workflowId = shardWorkflowId({ ...batch, runSeq: 1 }, 0);
    await client.workflowService.deleteWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId },
    });
    await eventually(
      () =>
        client.workflow
          .getHandle(workflowId)
          .describe()
          .then(
            () => false,
            () => true,
          ),
      {
        what: 'the history of the shard is gone',
        withinMs: 30_000,
      },
    );
    expect(await command(['resume', 'nothing'])).toMatchObject({ code: 0 });
    expect(await failed('nothing')).toMatch(/Nothing else is known of 5 rows: .*the same idempotency keys/);
    const made = jobsMade();
    expect(await command(['retry', 'nothing', '--yes'])).toMatchObject({ code: 0 });
    await ended('nothing');
    expect(jobsMade()).toBe(made);
    expect(await status('nothing')).toMatchObject({
      stored: ROWS - CANARY,
      failuresByKind: { 'unknown-charge': CANARY },
    });
  });

  const removeImages = async (batchId: string): Promise<void> => {
    const { store, bucket } = engine.stack.s3;
    const keys: string[] = [];
    for await (const { key } of store.list(bucket, `${location(batchId).root}images/`)) keys.push(key);
    expect(keys).toHaveLength(CANARY);
    for (const key of keys) await store.delete({ bucket, key });
  };
});

/** Replaces a folder by a copy, including file attributes. */
async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('rm', ['-rf', to]);
  await promisify(execFile)('cp', ['-a', from, to]);
}
