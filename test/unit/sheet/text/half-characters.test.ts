import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

/** UTF-8 with each half of a surrogate pair encoded like a character, as databases write it. */
function utf8(text: string): Buffer {
  const units = text.split(/([\ud800-\udfff])/u);
  return Buffer.concat(units.map((unit, index) => (index % 2 === 0 ? Buffer.from(unit) : encoded(unit))));
}

function encoded(half: string): Buffer {
  const code = half.charCodeAt(0);
  return Buffer.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
}

const utf16le = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le');
const utf16be = (text: string): Buffer => utf16le(text).swap16();

const ENCODINGS = { 'UTF-16LE': utf16le, 'UTF-16BE': utf16be, 'UTF-8': utf8 } as const;
const EACH = Object.entries(ENCODINGS);

const HALF = '🦊'.slice(0, 1);
const OTHER_HALF = '🦊'.slice(1);
const RULE = 'the text contains half of a surrogate pair, which is not a character';

/** The first column of a record that has half of a surrogate pair. */
const column = (values: readonly string[]): string | undefined =>
  ['prompt', 'style'][values.findIndex((value) => !value.isWellFormed())];

describe.each(EACH)('half of a surrogate pair in a sheet of %s', (_, bytesOf) => {
  const text = `prompt\tstyle\r\na 🦊\toil\r\na fox ${HALF}\tink\r\n"two\r\nlines"\tx${OTHER_HALF}\uFFFD\r\nthe last \uFFFD 🦊\tpen\r\n`;

  test('rejects its row, shown with U+FFFD, and the others are read', async () => {
    const content = bytesOf(text);
    for (const bytes of [content, gzipSync(content)]) {
      for (const size of [1, 2, 3, 5, 64, 65_536]) {
        const { rows, rejected } = await readWholeSheet(bytes, {}, 'sheet.txt', size);
        expect(rows.map(({ prompt, line }) => [prompt, line])).toEqual([
          ['a 🦊', 2],
          ['the last \uFFFD 🦊', 6],
        ]);
        expect(rejected).toMatchObject([
          {
            line: 3,
            column: 'prompt',
            value: 'a fox \uFFFD',
            rule: RULE,
            record: { prompt: 'a fox \uFFFD', style: 'ink' },
          },
          {
            line: 4,
            column: 'style',
            value: 'x\uFFFD\uFFFD',
            rule: RULE,
            record: { prompt: 'two\r\nlines' },
          },
        ]);
      }
    }
  });

  test('rejects its row of JSON Lines', async () => {
    const { rows, rejected } = await readWholeSheet(
      bytesOf(`{"prompt":"a ${HALF}"}\n{"prompt":"b","k${HALF}":1}\n{"prompt":"c"}\n`),
      { format: 'jsonl' },
    );
    expect(rows.map(({ prompt }) => prompt)).toEqual(['c']);
    expect(rejected).toMatchObject([{ line: 1, column: 'prompt', rule: RULE }, { line: 2 }]);
  });

  test('in a header stops the sheet, also in a sep= line', async () => {
    await expect(readWholeSheet(bytesOf(`prompt,a${HALF}\nx,y\n`))).rejects.toMatchObject({
      code: 'broken-header',
      line: 1,
    });
    await expect(readWholeSheet(bytesOf(`sep=${HALF}\nprompt\nx\n`))).rejects.toMatchObject({
      code: 'broken-header',
    });
  });

  test('is found in its cell and nowhere else, with any chunk boundaries', async () => {
    const piece = fc.constantFrom('a', '"', ',', '\n', '\r', 'é', '猫', '🦊', '\uFFFD', HALF, OTHER_HALF);
    // Two halves next to each other are the character that they form.
    const cell = fc.array(piece, { maxLength: 6 }).map((pieces) => `x${pieces.join('')}`);
    const records = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(records, fc.integer({ min: 1, max: 40 }), async (cells, size) => {
        const lines = cells.map((values) =>
          values.map((value) => `"${value.replaceAll('"', '""')}"`).join(','),
        );
        const bytes = bytesOf(`prompt,style\n${lines.join('\n')}\n`);
        const { rows, rejected } = await readWholeSheet(bytes, {}, 'sheet.csv', size);
        expect(rows.map(({ prompt, labels }) => [prompt, labels['style']])).toEqual(
          cells.filter((values) => column(values) === undefined),
        );
        const broken = cells.filter((values) => column(values) !== undefined);
        expect(rejected.map(({ column: name, record }) => [name, record['prompt'], record['style']])).toEqual(
          broken.map((values) => [column(values), ...values.map((value) => value.toWellFormed())]),
        );
      }),
    );
  });
});

describe('what only resembles half of a surrogate pair', () => {
  const HEAD = `prompt\na ${HALF}\n`;

  test('in bytes that are not UTF-8 refuses the sheet at its first invalid byte', async () => {
    const bad = [
      Buffer.from('b é\n', 'latin1'),
      Buffer.of(0xed, 0xa0, 0x0a),
      Buffer.of(0xed, 0xa0),
      Buffer.of(0xe7, 0x8c, 0xed, 0xa0, 0xbd, 0x0a),
    ];
    for (const end of bad) {
      for (const size of [1, 3, 65_536]) {
        await expect(
          readWholeSheet(Buffer.concat([utf8(HEAD), end]), {}, 'sheet.csv', size),
        ).rejects.toMatchObject({
          code: 'undecodable',
          line: 3,
          message: expect.stringContaining('--encoding windows-1252'),
        });
      }
    }
  });

  test('in UTF-16 that ends within a unit refuses the sheet', async () => {
    await expect(readWholeSheet(Buffer.concat([utf16le(HEAD), Buffer.of(0x61)]))).rejects.toMatchObject({
      code: 'undecodable',
      line: 3,
    });
  });

  test('in UTF-8 with both halves encoded separately is rejected: no character is guessed', async () => {
    const pair = Buffer.concat([
      Buffer.from('prompt\na '),
      encoded(HALF),
      encoded(OTHER_HALF),
      Buffer.from('\nb\n'),
    ]);
    const { rows, rejected } = await readWholeSheet(pair);
    expect(rows.map(({ prompt }) => prompt)).toEqual(['b']);
    expect(rejected).toMatchObject([{ line: 2, value: 'a \uFFFD\uFFFD', rule: RULE }]);
  });
});
