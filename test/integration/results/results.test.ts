import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { verify } from '../../../src/cli/batch/verify.js';
import { Report } from '../../../src/ledger/documents.js';
import { SheetSettings } from '../../../src/sheet/index.js';
import { startActivityBench, type ActivityBench } from '../../support/batches/activity-bench.js';
import { performCommand } from '../../support/commands/command-run.js';
import { imageOf, sealBatch, type SealedBatch } from '../../support/batches/sealed-batches.js';
import { bucketConfig } from '../../support/stack/server-config.js';

const RESULT_COLUMNS = ['row_id', 'status', 'reason', 'image', 'bytes', 'sha256', 'job_id', 'cost'];
const PRICES = { settings: { prices: [{ model: 'pro', resolution: '1K', price: '0.04' }] } } as const;

/** The records of a sealed batch's file, the header first. */
const recordsOf = async (batch: SealedBatch, delimiter = ','): Promise<readonly (readonly string[])[]> => {
  const text = await batch.text('results.csv');
  expect(text.startsWith('\uFEFF')).toBe(true);
  return z.array(z.array(z.string())).parse(parse(text, { bom: true, delimiter }));
};
const image = (batch: SealedBatch, name: string): string => `${batch.run.root}images/train/${name}.png`;
const stored = (batch: SealedBatch, rowId: string, position: number, cost = ''): readonly string[] => {
  const body = imageOf(position);
  const sha256 = createHash('sha256').update(body).digest('hex');
  return [rowId, 'stored', '', image(batch, rowId), String(body.length), sha256, 'job-1', cost];
};
const submitted = (name: string, settings: Partial<SheetSettings> = {}) => ({
  sheetName: name,
  sheet: SheetSettings.parse(settings),
});

const correctedCells = (records: readonly (readonly string[])[]) =>
  records.slice(1).map((record) => [...record.slice(0, 4), record[5]]);

describe('results.csv', () => {
  let bench: ActivityBench;
  beforeAll(async () => {
    bench = await startActivityBench();
  });
  afterAll(() => bench?.stop());

  it('is the sheet with the result of each line, and its checksum is in the report', async () => {
    const sheet = [
      'SKU;id; Prompt ;Count;status;;Note',
      '007;a;  one bird  ;1;new;x;" kept as it is "',
      ';;;;;;',
      '008;b;"two; birds";2;=1+1;;"a',
      'line break"',
      '009;c;no bird;0;x;;',
      '1E5;d;a bird that fails;;FALSE;;-0',
    ];
    const batch = await sealBatch(bench, 'plain', sheet, 1, { requestChanges: PRICES });
    const records = await recordsOf(batch, ';');
    const added = ['row_id', 'result_status', ...RESULT_COLUMNS.slice(2)];
    expect(records[0]).toEqual(['SKU', 'id', 'Prompt', 'Count', 'status', '', 'Note', ...added]);
    const rejected = [
      '',
      'rejected',
      'Count "0": count must be a whole number from 1 to 1000',
      '',
      '',
      '',
      '',
      '',
    ];
    const failed = ['d', 'failed', 'flaky: it failed', '', '', '', 'job-1', ''];
    const b = ['008', 'b', 'two; birds', '2', '=1+1', '', 'a\nline break'];
    expect(records.slice(1)).toEqual([
      ['007', 'a', '  one bird  ', '1', 'new', 'x', ' kept as it is ', ...stored(batch, 'a', 0, '0.04')],
      [...b, ...stored(batch, 'b~1', 1, '0.04')],
      [...b, ...stored(batch, 'b~2', 2, '0.04')],
      ['009', 'c', 'no bird', '0', 'x', '', '', ...rejected],
      ['1E5', 'd', 'a bird that fails', '', 'FALSE', '', '-0', ...failed],
    ]);
    const { digests } = Report.parse(JSON.parse(await batch.text('report.json')));
    const sha256 = createHash('sha256')
      .update(await batch.text('results.csv'))
      .digest('hex');
    expect(digests['results.csv']).toBe(sha256);
  });

  it('that was changed is reported by verify', async () => {
    const batch = await sealBatch(bench, 'changed', ['prompt', 'a bird']);
    const config = { bucket: bucketConfig(bench.s3, 'tests/') };
    const checked = () =>
      performCommand(verify, { id: 'changed', json: true, deep: false }, { config }).then(({ stdout }) =>
        z
          .looseObject({ differences: z.array(z.looseObject({ key: z.string() })) })
          .parse(JSON.parse(stdout))
          .differences.map(({ key }) => key),
      );
    expect(await checked()).toEqual([]);
    await batch.put('results.csv', `${await batch.text('results.csv')}x`);
    expect(await checked()).toEqual(['results.csv']);
  });

  it('keeps the names and cells of mapped columns and templates', async () => {
    const mapped = await sealBatch(bench, 'mapped', ['Caption,File,Kind', 'a bird,b/one.png,NB Pro'], 1, {
      requestChanges: submitted('s.csv', { map: { prompt: 'Caption', file_name: 'File', model: 'Kind' } }),
    });
    const [header, first] = await recordsOf(mapped);
    expect(header).toEqual(['Caption', 'File', 'Kind', ...RESULT_COLUMNS]);
    expect(first?.slice(0, 3)).toEqual(['a bird', 'b/one.png', 'NB Pro']);
    expect(first?.[6]).toBe(image(mapped, 'b/one'));

    const templated = await sealBatch(bench, 'templated', ['prompt,subject', 'old words,bird'], 1, {
      requestChanges: submitted('s.csv', { template: 'a {{subject}}' }),
    });
    const [names, row] = await recordsOf(templated);
    expect(names).toEqual(['prompt', 'subject', ...RESULT_COLUMNS]);
    expect(row?.slice(0, 2)).toEqual(['old words', 'bird']);
  });

  it('names the row that a skipped row repeats', async () => {
    const sheet = ['prompt,tag', 'a bird,x', 'a fish,y', 'a bird,z', '   ,w'];
    const batch = await sealBatch(bench, 'repeats', sheet, 1, {
      requestChanges: submitted('s.csv', { duplicates: 'skip' }),
    });
    const records = await recordsOf(batch);
    expect(records.slice(1).map((record) => [record[1], record[3], record[4]])).toEqual([
      ['x', 'stored', ''],
      ['y', 'stored', ''],
      ['z', 'skipped', 'It repeats line 2.'],
      ['w', 'rejected', expect.stringMatching(/^prompt "   ": the prompt is blank/)],
    ]);
    // A retry has no sheet of its own, but knows all rows.
    const again = await sealBatch(bench, 'repeats', sheet, 2, {
      requestChanges: { ...submitted('s.csv', { duplicates: 'skip' }), action: 'retry' },
    });
    expect(await recordsOf(again)).toEqual(records);
  });

  it('has the columns and values of JSON Lines, including columns that appear late', async () => {
    const sheet = [
      '{"prompt":"a bird","n":1.50,"tags":["x","y",1.10]}',
      '{"prompt":"a fish","late":true,"count":2}',
      '{"prompt":5.0,"ID":"x~1","n":1e3}',
    ];
    const batch = await sealBatch(bench, 'lines', sheet, 1, { requestChanges: submitted('s.jsonl') });
    const [header = [], ...records] = await recordsOf(batch);
    const cell = (record: readonly string[] | undefined, name: string) => record?.[header.indexOf(name)];
    expect(header.slice(-8)).toEqual(RESULT_COLUMNS);
    expect(new Set(header.slice(0, -8))).toEqual(new Set(['prompt', 'n', 'tags', 'late', 'count', 'ID']));
    expect(records.map((record) => cell(record, 'status'))).toEqual([
      'stored',
      'stored',
      'stored',
      'rejected',
    ]);
    expect([cell(records[0], 'n'), cell(records[0], 'tags')]).toEqual(['1.50', '["x","y",1.10]']);
    expect(cell(records[0], 'count')).toBe('');
    expect([cell(records[2], 'late'), cell(records[2], 'count')]).toEqual(['true', '2']);
    expect([cell(records[3], 'prompt'), cell(records[3], 'ID'), cell(records[3], 'n')]).toEqual([
      '5.0',
      'x~1',
      '1e3',
    ]);
  });

  it('joins merged sheets: the first one in its order, then what others add', async () => {
    await sealBatch(bench, 'merged', [
      'id,prompt,colour',
      'a,one bird,red',
      'x~1,bad id,blue',
      'b,a bird that fails,green',
    ]);
    const batch = await sealBatch(bench, 'merged', ['ID,Prompt,size', 'c,a fish,9', 'b,a good bird,7'], 2, {
      requestChanges: { merge: true },
    });
    const records = await recordsOf(batch);
    expect(records[0]).toEqual(['id', 'prompt', 'colour', 'size', ...RESULT_COLUMNS]);
    expect(records.slice(1).map((record) => record.slice(0, 6))).toEqual([
      ['a', 'one bird', 'red', '', 'a', 'stored'],
      ['x~1', 'bad id', 'blue', '', '', 'rejected'],
      ['b', 'a good bird', '', '7', 'b', 'stored'],
      ['c', 'a fish', '', '9', 'c', 'stored'],
    ]);
  });

  it('shows the original sheet with the corrections of failures.csv and rejects.csv', async () => {
    const first = await sealBatch(bench, 'corrected', [
      'prompt,count,SKU,aspect_ratio',
      'a bird that fails,2,007,',
      'a fish,1,008,7:1',
      'a fox,1,009,1:1',
    ]);
    const failures = (await first.text('failures.csv'))
      .replace('a bird that fails', 'a good bird')
      .split('\n');
    const second = await sealBatch(bench, 'corrected', failures.slice(0, -1), 2, {
      requestChanges: { merge: true },
    });
    const header = ['prompt', 'count', 'SKU', 'aspect_ratio', ...RESULT_COLUMNS];
    let records = await recordsOf(second);
    expect(records[0]).toEqual(header);
    expect(correctedCells(records)).toEqual([
      ['a good bird', '2', '007', '', 'stored'],
      ['a bird that fails', '2', '007', '', 'failed'],
      ['a fish', '1', '008', '7:1', 'rejected'],
      ['a fox', '1', '009', '1:1', 'stored'],
    ]);
    const rejects = (await second.text('rejects.csv')).replace('7:1', '16:9').split('\n');
    const third = await sealBatch(bench, 'corrected', rejects.slice(0, -1), 3, {
      requestChanges: { merge: true },
    });
    records = await recordsOf(third);
    expect(records[0]).toEqual(header);
    expect(correctedCells(records).slice(2)).toEqual([
      ['a fox', '1', '009', '1:1', 'stored'],
      ['a fish', '1', '008', '16:9', 'stored'],
    ]);
  });
});
