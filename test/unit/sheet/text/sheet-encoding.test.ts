import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readWholeSheet } from '../../../support/read-whole-sheet.js';

const TEXT = 'prompt,style\r\n"café, 猫 🦊",naïve\r\nplain,x\r\n';
const EXPECTED = [
  ['café, 猫 🦊', 'naïve'],
  ['plain', 'x'],
];

function utf16(text: string, order: 'le' | 'be', mark = true): Buffer {
  const bytes = Buffer.from(mark ? `\uFEFF${text}` : text, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
}

async function cells(content: string | Uint8Array, settings = {}, chunkBytes = 65_536) {
  const { rows } = await readWholeSheet(content, settings, 'sheet.csv', chunkBytes);
  return rows.map((row) => [row.prompt, row.labels['style']]);
}

describe('text in Unicode', () => {
  test.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte-order mark', Buffer.from(`\uFEFF${TEXT}`)],
    ['UTF-16 little-endian with a mark', utf16(TEXT, 'le')],
    ['UTF-16 big-endian with a mark', utf16(TEXT, 'be')],
  ])('is read as %s with any chunk boundaries', async (_, bytes) => {
    for (const size of [1, 2, 3, 5, 7, 64, 65_536]) expect(await cells(bytes, {}, size)).toEqual(EXPECTED);
  });

  test('as UTF-16 without a mark is recognized, and read if named', async () => {
    await expect(cells(utf16('prompt\nfox\n', 'le', false))).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('--encoding utf-16le'),
    });
    await expect(cells(utf16('prompt\nfox\n', 'be', false))).rejects.toThrow('--encoding utf-16be');
    expect(await cells(utf16(TEXT, 'be', false), { encoding: 'utf-16be' })).toEqual(EXPECTED);
  });

  test('keeps a byte-order mark inside the text', async () => {
    expect(await cells('prompt,style\na\uFEFFb,x\n\uFEFFc,y\n')).toEqual([
      ['a\uFEFFb', 'x'],
      ['\uFEFFc', 'y'],
    ]);
  });

  test('reads back as written for any text and chunk size', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => /[^\s\0]/u.test(value));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (value, size) => {
        const cell = `x${value.replaceAll('"', '""')}`;
        expect(await cells(`prompt,style\n"${cell}","${cell}"\n`, {}, size)).toEqual([
          [`x${value}`.replaceAll('\0', ''), `x${value}`],
        ]);
      }),
    );
  });
});

describe('text in another encoding', () => {
  const latin = Buffer.concat([
    Buffer.from('prompt,style\nplain,x\n\n"a\nb ', 'latin1'),
    Buffer.of(0x93, 0xe9, 0x94, 0x80),
    Buffer.from('",y\n'),
  ]);

  test('stops with the line of the first invalid byte and the flag that helps', async () => {
    for (const size of [1, 7, 65_536]) {
      await expect(cells(latin, {}, size)).rejects.toMatchObject({
        code: 'undecodable',
        line: 5,
        message:
          'sheet.csv, line 5: a byte here is not valid utf-8. If it comes from an older Excel, use --encoding windows-1252; otherwise save it as UTF-8',
      });
    }
  });

  test('is read with --encoding windows-1252, including curly quotes and the euro sign', async () => {
    const expected = [
      ['plain', 'x'],
      ['a\nb “é”€', 'y'],
    ];
    for (const label of ['windows-1252', 'latin1', 'CP1252']) {
      expect(await cells(latin, { encoding: label }, 3)).toEqual(expected);
    }
  });

  test('is read with --encoding shift_jis', async () => {
    const bytes = Buffer.concat([
      Buffer.from('prompt\n'),
      Buffer.of(0x94, 0x4c, 0x83, 0x5c),
      Buffer.from('\n'),
    ]);
    expect((await readWholeSheet(bytes, { encoding: 'shift_jis' })).rows[0]?.prompt).toBe('猫ソ');
  });

  test('stops if the given encoding does not fit either', async () => {
    await expect(
      cells(Buffer.from([...Buffer.from('prompt\nab\n'), 0x81, 0x0a]), { encoding: 'shift_jis' }),
    ).rejects.toMatchObject({
      code: 'undecodable',
      line: 3,
      message: expect.stringContaining('not valid shift_jis'),
    });
  });

  test('stops at a truncated character at the very end', async () => {
    await expect(cells(Buffer.from([...Buffer.from('prompt\na\nb'), 0xe7, 0x8c]))).rejects.toMatchObject({
      code: 'undecodable',
      line: 3,
    });
  });

  test('is refused for an unknown encoding name', async () => {
    await expect(cells('prompt\na\n', { encoding: 'klingon' })).rejects.toMatchObject({
      code: 'unknown-encoding',
      message: expect.stringContaining('"klingon". Use a name such as --encoding windows-1252'),
    });
  });
});

describe('a file that is not text', () => {
  test.each([
    ['an Excel workbook', [0x50, 0x4b, 0x03, 0x04, 1, 2], 'Save the sheet as CSV'],
    ['a zstd file', [0x28, 0xb5, 0x2f, 0xfd, 0], 'Unpack it first'],
    ['a PDF', [0x25, 0x50, 0x44, 0x46, 0x2d], 'Save the sheet as CSV'],
  ])('is reported as %s', async (_, bytes, remedy) => {
    await expect(cells(Uint8Array.from(bytes))).rejects.toMatchObject({
      code: 'not-text',
      message: expect.stringContaining(remedy),
    });
  });

  test('is refused if one line never ends', async () => {
    const endless = new Uint8Array(6 << 20).fill(0x61);
    await expect(cells(endless)).rejects.toMatchObject({ code: 'record-too-large', line: 1 });
  });
});
