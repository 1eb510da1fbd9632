import { utimes } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimPlace } from '../../../src/plan/place/batch-place.js';
import { localSheet } from '../../../src/sheet/fetch/sheet-file.js';
import { CLAIM_LIVES_MS } from '../../../src/plan/place/place-notes.js';
import { startRun } from '../../../src/plan/start-run.js';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { requestKey, type BatchLocation } from '../../../src/storage/layout.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

const SHEET = 'id,prompt\none,a red fox\n';

function locationIn(batchId: string, root: string): BatchLocation {
  return { bucket: 'gallery', root, batchId: batchId as BatchId };
}

// Without a worker: nothing is ingested, so a batch consists of requests and notes only.
describe('a folder for a batch', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 50, max: 100 } } });
    await engine.stack.s3.store.createBucket('gallery');
  });
  afterAll(() => engine?.stop());

  const { command, write, location } = submissionBench(() => engine);
  const claim = (batchId: string, root: string): Promise<void> =>
    claimPlace(engine.stack.s3.store, location(batchId), locationIn(batchId, root));
  const submit = async (id: string, root?: string) => {
    await write(`${id}.csv`, SHEET);
    return command(['submit', `${id}.csv`, ...(root === undefined ? [] : ['--to', `s3://gallery/${root}`])]);
  };
  const isStarted = async (batch: BatchLocation): Promise<boolean> =>
    (await engine.stack.s3.store.head({ bucket: batch.bucket, key: requestKey(batch, 1) })) !== undefined;
  /** Makes a note as old as one of a submission that was killed long ago before it started. */
  const age = async (bucket: string, root: string): Promise<void> => {
    const file = path.join(engine.stack.s3.folder, bucket, root, 'place.json');
    const then = new Date(Date.now() - CLAIM_LIVES_MS - 60_000);
    await utimes(file, then, then);
  };

  it.each([
    ['the outer one first', 'outer-first/', 'outer-first/in/'],
    ['the inner one first', 'inner-first/in/deep/', 'inner-first/'],
  ])('is claimed by one of two simultaneous batches in nested folders: %s', async (_, one, other) => {
    for (let round = 0; round < 2; round += 1) {
      const claims = await Promise.allSettled([
        claim(`${one.split('/')[0]}-a${round}`, `${round}/${one}`),
        claim(`${one.split('/')[0]}-b${round}`, `${round}/${other}`),
      ]);
      expect(claims.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      const [refused] = claims.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      expect(String(refused)).toMatch(/(?:is inside|contains) the batch at s3:\/\/gallery\//);
    }
  });

  it.each([
    ['first-out', 'together/', 'first-in', 'together/in/'],
    ['second-in', 'again/in/', 'second-out', 'again/'],
  ])('is given to one of two that are submitted together: %s', async (one, oneRoot, other, otherRoot) => {
    const both = await Promise.all([submit(one, oneRoot), submit(other, otherRoot)]);
    expect(new Set(both.map(({ code }) => code))).toEqual(new Set([0, 2]));
    const started = [
      await isStarted(locationIn(one, oneRoot)),
      await isStarted(locationIn(other, otherRoot)),
    ];
    expect(started).toEqual(both.map(({ code }) => code === 0));
  });

  it('is refused inside and around a started batch that has no other file yet', async () => {
    expect(await submit('started', 'taken/mine/')).toMatchObject({ code: 0 });
    for (const [id, root] of [
      ['inner', 'taken/mine/deep/er/'],
      ['outer', 'taken/'],
    ] as const) {
      const refused = await submit(id, root);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('s3://gallery/taken/mine/');
    }
  });

  it('is not shared with a batch in its default folder, which schedules use, too: one of two is started', async () => {
    const { store } = engine.stack.s3;
    await write('home.csv', SHEET);
    const file = path.join(engine.folder.path, 'home.csv');
    const start = async (place: BatchLocation) =>
      startRun({
        client: engine.stack.temporal.client,
        store,
        taskQueue: 'nobody',
        location: place,
        runSeq: 1,
        sheet: await localSheet(file, { name: 'home.csv' }),
        sheetSettings: SheetSettings.parse({}),
        rows: 1,
        settings: {
          concurrency: 10,
          maxGenerations: 4,
          graceMs: 60_000,
          idempotencyHorizonMs: 3_600_000,
          probeFirstMs: 1_000,
          probeLongestMs: 1_000,
        },
        service: undefined,
      });
    for (const [round, below] of ['', 'in/', 'in/deep/'].entries()) {
      const home = location(`at-home-${round}`);
      const guest = { ...home, root: `${home.root}${below}`, batchId: `guest-${round}` as BatchId };
      const starts = await Promise.allSettled([
        start(home),
        claimPlace(store, location(guest.batchId), guest).then(() => start(guest)),
      ]);
      const ends = starts.map(({ status }) => status).toSorted();
      // In the same folder both may have to give way.
      expect(ends).toEqual([below === '' ? ends[0] : 'fulfilled', 'rejected']);
      if (below === '') continue;
      expect([await isStarted(home), await isStarted(guest)].filter(Boolean)).toHaveLength(1);
    }
  });

  it('is released by a submission that was killed between its claim and its start', async () => {
    const { store, bucket } = engine.stack.s3;
    await claim('killed', 'left/mine/');
    await store.put({ bucket: 'gallery', key: 'left/mine/inputs/0.csv' }, Buffer.from(SHEET), {
      contentType: 'text/csv',
    });
    for (const root of ['left/mine/', 'left/mine/in/', 'left/']) {
      expect((await submit('early', root)).code).toBe(2);
    }
    await age('gallery', 'left/mine/');
    await age(bucket, 'killed/');
    for (const [id, root] of [
      ['late-in', 'left/mine/in/'],
      ['late-beside', 'left/other/'],
    ] as const) {
      expect(await submit(id, root)).toMatchObject({ code: 0 });
    }
    // Its own folder now has another batch inside; elsewhere it may start again.
    expect((await submit('killed')).code).toBe(2);
    expect(await submit('killed', 'left/third/')).toMatchObject({ code: 0 });

    await claim('same', 'left-2/');
    await age('gallery', 'left-2/');
    expect(await submit('same', 'left-2/')).toMatchObject({ code: 0 });
    await claim('gone', 'left-3/mine/');
    await age('gallery', 'left-3/mine/');
    expect(await submit('takes-over', 'left-3/mine/')).toMatchObject({ code: 0 });
    await claim('gone-2', 'left-4/mine/');
    await age('gallery', 'left-4/mine/');
    expect(await submit('around', 'left-4/')).toMatchObject({ code: 0 });
  });
});
