import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { deflateSync, inflateSync } from 'node:zlib';
import { Transformer } from '@napi-rs/image';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspectImage, inspectStructure } from '../../../../../src/domain/images/bytes/inspect.js';
import { deflated, pngOf, type PngKind } from '../../../../support/images/png-kinds.js';
import { isAvailable } from '../../../../support/setup/required.js';
import {
  jpegParts,
  pngChunk,
  riff,
  riffChunk,
  sampleJpeg,
  samplePng,
  sampleWebp,
} from '../../../../support/images/sample-images.js';
import { temporaryFolder } from '../../../../support/temporary-folder.js';

const python = process.env['BANANA_TEST_PYTHON'];

const size = fc.integer({ min: 1, max: 60 });
const samples = [
  ['png', samplePng],
  ['jpg', sampleJpeg],
  ['webp', sampleWebp],
] as const;

function inflatesTo(data: Buffer, raw: Buffer): boolean {
  try {
    return inflateSync(data).equals(raw);
  } catch {
    return false;
  }
}

describe.each(samples)('a %s', (type, sample) => {
  it('is recognized with its dimensions, also as a view into a larger buffer', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, fc.nat({ max: 40 }), async (width, height, offset) => {
        const image = sample(width, height);
        const padded = Buffer.concat([Buffer.alloc(offset), image, Buffer.alloc(9)]);
        const expected = { kind: 'image', type, width, height };
        expect(await inspectImage(image)).toEqual(expected);
        expect(await inspectImage(padded.subarray(offset, offset + image.length))).toEqual(expected);
      }),
    );
  });

  it('that is truncated anywhere is not an image', () => {
    const image = sample(20, 30);
    for (let length = 0; length < image.length; length += 1) {
      expect(inspectStructure(image.subarray(0, length)).kind, `cut to ${length}`).not.toBe('image');
    }
  });

  it('with an error page appended is incomplete', () => {
    const result = inspectStructure(Buffer.concat([sample(20, 30), Buffer.from('<Error/>')]));
    expect(result.kind).toBe('incomplete');
  });
});

describe('a PNG', () => {
  it('with any damaged byte is not an image', () => {
    const image = samplePng(40, 40);
    fc.assert(
      fc.property(fc.nat({ max: image.length - 1 }), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const damaged = Buffer.from(image);
        damaged[index] = (damaged[index] ?? 0) ^ change;
        expect(inspectStructure(damaged).kind).not.toBe('image');
      }),
    );
  });

  it('without image data, or without its header at the start, is incomplete', () => {
    const signature = samplePng(1, 1).subarray(0, 8);
    const header = samplePng(5, 5).subarray(8, 33);
    const end = pngChunk('IEND', Buffer.alloc(0));
    const noData = { kind: 'incomplete', reason: 'png: it has no image data' };
    expect(inspectStructure(Buffer.concat([signature, header, end]))).toEqual(noData);
    const empty = pngChunk('IDAT', Buffer.alloc(0));
    expect(inspectStructure(Buffer.concat([signature, header, empty, empty, end]))).toEqual(noData);
    const data = pngChunk('IDAT', Buffer.alloc(3));
    expect(inspectStructure(Buffer.concat([signature, data, header, end])).kind).toBe('incomplete');
  });

  it('of no width is incomplete', async () => {
    expect((await inspectImage(samplePng(0, 4))).kind).toBe('incomplete');
  });

  const kinds = [
    { color: 0, depths: [1, 2, 4, 8, 16] },
    { color: 2, depths: [8, 16] },
    { color: 3, depths: [1, 2, 4, 8] },
    { color: 4, depths: [8, 16] },
    { color: 6, depths: [8, 16] },
  ].flatMap(({ color, depths }) =>
    depths.flatMap((depth) => [true, false].map((interlaced) => ({ color, depth, interlaced }))),
  );

  it.each(kinds)(
    'of color type $color, $depth bits, interlaced: $interlaced, is complete, but not with a byte less or more',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(size, size, fc.integer({ min: 1, max: 5 }), async (width, height, parts) => {
          const made = (change: (raw: Buffer) => Buffer = (raw) => raw) =>
            inspectImage(pngOf({ width, height, ...kind, parts, change }));
          expect(await made()).toEqual({ kind: 'image', type: 'png', width, height });
          expect(await made((raw) => raw.subarray(0, -1))).toMatchObject({
            reason: expect.stringMatching(/^png: its image data lack \d+ rows$/),
          });
          expect(await made((raw) => Buffer.concat([raw, Buffer.alloc(1)]))).toMatchObject({
            reason: 'png: it has more image data than its header says',
          });
        }),
        { numRuns: 12 },
      );
    },
  );

  it('with truncated, changed or replaced data, or without their checksum, is incomplete although all chunks are complete', async () => {
    const image = { width: 31, height: 17, color: 2, depth: 8, interlaced: false, noise: true };
    const data = deflated(image);
    const inspect = async (changed: Buffer) =>
      (await inspectImage(pngOf({ ...image, parts: 3, data: changed }))).kind;
    expect(await inspect(data)).toBe('image');
    const change = fc.oneof(
      fc.nat({ max: data.length - 1 }).map((length) => data.subarray(0, length)),
      fc.tuple(fc.nat({ max: data.length - 1 }), fc.integer({ min: 1, max: 255 })).map(([index, flip]) => {
        const damaged = Buffer.from(data);
        damaged[index] = (damaged[index] ?? 0) ^ flip;
        return damaged;
      }),
      fc.uint8Array({ minLength: 1, maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ minLength: 1_000, maxLength: 2_000 }).map((bytes) => deflateSync(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        // The bits between the last code and the checksum have no meaning.
        fc.pre(!inflatesTo(changed, inflateSync(data)));
        expect(await inspect(changed)).toBe('incomplete');
      }),
      { numRuns: 300 },
    );
  });

  it('with an unknown row filter is incomplete', async () => {
    const image = { width: 9, height: 9, color: 0, depth: 8, interlaced: false };
    const data = deflateSync(inflateSync(deflated(image)).fill(5, 30, 31));
    expect(await inspectImage(pngOf({ ...image, data }))).toMatchObject({
      reason: expect.stringContaining('filter'),
    });
  });

  it('of 100 million pixels in few bytes is inflated with little memory', async () => {
    const [width, height] = [10_000, 10_000];
    const image = pngOf({ width, height, color: 0, depth: 8, interlaced: false });
    const before = process.memoryUsage.rss();
    let most = before;
    const looking = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
    expect(await inspectImage(image)).toEqual({ kind: 'image', type: 'png', width, height });
    clearInterval(looking);
    expect(most - before).toBeLessThan(60e6);
  });

  it.each([
    ['without its palette', { color: 3, depth: 4 }, { palette: false }],
    ['of an unknown color type', { color: 5, depth: 8 }, {}],
    ['of a depth that its color type has not', { color: 2, depth: 4 }, {}],
  ] as const)('%s is incomplete', async (_, kind, more) => {
    const image = pngOf({ width: 3, height: 3, interlaced: false, ...kind, ...more });
    expect((await inspectImage(image)).kind).toBe('incomplete');
  });

  it.each([
    ['with another chunk between its image data', 'IHDR IDAT tEXt IDAT IEND', 'other chunks stand between'],
    ['with its header twice', 'IHDR IHDR IDAT IDAT IEND', 'more than one IHDR'],
    ['with a chunk before its header', 'tEXt IHDR IDAT IDAT IEND', 'does not start with a header'],
    ['with two palettes', 'IHDR PLTE PLTE IDAT IDAT IEND', 'more than one PLTE'],
    ['with a chunk after its end', 'IHDR IDAT IDAT IEND tEXt', 'bytes after its end'],
    ['without its end', 'IHDR IDAT IDAT', 'ends before its last chunk'],
  ])('%s is incomplete', async (_, order, reason) => {
    const image = { width: 8, height: 8, color: 2, depth: 8, interlaced: false };
    expect(await inspectImage(chunksInOrder(image, order))).toMatchObject({
      kind: 'incomplete',
      reason: expect.stringContaining(reason),
    });
  });

  it('with a late or invalid palette is incomplete, unless it needs none', async () => {
    const indexed = { width: 8, height: 8, color: 3, depth: 8, interlaced: false };
    const late = 'IHDR IDAT IDAT PLTE IEND';
    expect(await inspectImage(chunksInOrder(indexed, late))).toMatchObject({
      reason: 'png: its palette comes after its image data',
    });
    for (const length of [0, 4, 771]) {
      expect(await inspectImage(chunksInOrder(indexed, 'IHDR PLTE IDAT IDAT IEND', length))).toMatchObject({
        reason: 'png: its palette is not valid',
      });
    }
    expect((await inspectImage(chunksInOrder({ ...indexed, color: 2 }, late))).kind).toBe('image');
    expect((await inspectImage(chunksInOrder(indexed, 'IHDR tEXt PLTE tEXt IDAT IDAT tEXt IEND'))).kind).toBe(
      'image',
    );
  });

  it('is complete with ancillary chunks of any content, even with wrong checksums', async () => {
    const image = samplePng(20, 20);
    const wrong = pngChunk('tEXt', Buffer.from('Comment\0x'));
    wrong.writeUInt32BE(7, wrong.length - 4);
    const chunks = [pngChunk('caNv', Buffer.alloc(3)), wrong, pngChunk('gAMA', Buffer.alloc(4))];
    const changed = Buffer.concat([image.subarray(0, 33), ...chunks, image.subarray(33)]);
    expect((await inspectImage(changed)).kind).toBe('image');
  });
});

/** A PNG's chunks in any order, the image data in two of them. */
function chunksInOrder(kind: PngKind, order: string, paletteBytes = 768): Buffer {
  const header = pngOf(kind).subarray(16, 29);
  const data = deflated(kind);
  const parts = [data.subarray(0, 9), data.subarray(9)];
  const contents: Readonly<Record<string, Buffer>> = {
    IHDR: header,
    PLTE: Buffer.alloc(paletteBytes, 9),
    tEXt: Buffer.from('Comment\0x'),
  };
  const chunks = order
    .split(' ')
    .map((type) => pngChunk(type, (type === 'IDAT' ? parts.shift() : contents[type]) ?? Buffer.alloc(0)));
  return Buffer.concat([samplePng(1, 1).subarray(0, 8), ...chunks]);
}

function withTable(table: Buffer): readonly Buffer[] {
  const { header, scan, data, end } = jpegParts(20, 30, table);
  return [header, scan, data, end];
}

describe('a JPEG', () => {
  const parts = jpegParts(20, 30);

  it('cut right after the thumbnail in its header is incomplete', async () => {
    const image = sampleJpeg(20, 30);
    const cut = image.subarray(0, image.indexOf(Buffer.from([0xff, 0xd9])) + 2);
    expect((await inspectImage(cut)).kind).toBe('incomplete');
  });

  it.each([
    ['no data in its scan', [parts.header, parts.scan, parts.end]],
    ['too few data for its size', [parts.header, parts.scan, Buffer.alloc(2, 0x5a), parts.end]],
    ['nothing but a restart in its scan', [parts.header, parts.scan, Buffer.from([0xff, 0xd0]), parts.end]],
    [
      'data cut inside a later segment',
      [parts.header, parts.scan, parts.data, Buffer.from([0xff, 0xc4, 0, 99]), parts.end],
    ],
    ['no scan at all', [parts.header, parts.end]],
    ['no quantization table', withTable(Buffer.alloc(0))],
    ['half a quantization table', withTable(Buffer.alloc(64))],
    ['another quantization table than its colors need', withTable(Buffer.alloc(65, 1))],
  ])('with %s is incomplete', async (_, pieces) => {
    expect((await inspectImage(Buffer.concat(pieces))).kind).toBe('incomplete');
  });

  it('followed by a complete second one is complete, as from phones, but not if followed by half of one', async () => {
    const [first, second] = [sampleJpeg(20, 30), sampleJpeg(5, 6)];
    expect(await inspectImage(Buffer.concat([first, second]))).toMatchObject({ width: 20, height: 30 });
    const half = Buffer.concat([first, second.subarray(0, 60), second.subarray(-2)]);
    expect((await inspectImage(half)).kind).toBe('incomplete');
  });
});

describe('a WebP', () => {
  it.each(['VP8 ', 'VP8L', 'ALPH', 'ANMF'])('with an empty %s chunk is incomplete', async (type) => {
    const whole = sampleWebp(4, 4).subarray(12);
    const file = (chunk: Buffer) => riff(Buffer.concat([riffChunk('VP8X', Buffer.alloc(10)), chunk, whole]));
    expect((await inspectImage(file(riffChunk('EXIF', Buffer.alloc(0))))).kind).toBe('image');
    for (const length of [0, 1]) {
      const chunk = riffChunk(type, Buffer.alloc(length));
      expect((await inspectImage(file(chunk))).kind, `${length} bytes`).toBe('incomplete');
    }
    // The frame of an animation without image data.
    const frame = riffChunk('ANMF', Buffer.concat([Buffer.alloc(16), riffChunk(type, Buffer.alloc(1))]));
    expect((await inspectImage(file(frame))).kind).toBe('incomplete');
  });
});

describe('an image of a real encoder', () => {
  const pixels = Buffer.from(Array.from({ length: 40 * 30 * 4 }, (_, at) => (at * at) % 251));
  const picture = () => Transformer.fromRgbaPixels(pixels, 40, 30);

  it.each([
    ['png', () => picture().png()],
    ['png', () => picture().grayscale().png()],
    ['jpg', () => picture().jpeg(80)],
    ['webp', () => picture().webp(80)],
    ['webp', () => picture().webpLossless()],
  ])('(%s) is complete, and not if cut anywhere with its end restored', async (type, encode) => {
    const image = await encode();
    expect(await inspectImage(image)).toEqual({ kind: 'image', type, width: 40, height: 30 });
    if (type !== 'png') return;
    for (let length = 60; length < image.length - 12; length += 97) {
      const cut = Buffer.concat([image.subarray(0, length), image.subarray(-12)]);
      expect((await inspectImage(cut)).kind, `cut to ${length}`).toBe('incomplete');
    }
  });

  it.runIf(isAvailable('Python with pillow (BANANA_TEST_PYTHON)', python !== undefined))(
    'of pillow is whole: all modes, animations, metadata and progressive scans',
    { timeout: 60_000 },
    async () => {
      const folder = await temporaryFolder();
      try {
        const script = path.join(import.meta.dirname, '../../../../support/python/draw_image_kinds.py');
        await promisify(execFile)(python ?? '', [script, folder.path]);
        const names = await readdir(folder.path);
        expect(names.length).toBeGreaterThan(30);
        for (const name of names) {
          const image = await readFile(path.join(folder.path, name));
          expect({ name, ...(await inspectImage(image)) }).toMatchObject({
            name,
            kind: 'image',
            width: 61,
            height: 47,
          });
        }
      } finally {
        await folder.remove();
      }
    },
  );
});

describe('other content', () => {
  it.each([
    ['', 'the body is empty'],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'the body is XML, not an image'],
    ['<!DOCTYPE html><html></html>', 'the body is an HTML page, not an image'],
    [
      '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"></svg>',
      'the body is not PNG, JPEG or WebP',
    ],
    ['GIF89a........', 'the body is not PNG, JPEG or WebP'],
    ['{"detail":"no"}', 'the body is not PNG, JPEG or WebP'],
  ])('%j is reported as such', (text, reason) => {
    expect(inspectStructure(Buffer.from(text))).toEqual({ kind: 'not-an-image', reason });
  });

  it('never throws, for any bytes', () => {
    const starts = samples.map(([, sample]) => sample(3, 3).subarray(0, 16));
    const bytes = fc.tuple(fc.constantFrom(Buffer.alloc(0), ...starts), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(bytes, ([start, rest]) => {
        expect(inspectStructure(Buffer.concat([start, rest])).kind).not.toBe('image');
      }),
    );
  });
});
