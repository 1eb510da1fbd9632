import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { streamXlsxRows } from 'hucre/xlsx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { linkKind } from '../../../src/cli/results/result-links.js';
import { results, type ResultsOptions } from '../../../src/cli/results/results.js';
import type { Config } from '../../../src/config.js';
import { UsageError } from '../../../src/errors.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { performCommand, type CommandRunOptions } from '../../support/commands/command-run.js';
import { imageOf, sealBatch } from '../../support/batches/sealed-batches.js';
import { bucketConfig } from '../../support/stack/server-config.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

const SHEET = ['id;prompt;note', 'a;one bird;"x;y"', 'b;a bird that fails;', 'c~1;no bird;', 'd;a fox;z'];

const Records = z.array(z.array(z.string()));

describe('the results command', () => {
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

  it('prints the file that a finished batch has in the bucket', async () => {
    const batch = await sealBatch(bench, 'finished', SHEET);
    const { code, stdout, stderr } = await perform('finished');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(await batch.text('results.csv'));
  });

  it('shows unfinished rows of a running batch as pending', async () => {
    const { run } = await bench.ingest('running', SHEET);
    const generations = [{ generation: 1, end: 'failed', charged: 'no' } as const];
    const end = { kind: 'failed', failure: 'refused', message: 'not this' } as const;
    const settled = [{ row: 1, end, generations, settledAtMs: Date.now() }];
    await bench.attempt(() => bench.activities.recordOutcomes({ run, shard: 0, part: 0, settled }));
    const { code, stdout, stderr } = await perform('running');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1, -1)).toEqual([
      'a;one bird;"x;y";a;pending;The row is not finished yet.;;;;;',
      'b;a bird that fails;;b;failed;refused: not this;;;;;',
      expect.stringMatching(/^c~1;no bird;;;rejected;/),
      'd;a fox;z;d;pending;The row is not finished yet.;;;;;',
    ]);
    expect(stderr).toMatch(/^Run 1 is not finished: rows are recorded in hundreds/);
  });

  it('writes a file completely, reports its content, and replaces none without --overwrite', async () => {
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

  it('leaves no file when interrupted or unable to write', async () => {
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

  it('writes a workbook of text cells with the values of the sheet', async () => {
    const long = 'x'.repeat(32_766);
    const cells = [
      '007',
      '1E5',
      '=1+1',
      '+49 30',
      '2026-01-02',
      'TRUE',
      '_x0041_',
      '<&>"\'',
      ' a ',
      'ü🦊',
      long,
    ];
    const sheet = [
      `id,prompt,${cells.map((_, index) => `c${index}`).join(',')}`,
      `418567788576,one bird,${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}`,
      `b,"two\nlines \u000b\uFFFE","${long}xx"`,
    ];
    await sealBatch(bench, 'workbook', sheet);
    const to = path.join(folder.path, 'results.xlsx');
    const { code, stdout, stderr } = await perform('workbook', { xlsx: to });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${to}: 2 lines: 2 stored.\n` });
    expect(stderr).toMatch(/^1 text longer than the 32,767 characters .* was cut\./);
    const rows: (readonly unknown[])[] = [];
    for await (const { values } of streamXlsxRows(await readFile(to))) rows.push(values);
    expect(rows[0]?.slice(0, 3)).toEqual(['id', 'prompt', 'c0']);
    expect(rows[1]?.slice(0, 13)).toEqual(['418567788576', 'one bird', ...cells]);
    expect(rows[1]?.slice(13, 15)).toEqual(['418567788576', 'stored']);
    expect(rows[2]?.slice(1, 2)).toEqual(['two\nlines \u000b\uFFFE']);
    expect(rows[2]?.[2]).toMatch(/^x+… \(cut\)$/);
    expect(rows.flat().every((cell) => typeof cell === 'string')).toBe(true);
    await expect(perform('workbook', { xlsx: to })).rejects.toThrow(/exists already/);
    await expect(async () => perform('workbook', { xlsx: to, to: 'other' })).rejects.toThrow(/once/);
  });

  it('adds working presigned links to its own output only, and reports when they expire', async () => {
    const batch = await sealBatch(bench, 'linked', ['id,prompt,image_url', 'a b,one bird,x', 'b,it fails,y']);
    const links = linkKind('presigned:1h');
    const { stdout, stderr } = await perform('linked', { links });
    const [header, first, second] = Records.parse(parse(stdout, { bom: true }));
    expect(header?.slice(-2)).toEqual(['cost', 'result_image_url']);
    const response = await fetch(z.url().parse(first?.at(-1)));
    expect(Buffer.from(await response.arrayBuffer())).toEqual(imageOf(0));
    expect(second?.at(-1)).toBe('');
    expect(stderr).toMatch(/^The links in image_url work until \d{4}-\d\d-\d\d \d\d:\d\dZ \(1h\), unless/);
    expect(await batch.text('results.csv')).not.toContain('X-Amz-');

    const { s3, ...bucket } = bucketConfig(bench.s3, 'tests/');
    const expiration = new Date(Date.now() + 600_000);
    const { accessKeyId, secretAccessKey } = bench.s3;
    const credentials = { accessKeyId, secretAccessKey, expiration };
    const temporary = { bucket: { ...bucket, s3: { ...s3, credentials } } };
    const given = { id: 'linked', overwrite: false, json: false, links };
    const short = await performCommand(results, given, { config: temporary });
    expect(short.stderr).toMatch(
      /work only until .*Z \(\d+m\), not for 1h: they expire with the temporary cred/,
    );
  });

  it('adds links with a public address', async () => {
    const { run } = await sealBatch(bench, 'public', ['id,prompt', 'a b,one bird', 'b,it fails']);
    const { stdout, stderr } = await perform('public', { links: linkKind('public:https://cdn.example/x/') });
    const [, first, second] = Records.parse(parse(stdout, { bom: true }));
    const url = `https://cdn.example/x/${run.root}images/train/a%2520b.png`;
    expect([first?.at(-1), second?.at(-1)]).toEqual([url, '']);
    expect(stderr).toMatch(/do not expire/);
  });

  it.each([
    'presigned:8d',
    'presigned:0s',
    'presigned',
    'signed:1d',
    'public:ftp://x',
    'public:https://x/?a=b',
  ])('refuses --links %s', (text) => {
    expect(() => linkKind(text)).toThrow(
      /^(?:Expected|Presigned links can last|The public address must have)/,
    );
  });

  it('refuses combinations that make no sense', async () => {
    await expect(perform('nothing-here')).rejects.toThrow(/no batch "nothing-here"/i);
    await expect(perform('no id')).rejects.toThrow(/is not a valid batch id/);
    await expect(async () => perform('finished', { json: true })).rejects.toThrow(/add --to FILE or --xlsx/);
  });
});
