import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { results, type ResultsOptions } from '../../src/commands/results.js';
import type { Config } from '../../src/config.js';
import { UsageError } from '../../src/errors.js';
import { startActivityBench, type ActivityBench } from '../support/activity-bench.js';
import { performCommand, type CommandRunOptions } from '../support/command-run.js';
import { sealBatch } from '../support/sealed-batches.js';
import { bucketConfig } from '../support/server-config.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

const SHEET = ['id;prompt;note', 'a;one bird;"x;y"', 'b;a bird that fails;', 'c~1;no bird;', 'd;a fox;z'];

describe('the command results', () => {
  let bench: ActivityBench;
  let folder: TemporaryFolder;
  let config: Partial<Config>;
  beforeAll(async () => {
    [bench, folder] = await Promise.all([startActivityBench(), temporaryFolder()]);
    config = { bucket: bucketConfig(bench.s3, 'tests/') };
  });
  afterAll(async () => {
    await bench?.stop();
    await folder?.remove();
  });

  const perform = (
    id: string,
    options: Partial<ResultsOptions> = {},
    more: Omit<CommandRunOptions, 'config'> = {},
  ) => performCommand(results, { id, overwrite: false, json: false, ...options }, { config, ...more });

  it('prints the very file that a finished batch has in the bucket', async () => {
    const batch = await sealBatch(bench, 'finished', SHEET);
    const { code, stdout, stderr } = await perform('finished');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(await batch.text('results.csv'));
  });

  it('shows a batch that still runs: rows that have not ended are pending', async () => {
    const { run } = await bench.ingest('running', SHEET);
    const generations = [{ generation: 1, end: 'failed', charged: 'no' } as const];
    const end = { kind: 'failed', failure: 'refused', message: 'not this' } as const;
    const settled = [{ row: 1, end, generations, settledAtMs: Date.now() }];
    await bench.attempt(() => bench.activities.recordOutcomes({ run, shard: 0, part: 0, settled }));
    const { code, stdout, stderr } = await perform('running');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1, -1)).toEqual([
      'a;one bird;"x;y";a;pending;The row has not ended yet.;;;;;',
      'b;a bird that fails;;b;failed;refused: not this;;;;;',
      expect.stringMatching(/^c~1;no bird;;;rejected;/),
      'd;a fox;z;d;pending;The row has not ended yet.;;;;;',
    ]);
    expect(stderr).toMatch(/^Run 1 is not finished yet: rows are recorded by the hundred/);
  });

  it('writes a file whole, says what is in it, and replaces none unless asked to', async () => {
    const batch = await sealBatch(bench, 'to-file', SHEET);
    const to = path.join(folder.path, 'results.csv');
    const first = await perform('to-file', { to });
    expect(first).toEqual({
      code: 0,
      stdout: `${to}: 4 lines: 2 stored, 1 failed, 1 rejected.\n`,
      stderr: '',
    });
    expect(await readFile(to, 'utf8')).toBe(await batch.text('results.csv'));

    await writeFile(to, 'mine');
    await expect(perform('to-file', { to })).rejects.toThrow(
      new UsageError(`${to} exists already. Replace it with --overwrite, or give another name.`),
    );
    expect(await readFile(to, 'utf8')).toBe('mine');
    const { stdout } = await perform('to-file', { to, overwrite: true, json: true });
    expect(z.looseObject({}).parse(JSON.parse(stdout))).toEqual({
      batchId: 'to-file',
      runSeq: 1,
      sealed: true,
      file: to,
      lines: 4,
      byStatus: { stored: 2, failed: 1, rejected: 1 },
    });
    expect(await readFile(to, 'utf8')).toBe(await batch.text('results.csv'));
  });

  it('leaves nothing where it is interrupted or cannot write', async () => {
    await sealBatch(bench, 'interrupted', SHEET);
    const before = await readdir(folder.path);
    const to = path.join(folder.path, 'never.csv');
    const { code } = await perform('interrupted', { to }, { interrupted: AbortSignal.abort() });
    expect(code).toBe(130);
    await expect(perform('interrupted', { to: path.join(folder.path, 'no/such.csv') })).rejects.toThrow(
      /Cannot write .*such\.csv: the folder .*no does not exist\./,
    );
    await expect(perform('interrupted', { to: folder.path })).rejects.toThrow(/it is a folder/);
    expect(await readdir(folder.path)).toEqual(before);
  });

  it('refuses what it cannot answer', async () => {
    await expect(perform('nothing-here')).rejects.toThrow(/no batch "nothing-here"/i);
    await expect(perform('no id')).rejects.toThrow(/cannot be a batch id/);
    await expect(async () => perform('finished', { json: true })).rejects.toThrow(/give one with --to/);
  });
});
