import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readSheet, SheetSettings, SheetTally, type SheetSummary } from '../../../src/sheet/index.js';
import { chunks, readWholeSheet } from '../../support/read-whole-sheet.js';

const EXAMPLE = fileURLToPath(new URL('../../../examples/prompts.csv', import.meta.url));

const summaryOf = async (text: string, chunkSize = 64): Promise<SheetSummary> => {
  const tally = new SheetTally();
  const items = readSheet(chunks(text, chunkSize), SheetSettings.parse({}), { name: 's.csv' });
  for await (const item of items) tally.add(item);
  return tally.summary();
};

describe('the summary of a sheet', () => {
  test('counts rows, rejections, repeats and models, and names the columns', async () => {
    const text =
      'prompt;model;count;style;;\na;nb;2;x;;\na;nb;2;y;;\na;nb;2;y;;\nb;nb2;;z;;note\nc;;0;z;;\nd;dall-e;;z;;\n';
    const summary = await summaryOf(text, 16);
    expect(summary).toMatchObject({
      format: 'csv',
      delimiter: ';',
      columns: ['prompt', 'model', 'count', 'style'],
      labelColumns: ['style', 'column_6'],
      rows: 7,
      rejected: 2,
      duplicates: 2,
      firstDuplicates: [
        { line: 3, firstLine: 2 },
        { line: 4, firstLine: 2 },
      ],
      images: [
        { model: 'nb', resolution: '1K', images: 6 },
        { model: 'nb2', resolution: '1K', images: 1 },
      ],
      firstRejected: [
        { line: 6, column: 'count' },
        { line: 7, column: 'model' },
      ],
    });
  });

  test('recognizes our own failures.csv by its column', async () => {
    expect(await summaryOf('id,prompt,Failure_Kind\na,fox,refused\n')).toMatchObject({ isFailures: true });
    expect(await summaryOf('id,prompt,failure\na,fox,refused\n')).toMatchObject({ isFailures: false });
  });

  test('contains the first 20 rejections and counts them all', async () => {
    const text = `prompt,count\n${'a,0\n'.repeat(50)}`;
    const summary = await summaryOf(text, 4096);
    expect([summary.rejected, summary.firstRejected.length]).toEqual([50, 20]);
  });
});

test('reading a sheet closes its stream, even if the reader stops early', async () => {
  const { readSheet } = await import('../../../src/sheet/index.js');
  const stream = createReadStream(EXAMPLE, { highWaterMark: 256 });
  for await (const item of readSheet(stream, SheetSettings.parse({}), { name: EXAMPLE })) {
    if (item.kind === 'row') break;
  }
  expect(stream.destroyed).toBe(true);
});

test('settings survive JSON, as workflow inputs', () => {
  const settings = SheetSettings.parse({ map: { prompt: 'Caption' }, template: '{{a}}', encoding: 'latin1' });
  expect(SheetSettings.parse(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
  expect(SheetSettings.parse({})).toEqual({
    map: {},
    defaults: { model: 'pro', aspectRatio: '1:1', resolution: '1K' },
    seed: '1',
    imagesPerPrompt: 1,
    duplicates: 'keep',
    strict: false,
  });
});

test('the example sheet is accepted completely: many scripts, several shapes, no repeats', async () => {
  const { readFile } = await import('node:fs/promises');
  const { rows, rejected, header, repeats } = await readWholeSheet(await readFile(EXAMPLE), {}, EXAMPLE);
  expect(rejected).toEqual([]);
  expect(rows).toHaveLength(24);
  expect(repeats.every((line) => line === undefined)).toBe(true);
  expect(header?.labelColumns).toEqual(['category', 'style']);
  const shapes = new Set(rows.map((row) => row.aspectRatio));
  for (const shape of ['1:1', '16:9', '3:4']) expect(shapes).toContain(shape);
  const prompts = rows.map((row) => row.prompt).join(' ');
  for (const what of [
    /\p{Script=Hiragana}/u,
    /\p{Script=Arabic}/u,
    /\p{Script=Cyrillic}/u,
    /é/,
    /🎃/u,
    /"/,
    /\n/,
  ]) {
    expect(prompts).toMatch(what);
  }
});
