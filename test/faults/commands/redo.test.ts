import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromStoredIdentity, type StoredIdentity } from '../../../src/domain/images/stored-identity.js';
import { at, imageKey } from '../../../src/storage/layout.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { eventually } from '../../support/eventually.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

describe('redo', () => {
  let engine: TestEngine;
  let jobsBefore = 0;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 300, max: 600 } } });
    await engine.startWorker();
  });
  beforeEach(() => {
    engine.sandbox.configure({ jobTimeMs: { min: 300, max: 600 }, next: {}, outage: { images: 'none' } });
    jobsBefore = engine.sandbox.stats().jobsMade;
  });
  afterAll(() => engine?.stop());

  const { command, write, handleOf, ended, location } = submissionBench(() => engine);
  const jobsMade = (): number => engine.sandbox.stats().jobsMade - jobsBefore;
  /** Two rows, `a` and `b`, with their images. */
  const madeBatch = async (batchId: string): Promise<void> => {
    await write(`${batchId}.csv`, `id,prompt\na,${batchId} one\nb,${batchId} two\n`);
    await command(['submit', `${batchId}.csv`]);
    await ended(batchId);
    expect(jobsMade()).toBe(2);
  };
  const image = async (batchId: string, rowId: string): Promise<StoredIdentity> => {
    const batch = location(batchId);
    const head = await engine.stack.s3.store.head(at(batch, imageKey(batch, rowId, 'png')));
    const identity = fromStoredIdentity(head?.metadata ?? {});
    if (!identity) throw new Error(`Row ${rowId} of ${batchId} has no image of its own.`);
    return identity;
  };
  const evidence = (batchId: string) => readEvidence(engine.stack.s3.store, location(batchId));
  const generationsOf = async (batchId: string, rowId: string) =>
    (await evidence(batchId)).outcomes.find((outcome) => outcome.rowId === rowId)?.generations;

  it('buys the named row again and replaces its image, and no other', async () => {
    await madeBatch('fresh');
    const [a, b] = [await image('fresh', 'a'), await image('fresh', 'b')];
    const redone = await command(['redo', 'fresh', '--rows', 'a', '--watch', '--json']);
    expect(redone).toMatchObject({ code: 0 });
    expect(JSON.parse(redone.stdout)).toMatchObject({ state: 'completed', stored: 2, total: 2 });
    expect(jobsMade()).toBe(3);
    const after = await image('fresh', 'a');
    expect(after).toMatchObject({ generation: 2, runSeq: 2 });
    expect(after.jobId).not.toBe(a.jobId);
    expect(await image('fresh', 'b')).toEqual(b);
    const { report, metadata } = await evidence('fresh');
    expect(report).toMatchObject({ charged: { yes: 3 }, tally: { stored: 2 } });
    expect(metadata.map(({ sha256 }) => sha256)).toEqual([after.image.sha256, b.image.sha256]);
    // An image that a redo has made is not made again.
    expect(await command(['retry', 'fresh'])).toMatchObject({
      stderr: expect.stringContaining('Nothing to do'),
    });
    expect(jobsMade()).toBe(3);
  });

  it('accepts rows by name and line', async () => {
    await write('named.csv', 'prompt,SKU\na sofa,SF-001\na chair,SF-002\na lamp,SF-003\n');
    await command(['submit', 'named.csv', '--map', 'file_name=SKU']);
    await ended('named');
    const kept = await image('named', 'SF-002');
    expect(await command(['redo', 'named', '--rows', 'SF-001.png,4', '--watch'])).toMatchObject({ code: 0 });
    expect(jobsMade()).toBe(5);
    expect(await image('named', 'SF-001')).toMatchObject({ generation: 2 });
    expect(await image('named', 'SF-003')).toMatchObject({ generation: 2 });
    expect(await image('named', 'SF-002')).toEqual(kept);
  });

  it('refuses unknown rows and suggests similar ones', async () => {
    await write('names.csv', 'id,prompt\nlighthouse-keeper,a keeper\n');
    await command(['submit', 'names.csv']);
    await ended('names');
    const refused = await command(['redo', 'names', '--rows', 'lighthouse']);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean "lighthouse-keeper"?'),
    });
    expect(await command(['redo', 'names'])).toMatchObject({ code: 2 });
    expect(jobsMade()).toBe(1);
  });

  it('keeps the old image if it fails, and reports what was bought', async () => {
    await madeBatch('stays');
    const before = await image('stays', 'a');
    engine.sandbox.configure({ next: { 'job-refused': 1 } });
    await write('rows.txt', 'a\n');
    const redone = await command(['redo', 'stays', '--rows-file', 'rows.txt', '--watch']);
    expect(redone).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('1 row keeps its old image'),
    });
    expect(jobsMade()).toBe(3);
    expect(await image('stays', 'a')).toEqual(before);
    expect(await generationsOf('stays', 'a')).toMatchObject([
      { generation: 1, end: 'done', charged: 'yes' },
      { generation: 2, end: 'failed' },
    ]);
    const { report, metadata } = await evidence('stays');
    expect(report.tally).toMatchObject({ stored: 2, failed: 0 });
    expect(metadata[0]).toMatchObject({ sha256: before.image.sha256 });
    // The next one is a separate generation.
    expect(await command(['redo', 'stays', '--rows', 'a', '--watch'])).toMatchObject({ code: 0 });
    expect(await image('stays', 'a')).toMatchObject({ generation: 3 });
    expect(jobsMade()).toBe(4);
  });

  it('buys once if its worker is killed while it waits for the job', async () => {
    await madeBatch('killed');
    engine.sandbox.configure({ jobTimeMs: { min: 4_000, max: 4_000 } });
    expect(await command(['redo', 'killed', '--rows', 'a,b'])).toMatchObject({ code: 0 });
    await eventually(() => jobsMade() === 4, { what: 'both jobs are made', withinMs: 20_000 });
    await engine.workers.at(-1)?.end('SIGKILL');
    expect(await image('killed', 'a')).toMatchObject({ generation: 1 });
    await engine.startWorker();
    await ended('killed');
    expect(jobsMade()).toBe(4);
    expect(await image('killed', 'a')).toMatchObject({ generation: 2 });
    expect(await image('killed', 'b')).toMatchObject({ generation: 2 });
  });

  it('loses no image if terminated, and retry finishes it with the same jobs', async () => {
    await madeBatch('ended');
    engine.sandbox.configure({ jobTimeMs: { min: 3_000, max: 3_000 } });
    await command(['redo', 'ended', '--rows', 'a,b']);
    await eventually(() => jobsMade() === 4, { what: 'both jobs are made', withinMs: 20_000 });
    await handleOf('ended').terminate('a test');
    // A retry of other kinds leaves the rows with their images.
    const other = await command(['retry', 'ended', '--kind', 'flaky', '--watch', '--json']);
    expect(JSON.parse(other.stdout)).toMatchObject({ state: 'completed', stored: 2 });
    expect(await generationsOf('ended', 'a')).toMatchObject([
      { generation: 1, end: 'done' },
      { generation: 2, end: 'unanswered', charged: 'unknown' },
    ]);
    expect(jobsMade()).toBe(4);
    // The same redo again finds the jobs that it had bought.
    expect(await command(['redo', 'ended', '--rows', 'a,b', '--watch'])).toMatchObject({ code: 0 });
    expect(jobsMade()).toBe(4);
    expect(await image('ended', 'a')).toMatchObject({ generation: 2 });
  });

  it('is continued by retry if terminated', async () => {
    await madeBatch('goes-on');
    engine.sandbox.configure({ jobTimeMs: { min: 3_000, max: 3_000 } });
    await command(['redo', 'goes-on', '--rows', 'b']);
    await eventually(() => jobsMade() === 3, { what: 'the job is made', withinMs: 20_000 });
    await handleOf('goes-on').terminate('a test');
    expect(await command(['retry', 'goes-on', '--watch'])).toMatchObject({ code: 0 });
    expect(jobsMade()).toBe(3);
    expect(await image('goes-on', 'b')).toMatchObject({ generation: 2 });
  });

  it.each([
    { left: 'unfinished', batch: 'called-off', job: { jobTimeMs: { min: 5_000, max: 5_000 } } },
    { left: 'done', batch: 'not-copied', job: { outage: { images: 'drop' } } },
  ] as const)(
    'keeps the old image if cancelled, and the job for the next run, which is $left',
    async ({ batch, job, left }) => {
      await madeBatch(batch);
      const made = jobsMade() + 1;
      const before = await image(batch, 'a');
      engine.sandbox.configure(job);
      await command(['redo', batch, '--rows', 'a', '--grace', '1s']);
      await eventually(() => jobsMade() === made, { what: 'the job is made', withinMs: 20_000 });
      if (left === 'done') {
        const isCopying = async (): Promise<boolean> => (await engine.statusOf(batch)).copying === 1;
        await eventually(isCopying, { what: 'its image is being copied', withinMs: 20_000 });
      }
      await command(['cancel', batch]);
      await ended(batch);
      expect(await image(batch, 'a')).toEqual(before);
      const { report } = await evidence(batch);
      expect(report).toMatchObject({ state: 'cancelled', tally: { stored: 2, cancelled: 0 } });
      engine.sandbox.configure({ outage: { images: 'none' } });
      const plan = await command(['redo', batch, '--rows', 'a', '--watch', '--json']);
      expect(plan).toMatchObject({ code: 0, stderr: expect.stringContaining('1 job already known') });
      expect(jobsMade()).toBe(made);
      expect(await image(batch, 'a')).toMatchObject({ generation: 2 });
    },
  );
});
