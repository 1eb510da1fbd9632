import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportCommand } from '../../src/commands/export.js';
import type { Config } from '../../src/config.js';
import { csvRecords } from '../../src/ledger/csv-records.js';
import { SheetSettings } from '../../src/sheet/index.js';
import { startActivityBench, type ActivityBench } from '../support/activity-bench.js';
import { readEvidence } from '../support/batch-evidence.js';
import { performCommand } from '../support/command-run.js';
import { bucketConfig } from '../support/server-config.js';
import { sealBatch, type SealedBatch } from '../support/sealed-batches.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

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

describe('the way back to the sheet', () => {
  let bench: ActivityBench;
  let scratch: TemporaryFolder;
  let config: Partial<Config>;
  let batch: SealedBatch;
  beforeAll(async () => {
    [bench, scratch] = await Promise.all([startActivityBench(), temporaryFolder()]);
    config = { bucket: bucketConfig(bench.s3, 'tests/') };
    batch = await sealBatch(bench, 'sofas', SHEET, 1, { asked: { sheet: MAPPED } });
  });
  afterAll(async () => {
    await bench?.stop();
    await scratch?.remove();
  });

  /** What our files say of the first row besides its prompt and settings. */
  const kept = {
    row_id: 'r/1',
    SKU: 'SF-001.png',
    Caption: 'a red sofa',
    input_row_id: 'r/1',
    input_id: '7',
    input_width: '80 cm',
    Campaign: 'Spring',
  };

  it('leads from metadata.jsonl by the row’s id and every column of the sheet', async () => {
    const { metadata } = await readEvidence(bench.s3.store, batch.run);
    expect(metadata).toMatchObject([{ file_name: 'SF-001.png', prompt: 'a red sofa', ...kept }]);
    expect(await batch.text('images/README.md')).toMatch(/\| `row_id` \| string \|[^]*\| `SKU` \| string \|/);
  });

  it('leads from failures.csv, also once that was submitted', async () => {
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
      asked: { merge: true },
    });
    const { metadata } = await readEvidence(bench.s3.store, again.run);
    expect(metadata).toMatchObject([
      kept,
      { row_id: 'r/2', SKU: 'SF-002', input_id: '8', input_width: '90 cm' },
    ]);
    expect(Object.keys(metadata[1] ?? {})).toEqual(Object.keys(metadata[0] ?? {}));
  });

  it.each(['parquet', 'webdataset'] as const)('leads from exports: %s', async (format) => {
    const to = path.join(scratch.path, format);
    const options = { id: 'sofas', format, to, shardSize: 1 << 20, overwrite: false, json: true };
    expect(await performCommand(exportCommand, options, { config })).toMatchObject({ code: 0 });
    const name = `train-00000-of-00001.${format === 'parquet' ? 'parquet' : 'tar'}`;
    const shard = await readFile(path.join(to, name), 'latin1');
    const wanted =
      format === 'webdataset' ? [JSON.stringify(kept).slice(1, -1)] : Object.entries(kept).flat();
    expect(wanted.filter((text) => !shard.includes(text))).toEqual([]);
  });
});
