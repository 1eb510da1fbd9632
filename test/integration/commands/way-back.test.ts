import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportCommand } from '../../../src/cli/results/export.js';
import type { Config } from '../../../src/config.js';
import { csvRecords } from '../../../src/ledger/files/text-file.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { bucketVariables } from '../../support/stack/bucket-variables.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';
import { runInProcess } from '../../support/commands/command-in-process.js';
import { performCommand } from '../../support/commands/command-run.js';
import { bucketConfig } from '../../support/stack/server-config.js';
import { sealBatch, type SealedBatch } from '../../support/batches/sealed-batches.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';

/** A content team's sheet: names from one column, prompts from another, a `row_id` and an `id` of their own. */
const SHEET = [
  'SKU,Caption,row_id,id,width,Campaign',
  'SF-001.png,a red sofa,r/1,7,80 cm,Spring',
  'SF-002,a blue sofa that fails,r/2,8,90 cm,Spring',
];
const MAPPED = SheetSettings.parse({ map: { file_name: 'SKU', prompt: 'caption', id: 'row_id' } });

const failuresOf = async (of: SealedBatch): Promise<readonly unknown[]> => {
  const records: unknown[] = [];
  for await (const record of csvRecords(Readable.from([await of.text('failures.csv')]), ','))
    records.push(record);
  return records;
};

describe('finding the sheet’s row', () => {
  let bench: ActivityBench;
  let scratch: TemporaryFolder;
  let config: Partial<Config>;
  let batch: SealedBatch;
  beforeAll(async () => {
    [bench, scratch] = await Promise.all([startActivityBench(), temporaryFolder()]);
    config = { bucket: bucketConfig(bench.s3, 'tests/') };
    batch = await sealBatch(bench, 'sofas', SHEET, 1, { requestChanges: { sheet: MAPPED } });
  });
  afterAll(async () => {
    await bench?.stop();
    await scratch?.remove();
  });

  const command = (...args: readonly string[]) =>
    runInProcess(args, {
      cwd: scratch.path,
      variables: { ...bucketVariables(bench.s3), BANANA_PREFIX: 'tests' },
    });

  const storyOf = async (text: string) => {
    const { code, stdout, stderr } = await command('row', 'shop', text, '--json');
    return code === 0 ? { ...JSON.parse(stdout), stderr } : { code, stderr };
  };
  const redone = async (...rows: readonly string[]) => {
    const { code, stdout, stderr } = await command(
      'redo',
      'shop',
      '--dry-run',
      '--json',
      '--rows',
      rows.join(','),
    );
    return code === 0 ? JSON.parse(stdout).redone : { code, stderr };
  };

  /** What our files contain about the first row besides its prompt and settings. */
  const kept = {
    row_id: 'r/1',
    SKU: 'SF-001.png',
    Caption: 'a red sofa',
    input_row_id: 'r/1',
    input_id: '7',
    input_width: '80 cm',
    Campaign: 'Spring',
  };

  it('works from metadata.jsonl by row id and every column of the sheet', async () => {
    const { metadata } = await readEvidence(bench.s3.store, batch.run);
    expect(metadata).toMatchObject([{ file_name: 'SF-001.png', prompt: 'a red sofa', ...kept }]);
    expect(await batch.text('images/README.md')).toMatch(/\| `row_id` \| string \|[^]*\| `SKU` \| string \|/);
  });

  it('works from failures.csv, also after it was submitted', async () => {
    expect(await failuresOf(batch)).toMatchObject([
      {
        id: 'r/2',
        file_name: 'SF-002',
        SKU: 'SF-002',
        input_id: '8',
        input_row_id: 'r/2',
        Campaign: 'Spring',
      },
    ]);
    const mended = (await batch.text('failures.csv')).replaceAll('that fails', 'in the sun');
    const again = await sealBatch(bench, 'sofas', mended.trimEnd().split('\n'), 2, {
      requestChanges: { merge: true },
    });
    const { metadata } = await readEvidence(bench.s3.store, again.run);
    expect(metadata).toMatchObject([
      kept,
      { row_id: 'r/2', SKU: 'SF-002', input_id: '8', input_width: '90 cm' },
    ]);
    expect(Object.keys(metadata[1] ?? {})).toEqual(Object.keys(metadata[0] ?? {}));
  });

  it.each(['parquet', 'webdataset'] as const)('works from exports: %s', async (format) => {
    const to = path.join(scratch.path, format);
    const options = { id: 'sofas', format, to, shardSize: 1 << 20, overwrite: false, json: true };
    expect(await performCommand(exportCommand, options, { config })).toMatchObject({ code: 0 });
    const name = `train-00000-of-00001.${format === 'parquet' ? 'parquet' : 'tar'}`;
    const shard = await readFile(path.join(to, name), 'latin1');
    const wanted =
      format === 'webdataset' ? [JSON.stringify(kept).slice(1, -1)] : Object.entries(kept).flat();
    expect(wanted.filter((text) => !shard.includes(text))).toEqual([]);
  });

  describe('works by id, image name or line', () => {
    beforeAll(async () => {
      const sheet = [
        'prompt,SKU,count',
        'a red sofa,sofas/SF-001.png,',
        'a blue sofa that fails,sofas/SF-002,',
        'a lamp,L-7,2',
        'a chair,,',
        'a table,3,',
      ];
      await sealBatch(bench, 'shop', sheet, 1, {
        requestChanges: { sheet: SheetSettings.parse({ map: { file_name: 'SKU' } }) },
      });
    });

    it.each([
      ['a name', 'sofas/SF-001', 'a red sofa'],
      ["a name's file", 'sofas/SF-002.png', 'a blue sofa that fails'],
      ['a line', '2', 'a red sofa'],
      ['the name of one of several images', 'L-7~2', 'a lamp'],
      ['a line without a name', 'line:5', 'a chair'],
    ])('%s, in row and redo', async (_, text, prompt) => {
      const story = await storyOf(text);
      expect(story).toMatchObject({ prompt });
      expect(await storyOf(String(story.rowId))).toMatchObject({ rowId: story.rowId });
      // Named several times, it is still one row.
      expect(await redone(text, String(story.rowId))).toBe(1);
    });

    it('and reports when a name is also a line number', async () => {
      const story = await storyOf('3');
      expect(story).toMatchObject({
        prompt: 'a table',
        stderr: expect.stringMatching(
          /"3" is read as row ".*" \(line 6\); for row ".*" \(line 3\) write line:3\./,
        ),
      });
    });

    it('refuses ambiguous references and lists the candidates', async () => {
      const refused = {
        code: 2,
        stderr: expect.stringMatching(/"4" matches 2 rows: id:(.+)~1 \(line 4\), id:\1~2 \(line 4\)\./),
      };
      expect(await storyOf('4')).toMatchObject(refused);
      expect(await redone('2', '4')).toMatchObject(refused);
    });

    it('suggests similar rows for an unknown reference', async () => {
      const meant = /[Dd]id you mean "sofas\/SF-001"\?/;
      for (const refused of [await storyOf('SF-001'), await redone('2', 'SF-001')])
        expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(meant) });
      const unlike = /no row "zebra".*Name a row by its id, its image name or its line/;
      for (const refused of [await storyOf('zebra'), await redone('zebra')])
        expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(unlike) });
    });

    it('from a file of rows', async () => {
      await writeFile(path.join(scratch.path, 'rows.txt'), 'sofas/SF-001\r\n\r\n 5\n');
      const { stdout } = await command('redo', 'shop', '--rows-file', 'rows.txt', '--dry-run', '--json');
      expect(JSON.parse(stdout)).toMatchObject({ redone: 2 });
    });
  });

  it('includes the row of the table if line breaks in cells make it differ from the line', async () => {
    const sheet = [
      'prompt,model,count',
      '"a vase,\nblue",,',
      'a vase that fails,,',
      'a vase,gpt,',
      'a cup,,2',
    ];
    const vases = await sealBatch(bench, 'vases', sheet);
    const place = { line: '4', row: '3' };
    expect(await failuresOf(vases)).toMatchObject([{ failure_line: place.line, failure_row: place.row }]);
    expect(await vases.text('rejects.csv')).toMatch(/^a vase,gpt,,5,model,gpt,[^]*,4,$/m);
    const bothPlaces = 'row 3 of the table, line 4';
    const { stdout: story } = await command('row', 'vases', '4');
    expect(story).toContain(`of vases, ${bothPlaces} of the sheet`);
    expect((await command('row', 'vases', '6')).stderr).toContain('(row 5 of the table, line 6)');
    const { stdout: failures } = await command('failures', 'vases');
    expect(failures).toContain('4 (row 3)');
    const page = await vases.text('contact-sheet/0001/rows-00000.js');
    expect(page).toContain(`"place":"${bothPlaces}"`);
  });

  it('works for repeats and rejected rows before anything is bought', async () => {
    const sheet = 'prompt,model\n"a vase,\nblue",\na cup,\na jug,gpt\na cup,\n';
    await writeFile(path.join(scratch.path, 'cups.csv'), sheet);
    const { stderr } = await command('submit', 'cups.csv', '--dry-run', '--duplicates', 'fail');
    expect(stderr).toContain('row 4 of the table, line 5, model "gpt"');
    expect(stderr).toContain('row 3 of the table, line 4, and row 5 of the table, line 6');
  });
});
