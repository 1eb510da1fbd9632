import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimPlace, findPlace } from '../../../src/plan/place/batch-place.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const SHEET = 'id,prompt\none,a red fox\ntwo,a blue fox [[refuse]]\n';

describe('a batch stored with --to', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 50, max: 100 } } });
    await engine.startWorker();
    await engine.stack.s3.store.createBucket('gallery');
  });
  afterAll(() => engine?.stop());

  const { command, write, ended } = submissionBench(() => engine);
  const keysBelow = async (bucket: string, prefix: string): Promise<readonly string[]> => {
    const keys: string[] = [];
    for await (const { key } of engine.stack.s3.store.list(bucket, prefix)) keys.push(key);
    return keys;
  };
  const made = async (id: string, to: string): Promise<void> => {
    await write(`${id}.csv`, SHEET);
    expect(await command(['submit', `${id}.csv`, '--to', to])).toMatchObject({ code: 0 });
    await ended(id);
  };
  const isRefused = async (args: readonly string[], why: string): Promise<void> => {
    const refused = await command(args);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(why);
  };

  it('is in that folder, in any bucket, and is found by its id', async () => {
    await made('spring', 's3://gallery/campaigns/spring/');
    expect(await keysBelow(engine.stack.s3.bucket, 'spring/')).toEqual(['spring/place.json']);
    expect(await keysBelow('gallery', 'campaigns/spring/images/')).toEqual([
      'campaigns/spring/images/README.md',
      'campaigns/spring/images/train/metadata.jsonl',
      'campaigns/spring/images/train/one.png',
    ]);

    const location = 's3://gallery/campaigns/spring/';
    const status = await command(['status', 'spring', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ stored: 1, failed: 1, location });
    const listed = JSON.parse((await command(['list', '--json'])).stdout);
    expect(listed.batches).toContainEqual(expect.objectContaining({ batchId: 'spring', location }));
    expect((await command(['failures', 'spring'])).stdout).toContain('two');
    expect((await command(['row', 'spring', 'one'])).stdout).toContain(`${location}images/train/one.png`);
    expect(await command(['verify', 'spring', '--deep'])).toMatchObject({ code: 0 });

    const jobs = engine.sandbox.stats().jobsMade;
    expect(await command(['redo', 'spring', '--rows', 'one', '--yes'])).toMatchObject({ code: 0 });
    await ended('spring');
    expect(engine.sandbox.stats().jobsMade).toBe(jobs + 1);
    expect(await command(['submit', 'spring.csv'])).toMatchObject({ code: 0 });
    expect(await command(['verify', 'spring', '--deep'])).toMatchObject({ code: 0 });
    expect(await keysBelow(engine.stack.s3.bucket, 'spring/')).toEqual(['spring/place.json']);
  });

  it('stays there: another folder, or one that is not empty, is refused before anything starts', async () => {
    const { bucket } = engine.stack.s3;
    await made('summer', `s3://${bucket}/campaigns/summer/`);
    const jobs = engine.sandbox.stats().jobsMade;
    await write('other.csv', SHEET);

    await isRefused(
      ['submit', 'summer.csv', '--to', 's3://gallery/elsewhere/'],
      `is already stored at s3://${bucket}/campaigns/summer/`,
    );
    await isRefused(
      ['submit', 'other.csv', '--to', `s3://${bucket}/campaigns/summer`],
      'is the folder of batch "summer"',
    );
    await isRefused(
      ['submit', 'other.csv', '--to', `s3://${bucket}/campaigns/summer/images/`],
      `is inside the batch at s3://${bucket}/campaigns/summer/`,
    );
    await isRefused(['submit', 'other.csv', '--to', `s3://${bucket}/`], 'Expected a folder of a bucket');
    await isRefused(['submit', 'other.csv', '--to', 's3://no-such-bucket/a/'], 'no-such-bucket');
    expect(await command(['submit', 'other.csv', '--id', 'at-home'])).toMatchObject({ code: 0 });
    await ended('at-home');
    await isRefused(
      ['submit', 'other.csv', '--id', 'at-home', '--to', 's3://gallery/at-home/'],
      `is already stored at s3://${bucket}/at-home/`,
    );
    await isRefused(
      ['submit', 'other.csv', '--to', `s3://${bucket}/at-home/`],
      `s3://${bucket}/at-home/ is not empty`,
    );
    await engine.stack.s3.store.put({ bucket, key: 'theirs/data/report.json' }, Buffer.from('{}'), {
      contentType: 'application/json',
    });
    await isRefused(
      ['submit', 'other.csv', '--to', `s3://${bucket}/theirs/`],
      `it contains s3://${bucket}/theirs/data/report.json`,
    );
    expect(engine.sandbox.stats().jobsMade).toBe(jobs + 2);
    expect(await keysBelow(bucket, 'other/')).toEqual([]);
  });

  it('keeps its folder from a batch whose default folder it is', async () => {
    const { bucket } = engine.stack.s3;
    await made('autumn', `s3://${bucket}/winter/`);
    await write('winter.csv', SHEET);
    await isRefused(['submit', 'winter.csv'], `s3://${bucket}/winter/ is the folder of batch "autumn"`);
    const listed = JSON.parse((await command(['list', '--json'])).stdout);
    const ids = listed.batches.map(({ batchId }: { batchId: string }) => batchId);
    expect(ids).toContain('autumn');
    expect(ids).not.toContain('winter');
  });

  it('shows its place in a dry run, and writes no pointer', async () => {
    await write('planned.csv', SHEET);
    const dry = await command([
      'submit',
      'planned.csv',
      '--to',
      's3://gallery/planned/',
      '--dry-run',
      '--json',
    ]);
    expect(JSON.parse(dry.stdout)).toMatchObject({ location: 's3://gallery/planned/' });
    expect(await keysBelow(engine.stack.s3.bucket, 'planned/')).toEqual([]);
    expect(await keysBelow('gallery', 'planned/')).toEqual([]);
  });

  it('does not share its folder with a simultaneous submission', async () => {
    const { store, bucket } = engine.stack.s3;
    const homes = ['first', 'second'].map((id) => ({ bucket, root: `${id}/`, batchId: id as BatchId }));
    const claims = await Promise.allSettled(
      homes.map((home) => claimPlace(store, home, { ...home, bucket: 'gallery', root: 'contested/' })),
    );
    expect(claims.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const places = await Promise.all(homes.map((home) => findPlace(store, home)));
    expect(places.filter(({ root }) => root === 'contested/')).toHaveLength(1);
  });
});
