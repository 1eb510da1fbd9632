import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { cellsOf, readWholeSheet } from '../../../support/read-whole-sheet.js';

/** Characters that windows-1252 has, with their bytes. */
const WINDOWS_1252 = new Map([
  ...Array.from({ length: 95 }, (_, index): [string, number] => [
    String.fromCharCode(32 + index),
    32 + index,
  ]),
  ...['\t', '\n', '\r'].map((character): [string, number] => [character, character.charCodeAt(0)]),
  ...Object.entries({ '€': 0x80, '“': 0x93, '”': 0x94, '–': 0x96, '\u00a0': 0xa0, ß: 0xdf, ü: 0xfc }),
]);

function utf16(text: string, order: 'le' | 'be'): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
}

const ENCODINGS: readonly {
  readonly encode: (text: string) => Buffer;
  readonly flag?: string;
  readonly narrow?: true;
}[] = [
  { encode: (text) => Buffer.from(text) },
  { encode: (text) => Buffer.from(`\uFEFF${text}`) },
  { encode: (text) => utf16(`\uFEFF${text}`, 'le') },
  { encode: (text) => utf16(`\uFEFF${text}`, 'be') },
  { encode: (text) => utf16(text, 'le'), flag: 'utf-16' },
  { encode: (text) => utf16(text, 'be'), flag: 'utf-16be' },
  {
    encode: (text) => Buffer.from(Array.from(text, (character) => WINDOWS_1252.get(character) ?? 0x3f)),
    flag: 'windows-1252',
    narrow: true,
  },
];

const wide = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc
    .array(
      fc.constantFrom(
        '"',
        '\n',
        '\r',
        '\r\n',
        ',',
        ';',
        '\t',
        '|',
        ' ',
        '\uFEFF',
        'é',
        '🦊',
        '\u00a0',
        '“',
        '0',
      ),
    )
    .map((parts) => parts.join('')),
);
const narrow = fc.array(fc.constantFrom(...WINDOWS_1252.keys())).map((parts) => parts.join(''));
const dialect = fc.record({
  encoding: fc.constantFrom(...ENCODINGS),
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  newline: fc.constantFrom('\n', '\r\n', '\r'),
  quotesAll: fc.boolean(),
  sepLine: fc.boolean(),
  blankEnd: fc.boolean(),
  members: fc.integer({ min: 0, max: 3 }),
  chunkBytes: fc.integer({ min: 1, max: 40 }),
});
type WrittenDialect = typeof dialect extends fc.Arbitrary<infer T> ? T : never;

/** The bytes of a table in a dialect; a sheet of one column has no delimiter, so its commas need no quotes. */
function written(table: readonly (readonly string[])[], how: WrittenDialect): Buffer {
  const { delimiter, newline, encoding } = how;
  const isOneColumn = table[0]?.length === 1;
  const special = isOneColumn ? ['"', '\n', '\r'] : ['"', '\n', '\r', delimiter];
  const cell = (value: string): string =>
    how.quotesAll || special.some((character) => value.includes(character))
      ? `"${value.replaceAll('"', '""')}"`
      : value;
  const lines = table.map((cells) => cells.map(cell).join(delimiter));
  if (how.sepLine && !isOneColumn) lines.unshift(`sep=${delimiter}`);
  if (how.blankEnd) lines.push(table[0]?.map(() => '').join(delimiter) ?? '', '', '');
  const bytes = encoding.encode(lines.join(newline));
  if (how.members === 0) return bytes;
  const size = Math.ceil(bytes.length / how.members);
  return Buffer.concat(
    Array.from({ length: how.members }, (_, index) =>
      gzipSync(bytes.subarray(index * size, (index + 1) * size)),
    ),
  );
}

/** The table as read: its prompts, then its other cells. */
async function readBack(bytes: Buffer, how: WrittenDialect): Promise<unknown> {
  const needsFlag = how.delimiter === '|' && !how.sepLine;
  const settings = {
    ...(needsFlag && { delimiter: '|' }),
    ...(how.encoding.flag && { encoding: how.encoding.flag }),
  };
  const { rows, rejected } = await readWholeSheet(bytes, settings, 'sheet.csv', how.chunkBytes);
  expect(rejected).toEqual([]);
  return rows.map(cellsOf);
}

const cellsFor = ({ encoding }: WrittenDialect): fc.Arbitrary<string> =>
  (encoding.narrow ? narrow : wide).map((text) => text.replaceAll('\0', ''));
const prompted = (cell: fc.Arbitrary<string>): fc.Arbitrary<string> => cell.map((text) => `p${text}`);

describe('any table reads back as it was written', () => {
  test('in every dialect, gzipped or not, with any chunk boundaries', async () => {
    const sheet = dialect.chain((how) => {
      const cell = cellsFor(how);
      const row = fc.tuple(prompted(cell), cell, cell);
      return fc.tuple(fc.constant(how), fc.array(row, { minLength: 1, maxLength: 6 }));
    });
    await fc.assert(
      fc.asyncProperty(sheet, async ([how, rows]) => {
        const bytes = written([['prompt', 'a; b, c', 'two'], ...rows], how);
        expect(await readBack(bytes, how)).toEqual(rows);
      }),
      { numRuns: 400 },
    );
  });

  test('with one column, whose commas are text', async () => {
    const sheet = dialect
      .filter(({ delimiter }) => delimiter !== '|')
      .chain((how) =>
        fc.tuple(fc.constant(how), fc.array(prompted(cellsFor(how)), { minLength: 1, maxLength: 6 })),
      );
    await fc.assert(
      fc.asyncProperty(sheet, async ([how, prompts]) => {
        const rows = prompts.map((prompt) => [prompt]);
        expect(await readBack(written([['prompt'], ...rows], how), how)).toEqual(rows);
      }),
      { numRuns: 200 },
    );
  });
});

describe('csv-spectrum', () => {
  const require = createRequire(import.meta.url);
  const folder = path.dirname(require.resolve('csv-spectrum'));
  const names = readdirSync(path.join(folder, 'csvs')).map((file) => path.basename(file, '.csv'));
  const FailureMessage = z.union([
    z.array(z.record(z.string(), z.string())),
    z.record(z.string(), z.string()),
  ]);

  test('is complete', () => expect(names.length).toBeGreaterThanOrEqual(12));

  test.each(names)('%s has the cells of its JSON', async (name) => {
    const detected = FailureMessage.parse(
      JSON.parse(readFileSync(path.join(folder, 'json', `${name}.json`), 'utf8')),
    );
    const expected = Array.isArray(detected) ? detected : [detected];
    const [first = ''] = Object.keys(expected[0] ?? {});
    let sheet = readFileSync(path.join(folder, 'csvs', `${name}.csv`), 'utf8');
    // Here the two files have different numbers.
    if (name === 'location_coordinates') sheet = sheet.replace('2095257564', '1234567890');
    const { rows, rejected } = await readWholeSheet(sheet, { map: { prompt: first } });
    expect(rejected).toEqual([]);
    expect(rows.map(({ prompt, labels }) => Object.assign({ [first]: prompt }, labels))).toEqual(expected);
  });
});
