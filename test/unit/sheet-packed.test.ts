import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { unpacked } from '../../src/sheet/unpack.js';
import { chunks, readWholeSheet } from '../support/read-whole-sheet.js';

const TEXT = `prompt,style\n${Array.from({ length: 500 }, (_, index) => `fox ${index},photo\n`).join('')}`;

describe('a sheet packed with gzip', () => {
  test('is read as what is in it, whatever it is called and however many members it has', async () => {
    const plain = await readWholeSheet(TEXT);
    const middle = Buffer.from(TEXT.slice(1000));
    const members = Buffer.concat([gzipSync(TEXT.slice(0, 1000)), gzipSync(''), gzipSync(middle)]);
    for (const bytes of [gzipSync(TEXT), members, Buffer.concat([members, Buffer.alloc(512)])]) {
      for (const size of [1, 7, 65_536]) {
        expect((await readWholeSheet(bytes, {}, 'sheet.csv', size)).rows).toEqual(plain.rows);
      }
    }
    expect((await readWholeSheet(gzipSync('prompt\na\tb\n'), {}, 'sheet.tsv.gz')).header?.format).toBe('tsv');
    expect((await readWholeSheet(gzipSync(Buffer.from('\uFEFFprompt\nfox\n', 'utf16le')))).rows).toHaveLength(
      1,
    );
  });

  test('that is cut short or damaged stops, wherever that is', async () => {
    const bytes = gzipSync(TEXT);
    for (const length of [2, 9, 12, bytes.length >> 1, bytes.length - 1]) {
      await expect(readWholeSheet(bytes.subarray(0, length))).rejects.toMatchObject({
        code: 'broken-gzip',
        message: expect.stringMatching(/^sheet\.csv: its gzip data ends too early: the file is cut short\./),
      });
    }
    const behindPadding = Buffer.concat([Buffer.alloc(3), gzipSync('fox 500,photo\n')]);
    for (const tail of ['garbage', 'prompt\nlost\n', behindPadding]) {
      for (const size of [1, bytes.length, 65_536]) {
        await expect(
          readWholeSheet(Buffer.concat([bytes, Buffer.from(tail)]), {}, 'sheet.csv', size),
        ).rejects.toMatchObject({ code: 'broken-gzip', message: expect.stringContaining('damaged') });
      }
    }
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 6] = ~(flipped[bytes.length - 6] ?? 0) & 0xff;
    await expect(readWholeSheet(flipped)).rejects.toMatchObject({ code: 'broken-gzip' });
  });

  test('that holds another packed file or a workbook is named as that', async () => {
    await expect(readWholeSheet(gzipSync(gzipSync(TEXT)))).rejects.toThrow('gzip more than once');
    await expect(readWholeSheet(gzipSync(Buffer.of(0x50, 0x4b, 3, 4)))).rejects.toThrow('Excel workbook');
  });

  test('that unpacks to far more than it seems stops at a limit, as does an endless line in it', async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20, '\n'));
    const read = async (): Promise<void> => {
      for await (const _ of unpacked(chunks(bomb, 65_536), 'bomb.csv', 8 << 20));
    };
    await expect(read()).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringContaining('8 MiB'),
    });
    const line = gzipSync(Buffer.alloc(64 << 20, 'a'));
    await expect(readWholeSheet(line)).rejects.toMatchObject({ code: 'record-too-large', line: 1 });
  });

  test('passes on what goes wrong with its source, and closes it', async () => {
    const bytes = gzipSync(TEXT);
    const broken = Readable.from(
      (async function* () {
        yield bytes.subarray(0, 20);
        throw new Error('the bucket is away');
      })(),
    );
    const read = async (): Promise<void> => {
      for await (const _ of unpacked(broken, 'sheet.csv'));
    };
    await expect(read()).rejects.toThrow('the bucket is away');
    expect(broken.destroyed).toBe(true);
  });
});
