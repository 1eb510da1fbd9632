import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exportCommand, type ExportOptions } from '../../../src/cli/results/export.js';
import type { Config } from '../../../src/config.js';
import { UsageError } from '../../../src/errors.js';
import { bucketVariables } from '../../support/stack/bucket-variables.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { runCommand, startCommand, type Variables } from '../../support/commands/command-line.js';
import { performCommand, type CommandRunOptions } from '../../support/commands/command-run.js';
import { eventually } from '../../support/eventually.js';
import {
  imageOf,
  sealBatch,
  type SealedBatch,
  type SealedImage,
} from '../../support/batches/sealed-batches.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { bucketConfig } from '../../support/stack/server-config.js';

const SHARD = 64 * 1024;
const Exported = z.object({
  images: z.int(),
  keptShards: z.int(),
  card: z.string(),
  shards: z.array(z.object({ name: z.string(), sha256: z.string(), images: z.int() })),
});

/** Enough bytes that a few rows fill the smallest shard. */
function largeImage({ position }: { readonly position: number }): SealedImage {
  return { body: Buffer.alloc(20_000, `image ${position} `), type: 'png', width: 8, height: 8 };
}

function sheetOf(rows: number): readonly string[] {
  return ['id,prompt,note', ...Array.from({ length: rows }, (_, row) => `r${row},bird ${row},n${row}`)];
}

/** All files of a folder by name, with their digests. */
async function digestsIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(folder)).toSorted();
  const digest = async (name: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(path.join(folder, name)))
      .digest('hex');
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await digest(name)])));
}

describe('an export of a finished batch', () => {
  let bench: ActivityBench;
  let scratch: TemporaryFolder;
  let config: Partial<Config>;
  let variables: Variables;
  let large: SealedBatch;
  let folders = 0;
  beforeAll(async () => {
    [bench, scratch] = await Promise.all([startActivityBench(), temporaryFolder()]);
    config = { bucket: bucketConfig(bench.s3, 'tests/') };
    variables = { ...bucketVariables(bench.s3), BANANA_PREFIX: 'tests' };
    large = await sealBatch(bench, 'large', sheetOf(75), 1, { image: largeImage });
  });
  afterAll(async () => {
    await bench?.stop();
    await scratch?.remove();
  });

  const newFolder = (): string => path.join(scratch.path, `export-${folders++}`);

  const perform = (
    { run }: SealedBatch,
    to: string,
    options: Partial<ExportOptions> = {},
    surroundings: CommandRunOptions = {},
  ) => {
    const usual = {
      id: run.batchId,
      format: 'parquet',
      shardSize: SHARD,
      overwrite: false,
      json: true,
    } as const;
    return performCommand(exportCommand, { ...usual, to, ...options }, { config, ...surroundings });
  };
  const exported = async (...args: Parameters<typeof perform>) => {
    const { code, stdout, stderr } = await perform(...args);
    expect(code).toBe(0);
    return { stderr, ...Exported.parse(JSON.parse(stdout)) };
  };

  it('changes nothing when repeated', async () => {
    const folder = newFolder();
    const { images, shards } = await exported(large, folder);
    expect(images).toBe(75);
    expect(shards.length).toBeGreaterThan(20);
    const before = await digestsIn(folder);
    expect(await exported(large, folder)).toMatchObject({ keptShards: shards.length, card: 'written' });
    expect(await digestsIn(folder)).toEqual(before);
  });

  it.each([
    { format: 'parquet', signal: 'SIGKILL', code: null },
    { format: 'webdataset', signal: 'SIGINT', code: 130 },
  ] as const)(
    'as $format continues after $signal, with the same bytes as an uninterrupted one',
    async ({ format, signal, code: ended }) => {
      const [folder, undisturbed] = [newFolder(), newFolder()];
      const args = ['export', 'large', '--format', format, '--to', folder, '--shard-size', '64KB', '--json'];
      const command = await startCommand(args, { cwd: scratch.path, variables, ready: '' });
      await eventually(() => existsSync(folder) && readDone(folder).then((done) => done > 3), {
        what: 'some shards are there',
        withinMs: 60_000,
        everyMs: 1,
      });
      expect(await command.end(signal)).toBe(ended);
      expect(existsSync(path.join(folder, 'export.json'))).toBe(false);
      const whole = await exported(large, undisturbed, { format });
      const shas = new Map(whole.shards.map(({ name, sha256 }) => [name, sha256]));
      const left = Object.entries(await digestsIn(folder)).filter(([name]) => name.startsWith('train-'));
      expect(left.filter(([name, sha256]) => shas.get(name) !== sha256)).toEqual([]);
      const { code, stdout } = await runCommand(args, { cwd: scratch.path, variables });
      expect(code).toBe(0);
      expect(Exported.parse(JSON.parse(stdout)).keptShards).toBeGreaterThan(2);
      expect(await digestsIn(folder)).toEqual(await digestsIn(undisturbed));
    },
  );

  it('has the same bytes in a bucket and in a folder', async () => {
    const folder = newFolder();
    const to = `s3://${bench.s3.bucket}/exports/large`;
    await exported(large, folder);
    await exported(large, to);
    expect(await digestsIn(path.join(bench.s3.folder, bench.s3.bucket, 'exports/large'))).toEqual(
      await digestsIn(folder),
    );
    const { keptShards, shards } = await exported(large, `${to}/`);
    expect(keptShards).toBe(shards.length);
  });

  it('replaces another export only with --overwrite, deletes its shards, and no other files', async () => {
    const folder = newFolder();
    await exported(large, folder);
    await writeFile(path.join(folder, 'notes.txt'), 'mine');
    const other = { format: 'webdataset', shardSize: 4 * SHARD } as const;
    await expect(perform(large, folder, other)).rejects.toThrow(/holds another export: .*--overwrite/);
    const { shards } = await exported(large, folder, { ...other, overwrite: true });
    const expected = [...shards.map(({ name }) => name), 'README.md', 'export.json', 'notes.txt'];
    expect((await readdir(folder)).toSorted()).toEqual(expected.toSorted());

    await writeFile(path.join(folder, 'train-00007-of-00008.parquet'), 'not of ours');
    await expect(perform(large, folder, { overwrite: true })).rejects.toThrow(
      /that are not in an export\.json/,
    );
    expect(await readFile(path.join(folder, 'train-00007-of-00008.parquet'), 'utf8')).toBe('not of ours');
  });

  it('differs after another run of the batch', async () => {
    const folder = newFolder();
    const first = await sealBatch(bench, 'again', sheetOf(3));
    await exported(first, folder);
    const second = await sealBatch(bench, 'again', sheetOf(4), 2);
    await expect(perform(second, folder)).rejects.toThrow(/run 1, as parquet/);
    expect(await exported(second, folder, { overwrite: true })).toMatchObject({ images: 4 });
  });

  it.each<{ what: string; says?: string; tamper: (batch: SealedBatch) => Promise<void> }>([
    {
      what: 'has other bytes',
      says: 'its bytes have changed',
      tamper: (batch) => batch.put('images/train/r1.png', imageOf(1).fill(7, 20)),
    },
    { what: 'is shorter', tamper: (batch) => batch.put('images/train/r1.png', 'PNG') },
    { what: 'is no longer in the bucket', tamper: (batch) => batch.delete('images/train/r1.png') },
  ])(
    'leaves out an image that $what, reports its row, and exits with 1',
    async ({ what, says = what, tamper }) => {
      const batch = await sealBatch(bench, what.replaceAll(/[^a-z]+/g, '-'), sheetOf(3));
      await tamper(batch);
      const folder = newFolder();
      const { code, stdout, stderr } = await perform(batch, folder);
      expect(code).toBe(1);
      expect(Exported.parse(JSON.parse(stdout)).images).toBe(2);
      expect(stderr).toMatch(new RegExp(`row "r1" .*${says}`));
    },
  );

  it('keeps an edited card, next to an export and in the batch', async () => {
    const folder = newFolder();
    const batch = await sealBatch(bench, 'cards', ['id,prompt', 'a,one secret bird']);
    await exported(batch, folder);
    const card = path.join(folder, 'README.md');
    const text = await readFile(card, 'utf8');
    expect(text).toMatch(/^---\n[^]*data_files:[^]*train-\*\.parquet[^]*\n---\n/);
    expect(text).not.toContain('secret');
    await appendFile(card, 'Licence: mine\n');
    const { card: kept, stderr } = await exported(batch, folder);
    expect(kept).toBe('kept');
    expect(stderr).toContain('was edited and stays as it is');
    expect(await readFile(card, 'utf8')).toBe(`${text}Licence: mine\n`);

    const own = 'images/README.md';
    expect(await batch.text(own)).toContain('1 images made');
    await sealBatch(bench, 'cards', ['id,prompt', 'a,one secret bird', 'b,two birds'], 2);
    const edited = (await batch.text(own)).replace('2 images made', 'Two images, made');
    await batch.put(own, edited);
    await sealBatch(bench, 'cards', ['id,prompt', 'a,one secret bird'], 3);
    // Except for the line by which readers distinguish the data.
    const line = /^ *description: Batch cards, run \d, metadata [0-9a-f]{64}$/m;
    const [before = '', after = ''] = [edited, await batch.text(own)].map((text) => line.exec(text)?.[0]);
    expect(before).toContain('run 2');
    expect(after).toContain('run 3');
    expect(await batch.text(own)).toBe(edited.replace(before, after));
  });

  it('is refused without a final report or stored images, with a newer run, or without room for it', async () => {
    const { run } = await bench.ingest('unsealed', sheetOf(1));
    await expect(perform({ ...large, run }, newFolder())).rejects.toThrow(/has no final report yet/);
    const none = await sealBatch(bench, 'none', ['id,prompt', 'a,a bird that fails']);
    await expect(perform(none, newFolder())).rejects.toThrow(/has no image yet/);
    const newer = await sealBatch(bench, 'newer', sheetOf(1));
    await bench.ingest('newer', sheetOf(2), 2);
    await expect(perform(newer, newFolder())).rejects.toThrow(
      /Run 2 of batch "newer" has no final report yet/,
    );
    const inside = `s3://${bench.s3.bucket}/tests/large/export`;
    await expect(perform(large, inside)).rejects.toThrow(/inside the batch itself/);
    for (const to of ['s3://bucket', 'https://example.org/x']) {
      await expect(perform(large, to)).rejects.toThrow(UsageError);
    }
  });

  it('reports an invalid place in one line: a file, a folder that is not writable', async () => {
    const file = newFolder();
    await writeFile(file, '');
    const run = async (to: string, options: { uid?: number } = {}) =>
      runCommand(['export', 'large', '--format', 'parquet', '--to', to], {
        cwd: scratch.path,
        variables: { ...variables, HOME: scratch.path },
        ...options,
      });
    for (const to of [file, path.join(file, 'below')]) {
      const { code, stderr } = await run(to);
      expect({ code, lines: stderr.trimEnd().split('\n').length }).toEqual({ code: 2, lines: 1 });
      expect(stderr).toContain('file');
    }
    const closed = newFolder();
    await mkdir(closed);
    await chmod(scratch.path, 0o755);
    await chmod(closed, 0o555);
    const isRoot = process.getuid?.() === 0;
    const { code, stderr } = await run(closed, isRoot ? { uid: 65_534 } : {});
    expect(code).toBe(2);
    expect(stderr).toContain('no permission to write there');
    await chmod(closed, 0o755);
  });

  it('stops when interrupted with 130, and says that it continues', async () => {
    const folder = newFolder();
    const { code, stderr, stdout } = await perform(large, folder, {}, { interrupted: AbortSignal.abort() });
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toContain('the same command continues');
    expect(await exported(large, folder)).toMatchObject({ images: 75 });
  });
});

async function readDone(folder: string): Promise<number> {
  return (await readdir(folder)).filter((name) => name.startsWith('train-')).length;
}
