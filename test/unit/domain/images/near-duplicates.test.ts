import { FastResizeFilter, ResizeFit, Transformer } from '@napi-rs/image';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MOST_BITS_APART, NearDuplicateFinder } from '../../../../src/domain/images/near-duplicates.js';
import { inspectStructure } from '../../../../src/domain/images/bytes/inspect.js';
import { hashThumbnail } from '../../../../src/activities/worker/images/thumbnail.js';
import { thumbnailOf } from '../../../support/images/thumbnail-of.js';
import { sampleJpeg, samplePng, sampleWebp } from '../../../support/images/sample-images.js';

const SIDE = 400;

/** A picture of soft spots, different for each seed. */
function picture(seed: number): Transformer {
  const pixels = new Uint8Array(SIDE * SIDE * 4).fill(255);
  const blots = Array.from({ length: 9 }, (_, blot) => {
    const at = (part: number): number => ((Math.sin(seed * 71 + blot * 13 + part * 5) + 1) / 2) * SIDE;
    return { x: at(1), y: at(2), size: 40 + at(3) / 5, light: at(4) % 256 };
  });
  for (let place = 0; place < SIDE * SIDE; place++) {
    let light = 40;
    for (const { x, y, size, light: own } of blots) {
      const distance = Math.hypot((place % SIDE) - x, Math.floor(place / SIDE) - y);
      light += own * Math.exp(-((distance / size) ** 2));
    }
    pixels.fill(Math.min(255, light), place * 4, place * 4 + 3);
  }
  return Transformer.fromRgbaPixels(pixels, SIDE, SIDE);
}

async function hashed(image: Buffer): Promise<string> {
  const inspection = inspectStructure(image);
  if (inspection.kind !== 'image') throw new Error(inspection.reason);
  const thumbnail = await thumbnailOf(image, inspection.type);
  return (thumbnail && (await hashThumbnail(thumbnail))) ?? 'none';
}

function bitsApart(a: string, b: string): number {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length;
}

const pause = async (): Promise<void> => undefined;

async function thumbnailOfSize(width: number, height: number) {
  const thumbnail = await thumbnailOf(samplePng(width, height), 'png');
  return thumbnail && new Transformer(thumbnail).metadata();
}

describe('a perceptual hash', () => {
  it('is close to that of the same picture made smaller, compressed, brighter or slightly cropped', async () => {
    const hash = await hashed(await picture(1).png());
    const resize = { width: 300, height: 300, fit: ResizeFit.Inside, filter: FastResizeFilter.Lanczos3 };
    const variants = {
      smaller: await picture(1).fastResize(resize).png(),
      compressed: await picture(1).jpeg(25),
      brighter: await picture(1).brighten(20).webp(80),
      cropped: await picture(1)
        .crop(6, 6, SIDE - 12, SIDE - 12)
        .png(),
    };
    for (const image of Object.values(variants))
      expect(bitsApart(hash, await hashed(image))).toBeLessThanOrEqual(MOST_BITS_APART);
  });

  it('is far from that of other pictures', async () => {
    const hashes = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (seed) => hashed(await picture(seed).png())),
    );
    const distances = hashes.flatMap((hash, at) =>
      hashes.slice(0, at).map((other) => bitsApart(hash, other)),
    );
    expect(Math.min(...distances)).toBeGreaterThan(2 * MOST_BITS_APART);
  });
});

describe('a thumbnail', () => {
  it('is a small WebP of the same proportions, and never larger than the image', async () => {
    expect(await thumbnailOfSize(1920, 960)).toMatchObject({ format: 'webp', width: 384, height: 192 });
    expect(await thumbnailOfSize(20, 30)).toMatchObject({ format: 'webp', width: 20, height: 30 });
    expect(await thumbnailOfSize(4000, 1)).toMatchObject({ width: 384, height: 1 });
  });

  it('does not exist for a picture that cannot be decoded', async () => {
    expect(await thumbnailOf(sampleJpeg(64, 64), 'jpg')).toBeUndefined();
    expect(await thumbnailOf(sampleWebp(64, 64), 'webp')).toBeUndefined();
    expect(await hashThumbnail(Buffer.from('no image'))).toBeUndefined();
  });
});

describe('near-duplicates', () => {
  it('are grouped as by comparing each image with each', async () => {
    // Similar hashes are rare among random ones: so some are derived from each.
    const flipped = fc
      .tuple(
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.array(fc.array(fc.nat(63), { maxLength: 9 }), { maxLength: 4 }),
      )
      .map(([hash, flips]) =>
        [[], ...flips].map((bits) => bits.reduce((sum, bit) => sum ^ (1n << BigInt(bit)), hash)),
      );
    await fc.assert(
      fc.asyncProperty(fc.array(flipped, { maxLength: 8 }), async (families) => {
        const hashes = families.flat().map((hash) => hash.toString(16).padStart(16, '0'));
        const finder = new NearDuplicateFinder();
        for (const hash of hashes) finder.note(hash);
        const found = await finder.find(pause);
        const groups = hashes.map((_, at) => at);
        for (const [a, first] of hashes.entries()) {
          for (const [b, second] of hashes.entries()) {
            if (bitsApart(first, second) > MOST_BITS_APART) continue;
            const [from, to] = [
              Math.max(groups[a] ?? 0, groups[b] ?? 0),
              Math.min(groups[a] ?? 0, groups[b] ?? 0),
            ];
            for (const [at, group] of groups.entries()) if (group === from) groups[at] = to;
          }
        }
        const roots = groups.filter(
          (group, at) => groups.lastIndexOf(group) > groups.indexOf(group) && at >= 0,
        );
        const numbers = [...new Set(roots)].toSorted((a, b) => a - b);
        expect(found).toMatchObject({ images: roots.length, groups: numbers.length, incomplete: false });
        expect(hashes.map((_, at) => found.groupOf(at))).toEqual(
          groups.map((group) => numbers.indexOf(group) + 1),
        );
      }),
    );
  });

  it('show by how many bits an image differs from the nearest one of its group', async () => {
    const finder = new NearDuplicateFinder();
    for (const hash of ['0000000000000000', '000000000000003f', '0000000000000fff', 'ffffffffffffffff'])
      finder.note(hash);
    for (let extra = 0; extra < 3000; extra++) finder.note('0123456789abcdef');
    const found = await finder.find(pause);
    expect([0, 1, 2, 3, 4].map((at) => [found.groupOf(at), found.distanceOf(at)])).toEqual([
      [1, 6],
      [1, 6],
      [1, 6],
      [0, 255],
      [2, 0],
    ]);
    expect(found).toMatchObject({ images: 3003, groups: 2 });
  });
});
