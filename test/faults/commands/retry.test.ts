import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { at, openedKey, outcomesKey, reportKey } from '../../../src/storage/layout.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { runCommand } from '../../support/commands/command-line.js';
import { eventually } from '../../support/eventually.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const rows = (name: string, count: number): string =>
  `prompt\n${Array.from({ length: count }, (_, row) => `${name} ${row}\n`).join('')}`;

describe('retry', () => {
  let engine: TestEngine;
  let jobsBefore = 0;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 400, max: 900 } } });
    await engine.startWorker();
  });
  beforeEach(() => {
    engine.sandbox.configure({ jobTimeMs: { min: 400, max: 900 } });
    jobsBefore = engine.sandbox.stats().jobsMade;
  });
  afterAll(() => engine?.stop());

  const { command, write, handleOf, ended, location } = submissionBench(() => engine);
  const jobsMade = (): number => engine.sandbox.stats().jobsMade - jobsBefore;
  const status = async (batchId: string) => JSON.parse((await command(['status', batchId, '--json'])).stdout);
  /** Submits a sheet and waits until some jobs are made. */
  const halfway = async (batchId: string, count: number, jobs: number): Promise<void> => {
    await write(`${batchId}.csv`, rows(batchId, count));
    expect(await command(['submit', `${batchId}.csv`, '--concurrency', '5'])).toMatchObject({ code: 0 });
    await eventually(() => jobsMade() >= jobs, { what: 'jobs are made', withinMs: 30_000 });
  };
  const retried = async (args: readonly string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await command(['retry', ...args, '--json']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return JSON.parse(stdout);
  };

  it('makes the rest of a terminated batch, and buys nothing twice', async () => {
    await halfway('stairs', 40, 12);
    expect(await command(['retry', 'stairs'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is not finished \(running\).*banana-batch cancel stairs/),
    });
    await handleOf('stairs').terminate('a test');
    expect(await status('stairs')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('banana-batch retry stairs'),
    });
    const plan = await retried(['stairs', '--dry-run']);
    expect(plan).toMatchObject({ runSeq: 2, action: 'retry', repeats: null });
    const started = await retried(['stairs']);
    expect(started).toMatchObject({ runSeq: 2, rows: plan['rows'] });
    await ended('stairs');
    expect(jobsMade()).toBe(40);
    expect(await status('stairs')).toMatchObject({ state: 'completed', stored: 40, total: 40, runSeq: 2 });
    expect(await command(['retry', 'stairs'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Nothing to do: every row has its image.'),
    });
  });

  it('continues from the bucket alone after Temporal has lost everything', async () => {
    await halfway('amnesia', 30, 10);
    await engine.stack.temporal.restartEmpty();
    const lost = await status('amnesia');
    expect(lost).toMatchObject({ state: 'failed', total: 30 });
    expect(lost.reason).toContain('banana-batch retry amnesia');
    await retried(['amnesia']);
    await ended('amnesia');
    expect(jobsMade()).toBe(30);
    expect(await status('amnesia')).toMatchObject({ state: 'completed', stored: 30, total: 30 });
  });

  it('never repeats an unrecorded create after the idempotency horizon', async () => {
    const batch = location('stale');
    await halfway('stale', 6, 5);
    await handleOf('stale').terminate('a test');
    const { store } = engine.stack.s3;
    const opened = { openedAt: new Date(Date.now() - 25 * 3600_000).toISOString() };
    await store.put(at(batch, openedKey(batch, 1, 0)), Buffer.from(JSON.stringify(opened)), {
      contentType: 'application/json',
    });
    const creates = jobsMade();
    await retried(['stale']);
    await ended('stale');
    expect(jobsMade()).toBe(creates);
    const { failed, stored, failuresByKind } = await status('stale');
    expect(failed + stored).toBe(6);
    expect(failuresByKind).toEqual({ 'unknown-charge': failed });
    // A person allows sending them: those that were bought are found by their keys.
    const named = await retried(['stale', '--kind', 'unknown-charge']);
    expect(named).toMatchObject({ again: failed, againByKind: { 'unknown-charge': failed } });
    await ended('stale');
    expect(await status('stale')).toMatchObject({ stored: 6, failed: 0 });
    expect(jobsMade()).toBe(6);
  });

  it('retries temporary failures, and refused rows only if named', async () => {
    await write(
      'mixed.csv',
      'id,prompt\ngood,a bird\nshy,a shy bird [[flaky]]\nbad,a bad bird [[refuse]]\nwrong,no bird [[invalid]]\n',
    );
    await command(['submit', 'mixed.csv', '--max-generations', '1']);
    await ended('mixed');
    expect(jobsMade()).toBe(3);
    const dry = await command(['retry', 'mixed', '--dry-run']);
    expect(dry).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /retry 1 row: 1 flaky\nSkipped +1 invalid, 1 refused\n.*--kind invalid,refused\n/,
      ),
    });
    expect(await retried(['mixed'])).toMatchObject({ rows: 1, againByKind: { flaky: 1 }, unchanged: 3 });
    await ended('mixed');
    expect(jobsMade()).toBe(4);
    const { outcomes, report } = await readEvidence(engine.stack.s3.store, location('mixed'));
    expect(report.tally).toMatchObject({ total: 4, stored: 2, failed: 2 });
    expect(outcomes.find(({ rowId }) => rowId === 'shy')?.generations).toMatchObject([
      { generation: 1, end: 'failed' },
      { generation: 2, end: 'done' },
    ]);

    expect(await command(['retry', 'mixed'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('retried only with --kind'),
    });
    expect(await retried(['mixed', '--kind', 'refused'])).toMatchObject({ againByKind: { refused: 1 } });
    await ended('mixed');
    expect(jobsMade()).toBe(5);
    expect(await status('mixed')).toMatchObject({ stored: 2, failed: 2, runSeq: 3 });
  });

  it('waits for the open jobs of a cancelled batch, and makes the rest', async () => {
    engine.sandbox.configure({ jobTimeMs: { min: 6_000, max: 8_000 } });
    await write('left.csv', rows('left', 8));
    await command(['submit', 'left.csv', '--concurrency', '5', '--grace', '1s']);
    await eventually(() => jobsMade() === 5, { what: 'five jobs are made', withinMs: 20_000 });
    expect(await command(['cancel', 'left'])).toMatchObject({ code: 0 });
    await ended('left');
    expect(await status('left')).toMatchObject({ state: 'cancelled', cancelled: 8 });
    expect(await retried(['left'])).toMatchObject({ again: 8, awaited: 5, againByKind: { cancelled: 8 } });
    await ended('left');
    expect(await status('left')).toMatchObject({ state: 'completed', stored: 8 });
    expect(jobsMade()).toBe(8);
  });

  it('finishes a batch that was terminated after its last row, and buys nothing', async () => {
    await write('open.csv', 'prompt\nan open letter\n');
    await command(['submit', 'open.csv']);
    await ended('open');
    const batch = location('open');
    for (const key of [reportKey(batch), outcomesKey(batch, 1)]) {
      await engine.stack.s3.store.delete(at(batch, key));
    }
    const sealing = await command(['retry', 'open']);
    expect(sealing).toMatchObject({ code: 0, stderr: expect.stringContaining('Nothing to buy') });
    await ended('open');
    expect(await status('open')).toMatchObject({ state: 'completed', runSeq: 2, stored: 1 });
    expect(jobsMade()).toBe(1);
  });

  it('repeats a run that was terminated before its sheet was read', async () => {
    await engine.workers[0]?.end('SIGTERM');
    await write('unread.csv', 'id,prompt\na,a leaf\nb,a page\n');
    await command(['submit', 'unread.csv']);
    await handleOf('unread').terminate('a test');
    const again = await command(['retry', 'unread', '--kind', 'flaky']);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('before its rows were read') });
    expect(await retried(['unread'])).toMatchObject({ runSeq: 2, repeats: 1, new: 2 });
    await engine.startWorker();
    await ended('unread');
    expect(await status('unread')).toMatchObject({ state: 'completed', stored: 2 });
    expect(jobsMade()).toBe(2);
  });

  it('reports within seconds that Temporal does not answer, and plans without it', async () => {
    await write('alone.csv', 'prompt\none alone [[refuse]]\n');
    await command(['submit', 'alone.csv']);
    await ended('alone');
    const variables = { ...engine.variables, TEMPORAL_ADDRESS: '127.0.0.1:9' };
    const options = { cwd: engine.folder.path, variables, withinMs: 20_000 };
    expect(await runCommand(['retry', 'alone'], options)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Temporal at 127\.0\.0\.1:9 .*does not answer\..*\n$/),
    });
    const dry = await runCommand(['retry', 'alone', '--kind', 'refused', '--dry-run', '--json'], options);
    expect(dry).toMatchObject({ code: 0 });
    expect(JSON.parse(dry.stdout)).toMatchObject({ runSeq: 2, again: 1 });
    expect(await runCommand(['retry', 'nobody', '--dry-run'], options)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no batch "nobody"'),
    });
  });
});
