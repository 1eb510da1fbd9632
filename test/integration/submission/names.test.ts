import { execFile } from 'node:child_process';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finishRenames, setRenamedAside } from '../../../src/activities/ingest/rename-images.js';
import { prune } from '../../../src/cli/batch/prune.js';
import { verify } from '../../../src/cli/batch/verify.js';
import type { Config } from '../../../src/config.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { at, batchRoot, renamesKey } from '../../../src/storage/layout.js';
import { StorageError, type ObjectStore } from '../../../src/storage/object-store.js';
import { createS3ObjectStore } from '../../../src/storage/s3/s3-object-store.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { performCommand } from '../../support/commands/command-run.js';
import { isAvailable } from '../../support/setup/required.js';
import {
  imageOf,
  leaveUnrecorded,
  sealBatch,
  storeLate,
  type SealedBatch,
} from '../../support/batches/sealed-batches.js';
import { s3Error, startOddStore } from '../../support/services/odd-store.js';
import { bucketConfig } from '../../support/stack/server-config.js';

const python = process.env['BANANA_TEST_PYTHON'];
const never = new AbortController().signal;

const keyOf = (name: string): string => `images/train/${name}.png`;

function sheetOf(
  names: readonly string[],
  promptOf: (index: number) => string = (index) => `bird ${index}`,
): readonly string[] {
  return ['id,prompt,file_name', ...names.map((name, index) => `r${index},${promptOf(index)},${name}`)];
}

const failing = (): string => 'a bird that fails';

const GONE = 'The worker is gone.';

/** A store that copies once and fails at all other copies. */
function failingAfterCopy(store: ObjectStore): ObjectStore {
  let copies = 0;
  return {
    ...store,
    copy: async (from, to, options) => {
      copies += 1;
      if (copies > 1) throw new StorageError('unreachable', to, GONE);
      return store.copy(from, to, options);
    },
  };
}

describe('images under chosen names', () => {
  let bench: ActivityBench;
  let config: Partial<Config>;
  beforeAll(async () => {
    bench = await startActivityBench();
    config = { bucket: bucketConfig(bench.s3, 'tests/') };
  });
  afterAll(() => bench?.stop());

  const imageAt = async ({ run }: SealedBatch, name: string): Promise<Buffer> =>
    buffer(await bench.s3.store.read(at(run, `${batchRoot(run)}${keyOf(name)}`)));
  const verified = async ({ run }: SealedBatch) => {
    const { stdout } = await performCommand(verify, { id: run.batchId, json: true, deep: true }, { config });
    const { differences }: { differences: { kind: string; key: string }[] } = JSON.parse(stdout);
    return differences.map(({ kind, key }) => `${kind} ${key}`).toSorted();
  };
  const fileNames = async ({ run }: SealedBatch) =>
    (await readEvidence(bench.s3.store, run)).metadata.map((line) => line['file_name']);

  it('are copied to new names, and may swap names, without buying or losing anything', async () => {
    const first = await sealBatch(bench, 'renamed', sheetOf(['x', 'y', '1', '2', '3', '']));
    // As an earlier version stored it, without the identity of its row.
    const { 'row-tag': _, ...untagged } = await first.metadata(keyOf('r5'));
    await first.put(keyOf('r5'), imageOf(5), untagged);

    const names = ['y', 'x', '2', '3', 'ä b/100%+#4', "it's (5)"];
    const second = await sealBatch(bench, 'renamed', [...sheetOf(names), 'new,bird 6,1'], 2);
    expect(await fileNames(second)).toEqual([...names, '1'].map((name) => `${name}.png`));
    for (const [index, name] of [...names, '1'].entries()) {
      expect(await imageAt(second, name)).toEqual(imageOf(index));
    }
    expect(await verified(second)).toEqual([`orphan-image ${keyOf('r5')}`]);
    expect(
      await performCommand(prune, { id: 'renamed', json: true, yes: true, dryRun: false }, { config }),
    ).toMatchObject({ code: 0 });
    expect(await verified(second)).toEqual([]);

    // Back again, by a run that was requested twice.
    const back = await sealBatch(bench, 'renamed', sheetOf(['x', 'y', '1', '2', '3', '']), 3);
    await bench.ingest('renamed', sheetOf(['x', 'y', '1', '2', '3', '']), 3);
    for (const [index, name] of ['x', 'y', '1', '2', '3', 'r5'].entries())
      expect(await imageAt(back, name)).toEqual(imageOf(index));
  });

  it('are complete at every point at which copying may stop, and after it is repeated', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const batch = await sealBatch(
      bench,
      'broken-off',
      // Rows of the same content are still distinguished.
      sheetOf(names, () => 'the same bird'),
    );
    const run = { ...batch.run, runSeq: 2 };
    const to = ['b', 'c', 'a', 'e'];
    const { outcomes } = await readEvidence(bench.s3.store, batch.run);
    const lines = outcomes.map(({ rowId, contentHash }, index) =>
      JSON.stringify({ rowId, contentHash, from: keyOf(names[index] ?? ''), to: keyOf(to[index] ?? '') }),
    );
    await batch.put(renamesKey(run, 2).slice(batchRoot(run).length), `${lines.join('\n')}\n`);

    const brokenOff = async (work: (store: ObjectStore) => Promise<void>): Promise<boolean> => {
      try {
        await work(failingAfterCopy(bench.s3.store));
        return false;
      } catch (error) {
        if (error instanceof StorageError && error.message === GONE) return true;
        throw error;
      }
    };
    let ends = 0;
    while (await brokenOff((store) => setRenamedAside(store, run, never))) {
      ends += 1;
      for (const [index, name] of names.entries()) expect(await imageAt(batch, name)).toEqual(imageOf(index));
    }
    while (await brokenOff((store) => finishRenames(store, run, never))) ends += 1;
    expect(ends).toBeGreaterThan(2);
    await finishRenames(bench.s3.store, run, never);
    for (const [index, name] of to.entries()) expect(await imageAt(batch, name)).toEqual(imageOf(index));
    expect((await batch.keys()).filter((key) => key.includes('/renamed/'))).toEqual([]);
  });

  it('swap names all at once, sixty of them', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `many-${index}`);
    await sealBatch(bench, 'many', sheetOf(names));
    const turned = [...names.slice(1), ...names.slice(0, 1)];
    const second = await sealBatch(bench, 'many', sheetOf(turned), 2);
    for (const [index, name] of turned.entries()) expect(await imageAt(second, name)).toEqual(imageOf(index));
    expect(await verified(second)).toEqual([]);
  });

  it.each([
    ['501 to a checksum', 'x-amz-checksum-algorithm', s3Error(501, 'NotImplemented')],
    ['400 to any copy', 'x-amz-copy-source', s3Error(400, 'NotImplemented')],
    ['501 without a reason', 'x-amz-copy-source', { status: 501 }],
  ])('are downloaded and uploaded if a store answers %s', async (what, header, refusal) => {
    const odd = await startOddStore(bench.s3.endpoint);
    const { region, accessKeyId, secretAccessKey } = bench.s3;
    const credentials = { accessKeyId, secretAccessKey };
    const store = createS3ObjectStore({ endpoint: odd.endpoint, region, credentials });
    try {
      const name = `odd-${what.replaceAll(/\W/g, '').toLowerCase()}`;
      const batch = await sealBatch(bench, name, sheetOf(['a', 'b', 'c']));
      const run = { ...batch.run, runSeq: 2 };
      const { outcomes } = await readEvidence(bench.s3.store, batch.run);
      const to = ['b', 'a', 'd'];
      const lines = outcomes.map(({ rowId, contentHash }, index) => {
        const from = keyOf(['a', 'b', 'c'][index] ?? '');
        return JSON.stringify({ rowId, contentHash, from, to: keyOf(to[index] ?? '') });
      });
      await batch.put(renamesKey(run, 2).slice(batchRoot(run).length), `${lines.join('\n')}\n`);
      odd.setOddity({ answer: ({ headers }) => (headers[header] === undefined ? undefined : refusal) });
      await setRenamedAside(store, run, never);
      await finishRenames(store, run, never);
      for (const [index, at] of to.entries()) expect(await imageAt(batch, at)).toEqual(imageOf(index));
      expect((await batch.metadata(keyOf('d')))['row-tag']).toBeDefined();
      const puts = odd.seen.filter(({ method, headers }) => method === 'PUT' && !headers[header]);
      expect(puts).toHaveLength(5);
      for (const { headers } of puts)
        expect(headers['if-none-match'] ?? headers['if-match'], 'a condition').toBeDefined();
    } finally {
      store.close();
      await odd.close();
    }
  });

  it('are complete if a repeated ingest finds one more to rename', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const to = ['b', 'c', 'd', 'a'];
    const batch = await sealBatch(bench, 'one-more', sheetOf(names));
    const run = { ...batch.run, runSeq: 2 };
    const { outcomes } = await readEvidence(bench.s3.store, batch.run);
    const lines = outcomes.map(({ rowId, contentHash }, index) =>
      JSON.stringify({ rowId, contentHash, from: keyOf(names[index] ?? ''), to: keyOf(to[index] ?? '') }),
    );
    for (const found of [lines.slice(1), lines]) {
      await batch.put(renamesKey(run, 2).slice(batchRoot(run).length), `${found.join('\n')}\n`);
      await setRenamedAside(bench.s3.store, run, never);
    }
    await finishRenames(bench.s3.store, run, never);
    for (const [index, name] of to.entries()) expect(await imageAt(batch, name)).toEqual(imageOf(index));
    expect((await batch.keys()).filter((key) => key.includes('/renamed/'))).toEqual([]);
  });

  it('are copied by the next run if the renaming one was terminated', async () => {
    const batch = await sealBatch(bench, 'unfinished', ['id,prompt,file_name', 'a,a bird,old']);
    await bench.ingest('unfinished', ['id,prompt,file_name', 'a,a bird,new'], 2);
    await batch.delete(keyOf('new'));
    await bench.ingest('unfinished', [], 3, { action: 'retry' });
    expect(await imageAt(batch, 'new')).toEqual(imageOf(0));
  });

  it.each([
    ['a name that nobody had', ['b'], []],
    ['a name that nobody had, and a new row the old one', ['b'], ['new,another bird,a']],
    ['names of each other', ['c', 'a', 'b'], []],
    ['the names that their ids give', ['', ''], []],
  ])('are found although not recorded, when their rows get %s', async (what, to, more) => {
    const name = `unrecorded-${what.replaceAll(/[^a-z]+/g, '-')}`;
    await leaveUnrecorded(bench, name, sheetOf(['a', 'b', 'c'].slice(0, to.length)), { stored: to.length });
    const { run, result } = await bench.ingest(name, [...sheetOf(to), ...more], 2);
    expect(result).toMatchObject({ rows: more.length, settled: { stored: to.length } });
    const sealed = await sealBatch(bench, name, [...sheetOf(to), ...more], 2);
    expect(sealed.run).toEqual(run);
    const names = [...to.map((chosen, index) => chosen || `r${index}`), ...more.map(() => 'a')];
    for (const [index, image] of names.entries())
      expect(await imageAt(sealed, image)).toEqual(imageOf(index));
    const left = (await verified(sealed)).filter((difference) => !difference.startsWith('orphan-image '));
    expect(left).toEqual([]);
  });

  it('are found although not recorded, when their rows swap names with recorded rows', async () => {
    await sealBatch(bench, 'half-recorded', sheetOf(['a']));
    await leaveUnrecorded(bench, 'half-recorded', sheetOf(['a', 'b']), { stored: 2, runSeq: 2 });
    const { result } = await bench.ingest('half-recorded', sheetOf(['b', 'a']), 3);
    expect(result).toMatchObject({ rows: 0, settled: { stored: 2 } });
    const batch = await sealBatch(bench, 'half-recorded', sheetOf(['b', 'a']), 3);
    expect(await imageAt(batch, 'b')).toEqual(imageOf(0));
    expect(await imageAt(batch, 'a')).toEqual(imageOf(1));
    expect(await verified(batch)).toEqual([]);
  });

  it('are not replaced by other rows’ images if their rows ended without them', async () => {
    const first = await sealBatch(bench, 'late', sheetOf(['a', 'b'], failing));
    await storeLate(bench, first);
    const second = await sealBatch(bench, 'late', sheetOf(['b', 'a'], failing), 2);
    expect(await imageAt(second, 'b')).toEqual(imageOf(0));
    expect(await imageAt(second, 'a')).toEqual(imageOf(1));
    expect(await verified(second)).toEqual([]);
  });

  it('are not taken from rows that a merged sheet leaves in the batch, nor from rows with equal content', async () => {
    await sealBatch(bench, 'joined', ['id,prompt,file_name', 'a,a bird,one', 'b,a bird,two', 'c,a bird,']);
    const lines = ['id,prompt,file_name', 'd,a bird,ONE', 'b,a bird,C', 'e,a bird,free'];
    const { run, result } = await bench.ingest('joined', lines, 2, { merge: true });
    // Only e is made, although images of the same content exist.
    expect(result).toMatchObject({ rows: 1, settled: { stored: 3, rejected: 2 } });
    const rejects = await bench.s3.store.readText(at(run, `${batchRoot(run)}rejects.csv`));
    expect(rejects).toContain('d,a bird,ONE,2,file_name,ONE,');
    expect(rejects).toContain(
      '""ONE"" is used twice (line 2 and row ""a"" of the batch, line 2 of its sheet;',
    );
    expect(rejects).toContain('line 3 and row ""c"" of the batch');
  });

  it('stay with failed rows when failures.csv is submitted', async () => {
    const failed = await sealBatch(
      bench,
      'resubmitted',
      ['id,prompt,SKU', 'a,a bird that fails,Größe/1.png', 'b,x,2'],
      1,
      { requestChanges: { sheet: SheetSettings.parse({ map: { file_name: 'SKU' } }) } },
    );
    const failures = await failed.text('failures.csv');
    expect(failures).toContain('a,a bird that fails,pro,1:1,1K,1,Größe/1,Größe/1.png,flaky');
    const mended = failures.replace('that fails', 'that does not').trimEnd().split('\n');
    const again = await sealBatch(bench, 'resubmitted', mended, 2, {
      requestChanges: { merge: true, sheet: SheetSettings.parse({ name: '{{nowhere}}' }) },
    });
    expect(await fileNames(again)).toEqual(['Größe/1.png', '2.png']);
  });

  it.runIf(isAvailable('Python with datasets (BANANA_TEST_PYTHON)', python !== undefined))(
    "are all read by Hugging Face's imagefolder, whatever folders they lie in",
    { timeout: 120_000 },
    async () => {
      const names = [
        'test/a',
        'validation/b c',
        'a test b/c',
        'x/my dev set/d',
        'test',
        'eval-1',
        'train/e',
        'data/test-00000-of-00001',
        'Größe/日本 🍌',
        '100%/x+y#z',
        "it's [x] {y}/q!",
        'a;b=c/d@e$f&g',
        '%41/%2F',
        'v1.2/x.y',
        'é'.repeat(125),
      ];
      const rows = names.map((name, index) => `bird ${index},"${name}"`);
      const { run } = await sealBatch(bench, 'hugging', ['prompt,file_name', ...rows]);
      const script = [
        'import sys, datasets',
        'data = datasets.load_dataset("imagefolder", data_dir=sys.argv[1], split="train")',
        'print(sum(1 for row in data if row["image"].size == (8, 8) and row["prompt"].startswith("bird")))',
      ].join('\n');
      const images = path.join(bench.s3.folder, run.bucket, batchRoot(run), 'images');
      const home = bench.s3.folder;
      const env = {
        HOME: home,
        PATH: process.env['PATH'] ?? '',
        HF_HUB_OFFLINE: '1',
        HF_HOME: `${home}/../hf`,
      };
      const { stdout } = await promisify(execFile)(python ?? '', ['-c', script, images], { env });
      expect(Number(stdout.trim().split('\n').at(-1))).toBe(names.length);
    },
  );
});
