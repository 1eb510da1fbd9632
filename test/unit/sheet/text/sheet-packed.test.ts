import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readSheet, SheetSettings, type SheetItem } from '../../../../src/sheet/index.js';
import { unpacked } from '../../../../src/sheet/text/unpack.js';
import { chunks, readWholeSheet } from '../../../support/read-whole-sheet.js';

const TEXT = `prompt,style\n${Array.from({ length: 500 }, (_, index) => `fox ${index},photo\n`).join('')}`;

describe('a gzipped sheet', () => {
  test('is read with any file name and number of members', async () => {
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

  test('that is truncated or damaged anywhere stops', async () => {
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

  test('that contains another packed file or a workbook is reported as such', async () => {
    await expect(readWholeSheet(gzipSync(gzipSync(TEXT)))).rejects.toThrow('gzip more than once');
    await expect(readWholeSheet(gzipSync(Buffer.of(0x50, 0x4b, 3, 4)))).rejects.toThrow('Excel workbook');
  });

  test('that unpacks to far more than it seems stops at a limit, as does an endless line', async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20, '\n'));
    const read = async (): Promise<void> => {
      for await (const _ of unpacked(chunks(bomb, 65_536), 'bomb.csv', 8 << 20));
    };
    await expect(read()).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringContaining('8 MiB'),
    });
    const line = gzipSync(Buffer.alloc(12 << 20, 'a'));
    await expect(readWholeSheet(line)).rejects.toMatchObject({ code: 'record-too-large', line: 1 });
  });

  test('with almost only blank lines is refused before any is read, wherever they are', async () => {
    const start = Buffer.from('prompt,style\nfox,photo\n');
    const other = Buffer.from(`prompt,style\n${randomBytes(1 << 20).toString('hex')}\n`);
    for (const unit of ['\n', ',,\n', '  \r\n', '"",\n', ',FALSE\n', 'fox\n']) {
      const piece = gzipSync(unit.repeat(1 << 20));
      for (const before of [start, other]) {
        // Consecutive members are one text, here of over a hundred MB.
        const bomb = Buffer.concat([gzipSync(before), ...Array.from({ length: 64 }, () => piece)]);
        let sizeBytes = 0;
        const read = async (): Promise<void> => {
          for await (const chunk of unpacked(chunks(bomb, 65_536), 'bomb.csv')) sizeBytes += chunk.length;
        };
        await expect(read()).rejects.toMatchObject({
          code: 'too-large',
          message: expect.stringMatching(
            /^bomb\.csv: a part of it unpacks to more than 400 times its size.*gunzip -k FILE/,
          ),
        });
        // A piece that begins before them may contain some.
        expect(sizeBytes).toBeLessThan(before.length + (1 << 20));
      }
    }
  });

  test('is read with many repetitions: long prompts, and a million blank rows from a spreadsheet', async () => {
    const prompt = 'a photograph of a red fox in the morning light, sharp focus, '.repeat(130);
    const long = Array.from({ length: 12_000 }, (_, index) => `${index},"${prompt}",photo\n`);
    const prompts = gzipSync(`id,prompt,style\n${long.join('')}`, { level: 9 });
    let sizeBytes = 0;
    for await (const chunk of unpacked(chunks(prompts, 65_536), 'long.csv')) sizeBytes += chunk.length;
    expect(sizeBytes).toBeGreaterThan(90 << 20);
    const blank = ',,\n'.repeat(1_048_573);
    const saved = gzipSync(`prompt,style,\nfox,photo,\n${blank}owl,photo,\n`);
    expect(saved.length * 400).toBeLessThan(blank.length);
    const sheet = await readWholeSheet(saved);
    expect(sheet.rows.map(({ prompt: text, line }) => [text, line])).toEqual([
      ['fox', 2],
      ['owl', 1_048_576],
    ]);
    expect(sheet.blank).toBe(1_048_573);
  });

  test('stops when its signal is aborted, also between blank lines', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const source = { name: 'sheet.csv', signal };
    const bytes = gzipSync(`prompt\nfox\n${'\n'.repeat(8 << 20)}owl\n`);
    const items: SheetItem[] = [];
    const read = async (): Promise<void> => {
      for await (const item of readSheet(chunks(bytes, 65_536), SheetSettings.parse({}), source)) {
        items.push(item);
        if (item.kind === 'row') controller.abort(new Error('enough'));
      }
    };
    await expect(read()).rejects.toThrow('enough');
    expect(items.map(({ kind }) => kind)).toEqual(['header', 'row']);
  });

  test('lets other work run while millions of short records are read', async () => {
    const controller = new AbortController();
    const source = { name: 'sheet.csv', signal: controller.signal };
    const bytes = gzipSync(`prompt,style\nfox,photo\n${',FALSE\n'.repeat(2_000_000)}`);
    setTimeout(() => controller.abort(new Error('stopped')), 100);
    const read = async (): Promise<void> => {
      for await (const _ of readSheet(chunks(bytes, 65_536), SheetSettings.parse({}), source));
    };
    await expect(read()).rejects.toThrow('stopped');
  });

  test('passes on errors of its source, and closes it', async () => {
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
