import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cellOfRow, cellsOfRecord } from '../../../../src/domain/rows/sheet-column.js';
import { jsonAsText } from '../../../../src/domain/text/json.js';
import { givenAfter } from '../../../../src/plan/rows/given-cells.js';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

const read = (text: string) => readWholeSheet(text, {}, 'sheet.jsonl');

/** The cells of `results.csv` for a number: alone, in a list, in a rejected record. */
async function cellsFor(number: string): Promise<readonly string[]> {
  const { rows, rejected } = await read(
    `{"prompt":"a","n":${number},"list":["x",{"y":${number}}]}\n{"prompt":"b","model":"dall-e","n": ${number}}\n`,
  );
  const [row, record] = [rows[0], rejected[0]];
  if (!row || !record) throw new Error('There is no row, or nothing is rejected.');
  return [
    ...['n', 'list'].map((name) => jsonAsText(cellOfRow(row, { name }))),
    ...cellsOfRecord(record, [{ name: 'N' }]).map(jsonAsText),
  ];
}

describe('a number of JSON Lines', () => {
  test.each([
    '1.50',
    '1.10',
    '-0',
    '-0.0',
    '1e3',
    '1E+2',
    '0.10000000000000000555',
    '12345678.123456789012',
    '0.0000001',
    '12345678901234567890',
    '1e400',
    '7',
    '-3.25',
  ])('keeps its digits in results.csv: %s', async (number) => {
    expect(await cellsFor(number)).toEqual([number, `["x",{"y":${number}}]`, number]);
  });

  test('keeps any digits there', async () => {
    const digits = fc.stringMatching(/^[0-9]{1,20}$/);
    const number = fc
      .tuple(
        fc.constantFrom('', '-'),
        digits.map((text) => text.replace(/^0+(?=\d)/, '')),
        fc.option(digits.map((text) => `.${text}`)),
        fc.option(fc.stringMatching(/^[eE][+-]?[0-9]{1,3}$/)),
      )
      .map((parts) => parts.map((part) => part ?? '').join(''));
    await fc.assert(
      fc.asyncProperty(number, async (text) => {
        expect(await cellsFor(text)).toEqual([text, `["x",{"y":${text}}]`, text]);
      }),
      { numRuns: 300 },
    );
  });

  test('is a number everywhere else, with or without such digits', async () => {
    const { rows, rejected } = await read(
      '{"prompt":"a","n":1.50,"id":1.0}\n{"prompt":"","n":1.50}\n{"prompt":"x: 1.50"}\n',
    );
    expect(rows[0]).toMatchObject({ rowId: '1', labels: { n: 1.5 }, given: { id: '1.0' } });
    expect(rejected[0]?.record).toEqual({ prompt: '', n: 1.5 });
    expect(rows[1]?.labelTexts).toBeUndefined();
  });

  test('exposes no secret of an input image', async () => {
    const { rejected } = await read(
      '{"prompt":"a"}\n{"prompt":"b","input_images":["https://x.example/a?secret",1.50]}\n',
    );
    expect(rejected[0]?.texts).toBeUndefined();
  });

  test('keeps its digits when failures.csv is submitted, unless a person changed it', async () => {
    const before = (await read('{"prompt":"a","n":1.50,"m":2.50,"id":"x"}\n')).rows[0];
    const file = 'id,prompt,n,m,failure_kind,failure_json\nx,a,1.5,2.70,lost,"[""n"",""m""]"\n';
    const corrected = (await readWholeSheet(file, {}, 'failures.csv')).rows[0];
    if (!before || !corrected) throw new Error('There is no row.');
    expect(corrected.labels).toEqual({ n: 1.5, m: 2.7 });
    expect(givenAfter(before, corrected).labelTexts).toEqual({ n: '1.50', m: '2.70' });
  });
});
