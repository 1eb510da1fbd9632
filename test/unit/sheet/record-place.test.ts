import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placesText, placeText, RecordPlaces, type RecordPlace } from '../../../src/sheet/record-place.js';
import { readWholeSheet } from '../../support/read-whole-sheet.js';

describe('a place in a sheet', () => {
  it('is a line, and the row of the table if that number differs', () => {
    expect(placeText({ line: 7 })).toBe('line 7');
    expect(placeText({ line: 7, tableRow: 6 })).toBe('row 6 of the table, line 7');
    expect(placesText({ line: 2 }, { line: 7 })).toBe('lines 2 and 7');
    expect(placesText({ line: 2 }, { line: 7, tableRow: 6 })).toBe('line 2, and row 6 of the table, line 7');
  });

  it('is remembered by its line, whatever line breaks records contain', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(lengths, (records) => {
        const places = new RecordPlaces();
        const noted: RecordPlace[] = [];
        let line = 2;
        for (const [index, length] of records.entries()) {
          const tableRow = index + 2;
          noted.push(tableRow === line ? { line } : { line, tableRow });
          line += length;
        }
        for (const place of noted) places.note(place);
        expect(noted.map((place) => places.at(place.line))).toEqual(noted);
      }),
    );
  });
});

const head = 'id,prompt,file_name\nfox,"a fox\nin snow",\n';
const rulesOf = async (text: string) =>
  (await readWholeSheet(text)).rejected.map(({ line, tableRow, rule }) => [line, tableRow, rule]);
const both = (what: string): unknown =>
  expect.stringContaining(
    `"${what}" is used twice (row 3 of the table, line 4, and row 4 of the table, line 5`,
  );

describe('messages about a sheet with line breaks in its cells', () => {
  it('name both places of a repeated id or name', async () => {
    expect(await rulesOf(`${head}owl,an owl,\nowl,a second owl,\n`)).toEqual([[5, 4, both('owl')]]);
    expect(await rulesOf(`${head}a,an owl,x\nb,a second owl,X\n`)).toEqual([[5, 4, both('X')]]);
    expect(await rulesOf(`${head}fox,a fox,\n`)).toEqual([
      [4, 3, expect.stringContaining('"fox" is used twice (line 2, and row 3 of the table, line 4)')],
    ]);
  });

  it.each([
    ['a quote that is never closed', 'a,b,\nc,"open\n', 'row 4 of the table, line 5'],
    ['a quote out of place', 'a,b,\nc, "open"\n', 'row 4 of the table, line 5'],
    ['the header of another file', 'prompt,id,model\n', 'row 3 of the table, line 4'],
  ])('name the place of %s', async (_, below, place) => {
    await expect(readWholeSheet(head + below)).rejects.toThrow(`sheet.csv, ${place}: `);
  });

  it('name the header below a "sep=" line by line and row', async () => {
    await expect(readWholeSheet('sep=;\nid;Text\na;b\n')).rejects.toThrow(
      'sheet.csv, row 1 of the table, line 2: no column is called "prompt"',
    );
  });
});
