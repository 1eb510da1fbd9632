import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exportCommand, type ExportOptions } from '../../../src/cli/results/export.js';
import { verify } from '../../../src/cli/batch/verify.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { performCommand } from '../../support/commands/command-run.js';
import { startFaultProxy, type Behaviour, type FaultProxy } from '../../support/services/fault-proxy.js';
import { sealBatch, type SealedBatch } from '../../support/batches/sealed-batches.js';
import { bucketConfig } from '../../support/stack/server-config.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

const SHEET = [
  'id,prompt',
  ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => `${id},bird ${id}`),
  'x,one that fails',
];

const Verified = z.object({
  differences: z.array(
    z.looseObject({
      kind: z.string(),
      key: z.string(),
      rowId: z.string().optional(),
      found: z.unknown().optional(),
    }),
  ),
  checked: z.looseObject({ images: z.int() }),
});
const Exported = z.object({
  images: z.int(),
  missing: z.array(z.object({ rowId: z.string(), image: z.string(), reason: z.string() })),
  shards: z.array(z.looseObject({ name: z.string(), images: z.int() })),
});

/** Changes bytes in the file, as a bad disk does: the bucket does not notice. */
async function rot(file: string): Promise<Buffer> {
  const whole = await readFile(file);
  await writeFile(file, Buffer.from(whole).fill(7, 20));
  return whole;
}

function image(id: string): string {
  return `images/train/${id}.png`;
}

function isOfFailing({ path: at, method }: { readonly path: string; readonly method: string }): boolean {
  return at.includes('/failing/images/train/') || (method === 'GET' && at.endsWith('/failing/report.json'));
}

describe('a batch with damaged images', () => {
  let bench: ActivityBench;
  let scratch: TemporaryFolder;
  let proxy: FaultProxy;
  beforeAll(async () => {
    [bench, scratch, proxy] = await Promise.all([startActivityBench(), temporaryFolder(), startFaultProxy()]);
    proxy.forwardTo(bench.s3.endpoint);
  });
  afterAll(async () => {
    await proxy?.close();
    await bench?.stop();
    await scratch?.remove();
  });

  const config = () => ({ bucket: bucketConfig({ ...bench.s3, endpoint: proxy.origin }, 'tests/') });
  const fileOf = ({ run }: SealedBatch, key: string): string =>
    path.join(bench.s3.folder, bench.s3.bucket, 'tests', run.batchId, key);
  const verified = async ({ run }: SealedBatch, deep = true) => {
    const { code, stdout } = await performCommand(
      verify,
      { id: run.batchId, json: true, deep },
      { config: config() },
    );
    return { code, ...Verified.parse(JSON.parse(stdout)) };
  };
  const exported = async (
    { run }: SealedBatch,
    to: string,
    format: ExportOptions['format'],
    overwrite = false,
  ) => {
    const options = { id: run.batchId, format, to, shardSize: 64 * 1024, overwrite, json: true };
    const { code, stdout, stderr } = await performCommand(exportCommand, options, { config: config() });
    return { code, stderr, ...Exported.parse(JSON.parse(stdout)) };
  };
  /** Seven images, six of which are damaged in different ways; `repair` repairs what can be repaired. */
  const damaged = async (name: string) => {
    const batch = await sealBatch(bench, name, SHEET);
    const whole = await rot(fileOf(batch, image('a')));
    await truncate(fileOf(batch, image('b')), 30);
    await batch.delete(image('c'));
    const behaviours: readonly (readonly [string, Behaviour])[] = [
      ['d', { kind: 'answer', answer: { status: 403 } }],
      ['e', { kind: 'answer', answer: { status: 500 } }],
      ['f', { kind: 'lose-answer' }],
    ];
    const ends = behaviours.map(([id, behaviour]) =>
      proxy.behave(behaviour, ({ path: at }) => at.endsWith(`/${name}/${image(id)}`)),
    );
    const repair = async (): Promise<void> => {
      for (const end of ends) end();
      await writeFile(fileOf(batch, image('a')), whole);
    };
    return { batch, repair };
  };

  it('is verified completely: a difference for each image, and exit code 1', async () => {
    const { batch, repair } = await damaged('verified');
    const { code, differences, checked } = await verified(batch);
    expect(code).toBe(1);
    expect(checked.images).toBe(7);
    const found = differences.map(({ kind, rowId }) => `${kind} ${rowId}`).toSorted();
    expect(found).toEqual([
      'changed-image a',
      'changed-image b',
      'missing-image c',
      'unreadable-image d',
      'unreadable-image e',
      'unreadable-image f',
    ]);
    // The damage that head requests alone show.
    const shallow = await verified(batch, false);
    expect(shallow.code).toBe(1);
    expect(shallow.differences.map(({ rowId }) => rowId)).toEqual(['b', 'c', 'd', 'e', 'f']);
    await repair();
    expect((await verified(batch)).differences.map(({ rowId }) => rowId)).toEqual(['b', 'c']);
  });

  it('and damaged files is verified completely', async () => {
    const batch = await sealBatch(bench, 'files', SHEET);
    for (const key of ['failures.csv', 'images/train/metadata.jsonl']) await rot(fileOf(batch, key));
    await rot(fileOf(batch, 'images/train/a.png'));
    const { code, differences, checked } = await verified(batch);
    expect({ code, images: checked.images }).toEqual({ code: 1, images: 7 });
    const keys = differences.map(({ key }) => key);
    expect(keys.toSorted()).toEqual(['failures.csv', 'images/train/a.png', 'images/train/metadata.jsonl']);
  });

  it.each(['parquet', 'webdataset'] as const)(
    'is exported as %s without them: each row left out is reported, and the exit code is 1',
    async (format) => {
      const { batch, repair } = await damaged(`exported-${format}`);
      const folder = path.join(scratch.path, format);
      const first = await exported(batch, folder, format);
      expect(first).toMatchObject({ code: 1, images: 1 });
      expect(first.missing.map(({ rowId }) => rowId)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
      for (const { rowId, image, reason } of first.missing) {
        expect(first.stderr).toContain(`row "${rowId}" (${image}): ${reason}`);
      }
      expect(first.stderr).toContain(`verify ${batch.run.batchId} --deep`);
      const card = await readFile(path.join(folder, 'README.md'), 'utf8');
      expect(card).toContain('1 images made');
      expect(card).toContain('6 whose image in the bucket is damaged');
      expect(await readdir(folder)).toContain('export.json');

      // Once images are restored, the same export adds them, and changes nothing else.
      await repair();
      const second = await exported(batch, folder, format);
      expect(second).toMatchObject({ code: 1, images: 5 });
      expect(second.missing.map(({ rowId }) => rowId)).toEqual(['b', 'c']);
      expect(await readFile(path.join(folder, 'README.md'), 'utf8')).toContain('5 images made');
    },
  );

  it('is not reported as damaged if the bucket as a whole fails', async () => {
    const batch = await sealBatch(bench, 'failing', SHEET);
    let reads = 0;
    // The report is read once before the images.
    const end = proxy.behave(
      { kind: 'answer', answer: { status: 403 } },
      (request) => isOfFailing(request) && (!request.path.endsWith('report.json') || (reads += 1) > 1),
    );
    try {
      await expect(verified(batch)).rejects.toMatchObject({ name: 'StorageError', code: 'denied' });
    } finally {
      end();
    }
    expect((await verified(batch)).code).toBe(0);
  });

  it('cannot be exported if no image is left', async () => {
    const batch = await sealBatch(bench, 'nothing-left', ['id,prompt', 'a,a bird', 'b,two birds']);
    for (const id of ['a', 'b']) await rot(fileOf(batch, `images/train/${id}.png`));
    const to = path.join(scratch.path, 'nothing');
    await expect(exported(batch, to, 'parquet')).rejects.toThrow(
      /None of the 2 images .*row "a": .*verify nothing-left --deep/,
    );
  });
});
