import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspectImage } from '../../src/images/inspect.js';
import { pngChunk, sampleJpeg, samplePng, sampleWebp } from '../support/sample-images.js';

const size = fc.integer({ min: 1, max: 60 });
const samples = [
  ['png', samplePng],
  ['jpg', sampleJpeg],
  ['webp', sampleWebp],
] as const;
describe.each(samples)('a %s', (type, sample) => {
  it('is told with its dimensions, also as a view into a larger buffer', () => {
    fc.assert(
      fc.property(size, size, fc.nat({ max: 40 }), (width, height, offset) => {
        const image = sample(width, height);
        const padded = Buffer.concat([Buffer.alloc(offset), image, Buffer.alloc(9)]);
        const expected = { kind: 'image', type, width, height };
        expect(inspectImage(image)).toEqual(expected);
        expect(inspectImage(padded.subarray(offset, offset + image.length))).toEqual(expected);
      }),
    );
  });

  it('that is cut anywhere is not an image', () => {
    const image = sample(20, 30);
    for (let length = 0; length < image.length; length += 1) {
      expect(inspectImage(image.subarray(0, length)).kind, `cut to ${length}`).not.toBe('image');
    }
  });

  it('with an error page glued to its end is incomplete', () => {
    const result = inspectImage(Buffer.concat([sample(20, 30), Buffer.from('<Error/>')]));
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
        expect(inspectImage(damaged).kind).not.toBe('image');
      }),
    );
  });

  it('without image data is incomplete, and so is one that does not start with its header', () => {
    const signature = samplePng(1, 1).subarray(0, 8);
    const header = samplePng(5, 5).subarray(8, 33);
    const end = pngChunk('IEND', Buffer.alloc(0));
    expect(inspectImage(Buffer.concat([signature, header, end]))).toEqual({
      kind: 'incomplete',
      reason: 'png: it has no image data',
    });
    const data = pngChunk('IDAT', Buffer.alloc(3));
    expect(inspectImage(Buffer.concat([signature, data, header, end])).kind).toBe('incomplete');
  });

  it('of no width is incomplete', () => {
    expect(inspectImage(samplePng(0, 4)).kind).toBe('incomplete');
  });
});

describe('a JPEG', () => {
  it('cut right after the thumbnail in its header is incomplete', () => {
    const image = sampleJpeg(20, 30);
    expect(inspectImage(image.subarray(0, image.indexOf(Buffer.from([0xff, 0xd9])) + 2)).kind).toBe(
      'incomplete',
    );
  });
});

describe('what is no image at all', () => {
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
  ])('%j is told as such', (text, reason) => {
    expect(inspectImage(Buffer.from(text))).toEqual({ kind: 'not-an-image', reason });
  });

  it('never throws, whatever the bytes', () => {
    const starts = samples.map(([, sample]) => sample(3, 3).subarray(0, 16));
    const bytes = fc.tuple(fc.constantFrom(Buffer.alloc(0), ...starts), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(bytes, ([start, rest]) => {
        expect(inspectImage(Buffer.concat([start, rest])).kind).not.toBe('image');
      }),
    );
  });
});
