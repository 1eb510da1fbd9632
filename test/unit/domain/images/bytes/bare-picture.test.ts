import { Transformer } from '@napi-rs/image';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barePicture } from '../../../../../src/domain/images/bytes/bare-picture.js';
import { inspectImage } from '../../../../../src/domain/images/bytes/inspect.js';
import { hostileImages, plainWebp, withChunk } from '../../../../support/images/hostile-images.js';
import { pngOf } from '../../../../support/images/png-kinds.js';
import { jpegParts, riff, riffChunk, samplePng } from '../../../../support/images/sample-images.js';
import { thumbnailOf } from '../../../../support/images/thumbnail-of.js';

const SIDE = 64;
const pixels = Buffer.from(
  Array.from({ length: SIDE * SIDE }, (_, at) => [at % SIDE, at >> 6, 90, at % 3 === 0 ? 0 : 255]).flat(),
);
const drawn = () => Transformer.fromRgbaPixels(pixels, SIDE, SIDE);

/** A TIFF block with an orientation. */
function tiff(orientation: number, order: 'II' | 'MM'): Buffer {
  const block = Buffer.alloc(26);
  const [short, long] =
    order === 'II'
      ? (['writeUInt16LE', 'writeUInt32LE'] as const)
      : (['writeUInt16BE', 'writeUInt32BE'] as const);
  block.write(order, 0, 'latin1');
  block[short](42, 2);
  block[long](8, 4);
  block[short](1, 8);
  block[short](0x0112, 10);
  block[short](3, 12);
  block[long](1, 14);
  block[short](orientation, 18);
  return block;
}

const segment = (marker: number, content: Uint8Array): Buffer => {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, content]);
};

const behind = (jpeg: Buffer, ...segments: readonly Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

async function pixelsOf(image: Uint8Array): Promise<Buffer> {
  return new Transformer(image).rawPixels();
}

describe('a bare picture', () => {
  it('of a PNG has no texts, profiles and EXIF data, and decodes to the same pixels', async () => {
    const png = await drawn().png();
    const chunks = ['iCCP', 'zTXt', 'iTXt', 'tEXt', 'eXIf', 'gAMA', 'prVt'];
    const dressed = chunks.reduce((image, type) => withChunk(image, type, Buffer.alloc(50, 7)), png);
    const bare = barePicture(dressed, 'png')?.join() ?? Buffer.alloc(0);
    expect(bare.length).toBeLessThanOrEqual(png.length);
    expect(await pixelsOf(bare)).toEqual(await pixelsOf(png));
  });

  it('of a JPEG has no application data, comments and further pictures, and keeps its color transform', async () => {
    const jpeg = await drawn().jpeg(80);
    const adobe = segment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\x01', 'latin1'));
    const [profile, comment] = [segment(0xe2, Buffer.alloc(9_000, 1)), segment(0xfe, Buffer.from('secret'))];
    const dressed = Buffer.concat([behind(jpeg, profile, comment, adobe), jpeg]);
    const bare = barePicture(dressed, 'jpg')?.join() ?? Buffer.alloc(0);
    expect(bare.includes(adobe)).toBe(true);
    expect([bare.includes(profile), bare.includes('secret')]).toEqual([false, false]);
    expect(bare.length).toBeLessThanOrEqual(jpeg.length + adobe.length);
    expect(await pixelsOf(bare)).toEqual(await pixelsOf(jpeg));
  });

  it.each(['webp', 'webpLossless'] as const)(
    'of a WebP (%s) has no profiles and EXIF data, and keeps transparency',
    async (encode) => {
      const webp = await drawn()[encode]();
      const own = webp.subarray(12);
      const dressed = riff(
        Buffer.concat([own, ...['ICCP', 'EXIF', 'XMP '].map((type) => riffChunk(type, Buffer.alloc(99, 3)))]),
      );
      const bare = barePicture(dressed, 'webp')?.join() ?? Buffer.alloc(0);
      expect(bare.includes(Buffer.alloc(99, 3))).toBe(false);
      expect(await pixelsOf(bare)).toEqual(await pixelsOf(webp));
      expect((await inspectImage(bare)).kind).toBe('image');
    },
  );

  it('of an animated WebP is its first frame, with any canvas', async () => {
    const own = (await drawn().webpLossless()).subarray(12);
    const canvas = riffChunk('VP8X', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    const animated = riff(
      Buffer.concat([canvas, riffChunk('ANIM', Buffer.alloc(6)), frame(own), frame(own)]),
    );
    expect(barePicture(animated, 'webp')).toMatchObject({ width: SIDE, height: SIDE });
    expect(await thumbnailOf(animated, 'webp')).toBeDefined();
  });

  it('is rotated as its EXIF data say, in any type', async () => {
    const wide = Transformer.fromRgbaPixels(pixels.subarray(0, 64 * 32 * 4), 64, 32);
    for (const order of ['II', 'MM'] as const) {
      const exif = tiff(6, order);
      const named = Buffer.concat([Buffer.from('Exif\0\0'), exif]);
      const images = [
        ['png', withChunk(await wide.png(), 'eXIf', exif)],
        ['jpg', behind(await wide.jpeg(90), segment(0xe1, named))],
        ['webp', riff(Buffer.concat([(await wide.webp(90)).subarray(12), riffChunk('EXIF', exif)]))],
      ] as const;
      for (const [type, image] of images) {
        expect(barePicture(image, type)).toMatchObject({ orientation: 6 });
        const thumbnail = (await thumbnailOf(image, type)) ?? Buffer.alloc(0);
        expect(await new Transformer(thumbnail).metadata()).toMatchObject({ width: 32, height: 64 });
      }
    }
  });

  it('with invalid EXIF data is not rotated, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (exif) => {
        const picture = barePicture(withChunk(samplePng(4, 4), 'eXIf', exif), 'png');
        expect(picture?.orientation).toSatisfy((turn: number) => turn >= 1 && turn <= 8);
      }),
    );
  });

  it('uses the header that decoders use, not a smaller canvas', () => {
    const canvas = riffChunk('VP8X', Buffer.alloc(10));
    const lying = riff(Buffer.concat([canvas, plainWebp(16_383, 16_383).subarray(12)]));
    expect(barePicture(lying, 'webp')).toMatchObject({ width: 16_383, height: 16_383 });
  });

  it('does not exist for a JPEG with several frames or more scans than encoders write', () => {
    const { header, scan, data, end } = jpegParts(20, 30);
    expect(file(header, scan, data, end)).toBeDefined();
    expect(file(header, header.subarray(-13), scan, data, end)).toBeUndefined();
    const scans = Array.from({ length: 101 }, () => [scan, data]).flat();
    expect(file(header, ...scans, end)).toBeUndefined();
  });

  it('counts more memory for deep, transparent, rotated and progressive pictures', () => {
    const all = [bytesOf(0, 8), bytesOf(0, 16), bytesOf(2, 8), bytesOf(6, 8), bytesOf(2, 16), bytesOf(6, 16)];
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    expect(Math.min(...all)).toBeGreaterThan(3 * 100 * 100);
    expect(bytesOf(6, 16)).toBeGreaterThan(17.8 * 100 * 100);
  });
});

function frame(chunks: Buffer): Buffer {
  return riffChunk('ANMF', Buffer.concat([Buffer.alloc(16), chunks]));
}

function file(...parts: readonly Buffer[]): ReturnType<typeof barePicture> {
  return barePicture(Buffer.concat(parts), 'jpg');
}

function bytesOf(color: number, depth: number): number {
  const png = pngOf({ width: 100, height: 100, color, depth, interlaced: false });
  return barePicture(png, 'png')?.decodeBytes ?? 0;
}

describe('hostile images', () => {
  it('are complete, and their pictures are small or known to be too large', async () => {
    for (const [name, image] of Object.entries(await hostileImages())) {
      const type = name.endsWith('png') ? 'png' : name.endsWith('jpg') ? 'jpg' : 'webp';
      expect({ name, ...(await inspectImage(image)) }).toMatchObject({ name, kind: 'image', type });
      const bare = barePicture(image, type);
      const isSmall = (bare?.decodeBytes ?? 0) < 10e6 && (bare?.join().length ?? 0) < 10_000;
      expect({ name, isSmall }).toEqual({ name, isSmall: /text|profile/.test(name) });
      const bound = isSmall ? 0 : 250e6;
      expect(bare?.decodeBytes).toBeGreaterThan(bound);
    }
  });
});
